//! Why a process cannot join a group.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a process cannot use a shared directory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SharedError {
    /// The directory cannot be created or read.
    #[error(
        "DYN_METRICS_SHARED_DIR={}: {source}: use a directory that this user may create and write to", path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The directory belongs to another user.
    #[error(
        "DYN_METRICS_SHARED_DIR={} belongs to user {owner}, and this process runs as user {user}: use a directory of that user", path.display()
    )]
    Owner {
        /// The directory.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
        /// The id of the user of this process.
        user: u32,
    },
    /// Other users may write to the directory.
    #[error(
        "DYN_METRICS_SHARED_DIR={} may be written by other users (mode {mode:03o}): run chmod 700 on it", path.display()
    )]
    Mode {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The directory is on a network file system.
    #[error(
        "DYN_METRICS_SHARED_DIR={} is on {kind}, where mapped memory and locks are not coherent between hosts: use a local directory, such as one below /tmp or /dev/shm", path.display()
    )]
    Network {
        /// The directory.
        path: PathBuf,
        /// The name of the file system.
        kind: &'static str,
    },
    /// A file in the directory cannot be created.
    #[error(
        "DYN_METRICS_SHARED_DIR={}: {source}: make room there, or use another directory", path.display()
    )]
    File {
        /// The directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl SharedError {
    /// The error number of the system, if the error is from the system.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Self::Directory { source, .. } | Self::File { source, .. } => source.raw_os_error(),
            Self::Owner { .. } | Self::Mode { .. } => Some(libc::EACCES),
            Self::Network { .. } => None,
        }
    }
}

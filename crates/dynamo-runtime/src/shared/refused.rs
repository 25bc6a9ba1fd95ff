//! The files of a group that this process could not read. Each is logged and counted once.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use super::format::Unreadable;
use crate::sync::lock;

pub(super) type RefusedGuard<'a> = MutexGuard<'a, HashSet<(String, u64)>>;

/// See the module.
#[derive(Default)]
pub(super) struct Refused {
    /// The names of the files, and inodes: totals are replaced under their name.
    files: Mutex<HashSet<(String, u64)>>,
}

impl Refused {
    /// Counts a file, and logs that it is not read.
    pub(super) fn add(&self, path: &Path, inode: u64, reason: Unreadable) {
        let is_new = lock(&self.files).insert((name(path), inode));
        if !is_new {
            return;
        }
        let path = path.display();
        match reason {
            Unreadable::Damaged => tracing::error!(
                "{path} is damaged or no file of shared metrics: its values are not shown, and it is renamed to damaged-… when its process has ended"
            ),
            Unreadable::Newer => tracing::error!(
                "{path} was written by a newer version of this library: its values are not shown; use one version in all processes"
            ),
        }
    }

    pub(super) fn contains(&self, path: &Path, inode: u64) -> bool {
        lock(&self.files).contains(&(name(path), inode))
    }

    /// Holds the lock during a fork.
    pub(super) fn lock(&self) -> RefusedGuard<'_> {
        lock(&self.files)
    }

    /// The number of files.
    pub(super) fn count(&self) -> u64 {
        lock(&self.files).len() as u64
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

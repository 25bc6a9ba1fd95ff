//! The shared directory: its checks, the names of its files, and locks.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock, statfs};

use super::error::SharedError;

/// The file of a member: this, and the member's id.
pub(super) const MEMBER: &str = "member-";
/// The file of a member that is joining.
pub(super) const NEW: &str = "new-";
/// A file that could not be read.
pub(super) const DAMAGED: &str = "damaged-";
/// The file of the values of members that have ended.
pub(super) const TOTALS: &str = "totals";
/// The next file of totals.
pub(super) const NEXT_TOTALS: &str = "totals.new";
/// The removals of series.
pub(super) const REMOVALS: &str = "removals";
/// The next file of removals.
pub(super) const NEXT_REMOVALS: &str = "removals.new";
const REMOVALS_LOCK: &str = "lock-removals";
const JOIN_LOCK: &str = "lock-join";
const FOLD_LOCK: &str = "lock-fold";
/// The lock of the member that serves a port.
const SERVE_LOCK: &str = "serve-";
/// The lock of the member that exports the metrics of the group.
const EXPORT_LOCK: &str = "export";

/// A process that is stopped while it joins must not stop others from joining.
const JOIN_TIMEOUT: Duration = Duration::from_secs(1);

/// A checked directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// File systems on which several hosts write, by the magic numbers of `statfs(2)`.
const NETWORK: &[(i64, &str)] = &[
    (0x6969, "NFS"),
    (0x00c3_6400, "CephFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x517b, "SMB"),
    (0x5346_414f, "AFS"),
    (0x4750_4653, "GPFS"),
    (0x0bd0_0bd0, "Lustre"),
    (0x1983_0326, "BeeGFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
];

impl Directory {
    /// Creates the directory, unless it exists, and checks it.
    pub(crate) fn open(path: &Path) -> Result<Self, SharedError> {
        let failed = |source| SharedError::Directory {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let path = fs::canonicalize(path).map_err(failed)?;
        let metadata = fs::metadata(&path).map_err(failed)?;
        let user = rustix::process::geteuid().as_raw();
        if metadata.uid() != user {
            return Err(SharedError::Owner {
                path,
                owner: metadata.uid(),
                user,
            });
        }
        let mode = metadata.mode() & 0o777;
        if mode & 0o022 != 0 {
            return Err(SharedError::Mode { path, mode });
        }
        let magic = statfs(&path)
            .map_err(|error| SharedError::Directory {
                path: path.clone(),
                source: error.into(),
            })?
            .f_type as i64
            & 0xffff_ffff;
        if let Some((_, kind)) = NETWORK.iter().find(|(known, _)| *known == magic) {
            return Err(SharedError::Network { path, kind });
        }
        Ok(Directory { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Replaces a file at once: `next` is written first, then renamed.
    pub(super) fn replace(&self, name: &str, next: &str, bytes: &[u8]) -> io::Result<()> {
        let next = self.file(next);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&next)?;
        file.write_all(bytes)?;
        fs::rename(next, self.file(name))
    }

    pub(super) fn error(&self, source: io::Error) -> SharedError {
        SharedError::File {
            path: self.path.clone(),
            source,
        }
    }

    /// The names of all files that begin with `prefix`.
    pub(super) fn names(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string()
                && name.starts_with(prefix)
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn lock_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.file(name))
    }

    /// Waits for the lock under which members choose their numbers; `None` after a second.
    pub(super) fn lock_join(&self) -> io::Result<Option<Locked>> {
        self.wait_for(JOIN_LOCK)
    }

    /// Waits for the lock under which removals are written; `None` after a second.
    pub(super) fn lock_removals(&self) -> io::Result<Option<Locked>> {
        self.wait_for(REMOVALS_LOCK)
    }

    fn wait_for(&self, name: &str) -> io::Result<Option<Locked>> {
        let file = self.lock_file(name)?;
        let deadline = Instant::now() + JOIN_TIMEOUT;
        while !try_lock(&file)? {
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(Some(Locked(file)))
    }

    /// The lock of the member that folds, if no other member has it.
    pub(super) fn lock_fold(&self) -> io::Result<Option<Locked>> {
        let file = self.lock_file(FOLD_LOCK)?;
        Ok(try_lock(&file)?.then_some(Locked(file)))
    }

    /// The address that the member that serves `port` has stored in its lock.
    pub(crate) fn served_address(&self, key: &str) -> Option<String> {
        let text = fs::read_to_string(self.file(&format!("{SERVE_LOCK}{key}"))).ok()?;
        Some(text.trim_end_matches('\n').to_owned())
    }

    /// The lock of the member that exports the metrics of the group, if no other member has it.
    pub(crate) fn lock_export(&self) -> io::Result<Option<File>> {
        let file = self.lock_file(EXPORT_LOCK)?;
        Ok(try_lock(&file)?.then_some(file))
    }

    /// The lock of the member that serves the port or path `key`, if no other member has it.
    pub(crate) fn lock_serve(&self, key: &str) -> io::Result<Option<File>> {
        let file = self.lock_file(&format!("{SERVE_LOCK}{key}"))?;
        Ok(try_lock(&file)?.then_some(file))
    }
}

/// A lock that is held for a moment.
///
/// Its end unlocks the file and does not only close it: a process that was forked meanwhile has the descriptor
/// too, and would keep the lock.
pub(super) struct Locked(pub(super) File);

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Locks a file, unless another process has locked it. The lock lasts until all descriptors of the file
/// that was opened are closed.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    lock(file, FlockOperation::NonBlockingLockExclusive)
}

/// Whether the owner of a member's file is alive: it has the lock. Tests do not disturb each other.
pub(super) fn is_alive(file: &File) -> io::Result<bool> {
    let is_free = lock(file, FlockOperation::NonBlockingLockShared)?;
    if is_free {
        // Nobody locks the file again. Without the lock of this test, the descriptor may stay open.
        flock(file, FlockOperation::Unlock)?;
    }
    Ok(!is_free)
}

fn lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Creates a directory for a group: below `XDG_RUNTIME_DIR` or, without that, the directory of temporary
/// files.
pub(crate) fn auto() -> Result<PathBuf, SharedError> {
    let base = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|base| base.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..16 {
        let id = super::format::random_id().map_err(|source| SharedError::Directory {
            path: base.clone(),
            source,
        })?;
        let path = base.join(format!("dynamo-metrics-{}", &super::format::hex(&id)[..12]));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) => last = error,
        }
    }
    Err(SharedError::Directory {
        path: base,
        source: last,
    })
}

//! The file of a Unix socket: its mode, stale files of ended processes, and its removal.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use tokio::net::{UnixListener, UnixSocket};

use super::fds;

/// The mode of the file before the umask: the owner, and the group if the umask allows it; never others.
const MODE: u32 = 0o660;

/// The file of a Unix socket that this process listens on. Its drop removes the file.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

impl Drop for SocketFile {
    /// Keeps a file that another process has put in its place.
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The device, the inode, and the time of creation, since a new file may get the inode of a removed one.
type Identity = (u64, u64, Option<SystemTime>);

fn identity(path: &Path) -> io::Result<Identity> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino(), file.created().ok()))
}

/// Listens on a path. Replaces the socket file of a process that has ended, and no other file.
pub(super) fn listen(path: &Path, backlog: u32) -> io::Result<(UnixListener, SocketFile)> {
    let socket = match bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            fs::remove_file(path)?;
            bind(path)?
        }
        bound => bound?,
    };
    let file = SocketFile {
        path: path.to_owned(),
        identity: identity(path)?,
    };
    Ok((socket.listen(backlog)?, file))
}

fn bind(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    // The kernel gives the file the mode of the socket at the time of the bind, less the umask.
    fds::set_mode(socket.as_fd(), MODE)?;
    socket.bind(path)?;
    Ok(socket)
}

/// Whether the file is a socket without a listener. Does not wait for a listener that accepts no connections.
fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket && matches!(connect(path), Err(Errno::CONNREFUSED))
}

/// Connects, unless that would have to wait.
fn connect(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync;

    /// Inside a runtime, in a folder of its own that is removed at the end.
    fn in_folder(name: &str, test: impl FnOnce(&Path)) {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        let _context = runtime.enter();
        let _section = sync::enter();
        test(&folder.join("worker.sock"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_file_is_removed_with_its_listener_and_no_other_file_is() {
        in_folder("removed", |path| {
            let (listener, file) = listen(path, 8).unwrap();
            drop((listener, file));
            assert!(!path.exists());
            let (_listener, file) = listen(path, 8).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(path, "another").unwrap();
            drop(file);
            assert!(path.exists());
        });
    }

    #[test]
    fn only_a_socket_that_nobody_listens_on_is_replaced() {
        in_folder("replaced", |path| {
            let (listener, file) = listen(path, 8).unwrap();
            let refused = |path| listen(path, 8).err().map(|error| error.kind());
            assert_eq!(refused(path), Some(io::ErrorKind::AddrInUse));
            drop(listener);
            let (_listener, second) = listen(path, 8).unwrap();
            drop(file);
            assert!(path.exists());
            drop(second);
            fs::write(path, "another").unwrap();
            assert_eq!(refused(path), Some(io::ErrorKind::AddrInUse));
        });
    }

    #[test]
    fn a_listener_that_accepts_no_connections_is_not_waited_for() {
        in_folder("full", |path| {
            let (_listener, _file) = listen(path, 0).unwrap();
            let mut waiting = Vec::new();
            while let Ok(connection) = connect(path) {
                waiting.push(connection);
            }
            assert!(!is_stale(path));
        });
    }
}

//! The file of a Unix socket: its mode, stale files of ended processes, and its removal.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket};

use super::fds;

/// The mode of the file before the umask: the owner, and the group if the umask allows it; never others.
const MODE: u32 = 0o660;

/// The file of a Unix socket that this process listens on. Its drop removes the file.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(SocketFile {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

impl Drop for SocketFile {
    /// Keeps a file that another process has put in its place.
    fn drop(&mut self) {
        let is_ours = |now: SocketFile| (now.device, now.inode) == (self.device, self.inode);
        if SocketFile::of(&self.path).is_ok_and(is_ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
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
    let file = SocketFile::of(path)?;
    Ok((socket.listen(backlog)?, file))
}

fn bind(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    // The kernel gives the file the mode of the socket at the time of the bind, less the umask.
    fds::set_mode(socket.as_fd(), MODE)?;
    socket.bind(path)?;
    Ok(socket)
}

/// Whether the file is a socket that nobody listens on.
fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).err().is_some_and(refused)
}

//! System calls on file descriptors that the standard library lacks.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Closes a descriptor in a forked child, where its owner never runs. The connection stays open in the parent.
pub(super) fn close(fd: RawFd) {
    // SAFETY: `close` touches no memory of ours. The caller holds the table of the sockets that are
    // open in this process, so the number still means that socket, and no owner is left to use it.
    unsafe { libc::close(fd) };
}

/// Whether a read, or an accept, would not block.
pub(super) fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let mut asked = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `poll` reads and writes the one `pollfd` behind the pointer, and does not wait.
    let ready = unsafe { libc::poll(&mut asked, 1, 0) };
    ready == 1
}

/// Sets the mode of an open file or unbound socket.
pub(super) fn set_mode(fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    // SAFETY: `fchmod` touches no memory of ours, and the descriptor is open.
    match unsafe { libc::fchmod(fd.as_raw_fd(), mode) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, IntoRawFd};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_closed_descriptor_ends_the_stream_of_its_peer() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        close(ours.into_raw_fd());
        assert_eq!(theirs.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn a_descriptor_is_readable_when_something_has_come() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        assert!(!is_readable(ours.as_fd()));
        theirs.write_all(b"x").unwrap();
        assert!(is_readable(ours.as_fd()));
    }
}

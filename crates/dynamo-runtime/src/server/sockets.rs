//! The table of the server's sockets. A socket is in it from before its first use until after its close, so
//! that a forked child closes exactly these.

use std::collections::HashSet;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};

use tokio::net::TcpSocket;

use super::fds;
use super::stream::{Listener, Stream};
use super::unix::{self, SocketFile};
use crate::sync;

/// The table. A socket is added and removed in the section of [`sync`] in which it is opened and closed: while
/// the gate is closed, the table is exact.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: Mutex<HashSet<RawFd>>,
}

impl Sockets {
    /// Listens on an address. Call it inside the context of the runtime that polls the socket.
    pub(super) fn listen(
        self: &Arc<Self>,
        address: SocketAddr,
        backlog: u32,
    ) -> io::Result<Socket<Listener>> {
        let _section = sync::enter();
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // Lingering connections of an earlier process do not block the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(self.adopt(Listener::Tcp(socket.listen(backlog)?)))
    }

    /// Listens on the path of a Unix socket. Call it inside the context of the runtime that polls the socket.
    pub(super) fn listen_unix(
        self: &Arc<Self>,
        path: &Path,
        backlog: u32,
    ) -> io::Result<(Socket<Listener>, SocketFile)> {
        let _section = sync::enter();
        let (listener, file) = unix::listen(path, backlog)?;
        Ok((self.adopt(Listener::Unix(listener)), file))
    }

    /// Closes every socket in a forked child. The caller has had the gate closed since before the fork.
    pub(super) fn close_in_child(&self) {
        for fd in sync::lock(&self.open).drain() {
            fds::close(fd);
        }
    }

    /// Adds a socket that was opened in the current section.
    fn adopt<T: AsRawFd>(self: &Arc<Self>, io: T) -> Socket<T> {
        sync::lock(&self.open).insert(io.as_raw_fd());
        Socket {
            io: Some(io),
            sockets: Arc::clone(self),
        }
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> Vec<RawFd> {
        let _section = sync::enter();
        sync::lock(&self.open).iter().copied().collect()
    }
}

/// An open socket. Its drop closes the socket and enters a section: do not drop it inside one.
#[derive(Debug)]
pub(super) struct Socket<T: AsRawFd> {
    /// Taken only by `drop`.
    io: Option<T>,
    sockets: Arc<Sockets>,
}

impl Socket<Listener> {
    /// Accepts the next connection.
    pub(super) async fn accept(&self) -> io::Result<Socket<Stream>> {
        poll_fn(|context| {
            let _section = sync::enter();
            let stream = ready!(self.poll_accept(context))?;
            Poll::Ready(Ok(self.sockets.adopt(stream)))
        })
        .await
    }

    /// Whether a connection waits to be accepted. Without a free descriptor, `accept` fails in either case.
    pub(super) fn has_waiting(&self) -> bool {
        fds::is_readable(self.as_fd())
    }
}

impl<T: AsRawFd> Deref for Socket<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.io.as_ref().expect("a socket is open until its drop")
    }
}

impl<T: AsRawFd> DerefMut for Socket<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.io.as_mut().expect("a socket is open until its drop")
    }
}

impl<T: AsRawFd> Drop for Socket<T> {
    fn drop(&mut self) {
        let _section = sync::enter();
        if let Some(io) = self.io.take() {
            sync::lock(&self.sockets.open).remove(&io.as_raw_fd());
        }
    }
}

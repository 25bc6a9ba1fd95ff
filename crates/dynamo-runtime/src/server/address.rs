//! The address of the server: TCP or a Unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The prefix of a host that is the path of a Unix socket.
const UNIX: &str = "unix:";

/// The address of a system status server. Displayed as `127.0.0.1:8081` or `unix:/run/worker.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatusAddress {
    /// A TCP address with the actual port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl StatusAddress {
    /// The address that was displayed as `text`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match unix_path(text) {
            Some(path) => Some(StatusAddress::Unix(path.to_owned())),
            None => text.parse().ok().map(StatusAddress::Tcp),
        }
    }

    /// The TCP address; `None` for a Unix socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            StatusAddress::Tcp(address) => Some(*address),
            StatusAddress::Unix(_) => None,
        }
    }
}

impl fmt::Display for StatusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusAddress::Tcp(address) => address.fmt(f),
            StatusAddress::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// The path in a host such as `unix:/run/worker.sock`; `None` for a TCP host.
pub(super) fn unix_path(host: &str) -> Option<&Path> {
    host.strip_prefix(UNIX).map(Path::new)
}

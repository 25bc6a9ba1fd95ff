//! The address of the server: TCP or a Unix socket.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::{fmt, io};

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

    /// The address of a server that is to listen on this host and fixed port.
    pub(crate) fn of(host: &str, port: u16) -> Option<Self> {
        match unix_path(host) {
            Some(path) => Some(StatusAddress::Unix(path.to_owned())),
            None => resolve(host, port).ok()?.next().map(StatusAddress::Tcp),
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

/// The addresses of a TCP host, which may be an IPv6 address as in a URL: in brackets.
pub(super) fn resolve(host: &str, port: u16) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    (bare.unwrap_or(host), port).to_socket_addrs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_before_a_server_listens() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("[::1]", "[::1]:80"),
            ("::1", "[::1]:80"),
            ("unix:/run/a", "unix:/run/a"),
        ] {
            assert_eq!(StatusAddress::of(host, 80).unwrap().to_string(), address);
        }
        assert_eq!(StatusAddress::of("no host", 80), None);
    }
}

//! The error of a server that could not start.

use std::io;

use thiserror::Error;

use super::address::unix_path;
use super::web::WebConfigError;
use crate::config::ConfigError;

/// Why the system status server could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The server cannot listen on the address. `source` has the error number of the system.
    #[error("cannot listen on {}: {}: {}", address(host, *port), reason(source), remedy(host, source))]
    Bind {
        /// From the configuration.
        host: String,
        /// From the configuration.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
    /// The system refused a thread or descriptor.
    #[error(
        "cannot start the system status server: {}: raise the limits of this process, or set DYN_SYSTEM_PORT=-1 (off)",
        reason(source)
    )]
    Start {
        /// The error of the system.
        source: io::Error,
    },
    /// The paths of the routes are invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The web config file is not valid.
    #[error("DYN_SYSTEM_WEB_CONFIG: {0}")]
    WebConfig(#[from] WebConfigError),
}

impl ServerError {
    /// The error number of the system, if the error is from the system.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Self::Bind { source, .. } | Self::Start { source } => source.raw_os_error(),
            Self::Config(_) | Self::WebConfig(_) => None,
        }
    }
}

fn address(host: &str, port: u16) -> String {
    if unix_path(host).is_some() {
        host.to_owned()
    } else if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The message of the system without the error number, which is a field.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn remedy(host: &str, error: &io::Error) -> &'static str {
    if unix_path(host).is_some() {
        return match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another process listens there, or the file is not a socket: set DYN_SYSTEM_HOST to another path"
            }
            io::ErrorKind::InvalidInput => "set DYN_SYSTEM_HOST to a path of at most 107 bytes",
            _ => "set DYN_SYSTEM_HOST to a path in a folder that this process can write to",
        };
    }
    match error.kind() {
        io::ErrorKind::AddrInUse => "set DYN_SYSTEM_PORT to another port, or to 0 for a free port",
        io::ErrorKind::PermissionDenied => {
            "set DYN_SYSTEM_PORT to a port above 1023, or to 0 for a free port"
        }
        _ => "set DYN_SYSTEM_HOST to an address of this machine, such as 0.0.0.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(host: &str, errno: i32) -> String {
        let source = io::Error::from_raw_os_error(errno);
        let host = host.to_owned();
        ServerError::Bind {
            host,
            port: 80,
            source,
        }
        .to_string()
    }

    #[test]
    fn a_bind_error_names_the_remedy() {
        assert_eq!(
            message("0.0.0.0", libc::EADDRINUSE),
            "cannot listen on 0.0.0.0:80: Address already in use: set DYN_SYSTEM_PORT to another port, or to 0 for a free port"
        );
        assert!(message("localhost", libc::EACCES).contains("a port above 1023"));
        assert!(message("192.0.2.1", libc::EADDRNOTAVAIL).contains("DYN_SYSTEM_HOST"));
    }

    #[test]
    fn an_ipv6_address_is_in_brackets() {
        for host in ["::1", "[::1]"] {
            assert!(message(host, libc::EADDRINUSE).starts_with("cannot listen on [::1]:80: "));
        }
    }
}

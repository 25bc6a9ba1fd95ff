//! The limits of connections.

use std::time::Duration;

use crate::system;

/// The limits of connections. Tests use shorter ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the accept to the end of the first header.
    pub(super) first_header: Duration,
    /// From the first byte of a later header to its end.
    pub(super) header: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// Without progress of a response: the client does not read.
    pub(super) stall: Duration,
    /// A connection that has stalled for this time may be closed for a new one at the connection limit.
    pub(super) stall_when_full: Duration,
    /// The connection limit.
    pub(super) connections: usize,
    /// The interval between checks of the deadlines.
    pub(super) check_interval: Duration,
    /// The wait after a failed accept, for instance without a free descriptor.
    pub(super) accept_backoff: Duration,
    /// The timeout of running responses after the start of a shutdown.
    pub(super) drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_header: Duration::from_secs(10),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            stall: Duration::from_secs(60),
            stall_when_full: Duration::from_secs(5),
            connections: max_connections(system::descriptor_limit()),
            check_interval: Duration::from_millis(500),
            accept_backoff: Duration::from_millis(50),
            drain: Duration::from_millis(500),
        }
    }
}

/// At most half of the descriptors: the rest of the process needs some too.
fn max_connections(descriptors: Option<usize>) -> usize {
    const MOST: usize = 512;
    descriptors.map_or(MOST, |limit| (limit / 2).clamp(1, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_at_most_half_of_the_descriptors() {
        assert_eq!(max_connections(None), 512);
        assert_eq!(max_connections(Some(1_048_576)), 512);
        assert_eq!(max_connections(Some(256)), 128);
        assert_eq!(max_connections(Some(0)), 1);
    }
}

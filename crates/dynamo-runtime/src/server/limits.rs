//! What one client may cost.

use std::time::Duration;

use crate::system;

/// The bounds of connections. Tests shorten them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the accept to the end of the first header.
    pub(super) first_header: Duration,
    /// From the first byte of a later header to its end.
    pub(super) header: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// Without progress while a response is written: the client does not read.
    pub(super) stall: Duration,
    /// A write stalled for so long may be given up for a new connection when there is no room.
    pub(super) stall_when_full: Duration,
    /// Connections at a time.
    pub(super) connections: usize,
    /// How often the deadlines are looked at.
    pub(super) tick: Duration,
    /// How long to wait after an accept that failed, for instance because no descriptor was free.
    pub(super) accept_backoff: Duration,
    /// How long running responses may take after a shutdown has begun.
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
            connections: most_connections(system::descriptor_limit()),
            tick: Duration::from_millis(500),
            accept_backoff: Duration::from_millis(50),
            drain: Duration::from_millis(500),
        }
    }
}

/// Half of the descriptors at most: the rest of the process needs some as well.
fn most_connections(descriptors: Option<usize>) -> usize {
    const MOST: usize = 512;
    descriptors.map_or(MOST, |limit| (limit / 2).clamp(1, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_at_most_half_of_the_descriptors() {
        assert_eq!(most_connections(None), 512);
        assert_eq!(most_connections(Some(1_048_576)), 512);
        assert_eq!(most_connections(Some(256)), 128);
        assert_eq!(most_connections(Some(0)), 1);
    }
}

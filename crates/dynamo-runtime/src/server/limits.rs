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
    /// As `stall`, while new connections or scrapes wait for those there are.
    pub(super) stall_when_full: Duration,
    /// From the first byte of a response to its last one.
    pub(super) response: Duration,
    /// As `response`, while scrapes wait for those there are.
    pub(super) response_when_full: Duration,
    /// A connection that has been idle for less than this may be about to send a request: one with a request in
    /// flight is closed before it.
    pub(super) grace: Duration,
    /// The connection limit. Half as many again may be closing, or in a step of their TLS handshakes.
    pub(super) connections: usize,
    /// The number of connections from which on those that send requests ahead are delayed.
    pub(super) busy: usize,
    /// The delay of a request that was sent ahead.
    pub(super) ahead_delay: Duration,
    /// The scrapes that run at once, from the request to the end of the response.
    pub(super) scrapes: usize,
    /// The total size of the expositions that are being sent, in bytes.
    pub(super) scrape_bytes: usize,
    /// The time that a scrape waits for others to end.
    pub(super) scrape_wait: Duration,
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
            stall_when_full: Duration::from_secs(2),
            response: Duration::from_secs(60),
            response_when_full: Duration::from_secs(10),
            grace: Duration::from_secs(1),
            connections: max_connections(system::descriptor_limit()),
            busy: 64,
            ahead_delay: Duration::from_millis(50),
            scrapes: 40,
            scrape_bytes: 128 * 1024 * 1024,
            scrape_wait: Duration::from_secs(1),
            check_interval: Duration::from_millis(500),
            accept_backoff: Duration::from_millis(50),
            drain: Duration::from_millis(500),
        }
    }
}

/// With those that are closing, at most half of the descriptors: the rest of the process needs some too.
fn max_connections(descriptors: Option<usize>) -> usize {
    const MOST: usize = 1024;
    descriptors.map_or(MOST, |limit| (limit / 3).clamp(1, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_at_most_half_of_the_descriptors() {
        assert_eq!(max_connections(None), 1024);
        assert_eq!(max_connections(Some(1_048_576)), 1024);
        assert_eq!(max_connections(Some(256)), 85);
        assert_eq!(max_connections(Some(0)), 1);
    }
}

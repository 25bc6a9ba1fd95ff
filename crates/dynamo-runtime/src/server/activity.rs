//! The activity of a connection, and its deadline.

use std::time::{Duration, Instant};

use super::limits::Limits;

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Accepted; the first header is not complete.
    FirstHeader,
    /// A response has been sent; no byte of the next header has been received.
    Idle,
    /// The next header has begun.
    Header,
    /// A header is complete; its response is not.
    Request,
}

/// The state of one connection. All times come from the caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    phase: Phase,
    since: Instant,
    /// The time since which the kernel accepts no bytes of a response.
    stalled: Option<Instant>,
}

impl Activity {
    /// A connection accepted at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::FirstHeader,
            since: now,
            stalled: None,
        }
    }

    /// Bytes were received from the client.
    pub(super) fn received(&mut self, now: Instant) {
        if self.phase == Phase::Idle {
            self.enter(Phase::Header, now);
        }
    }

    /// A header is complete.
    pub(super) fn request_began(&mut self, now: Instant) {
        self.enter(Phase::Request, now);
    }

    /// The last byte of a response was handed over, but may not be sent yet.
    pub(super) fn response_ended(&mut self, now: Instant) {
        self.enter(Phase::Idle, now);
    }

    /// The kernel accepted bytes of a response.
    pub(super) fn sent(&mut self, now: Instant) {
        if self.stalled.take().is_some() && self.phase == Phase::Idle {
            self.since = now;
        }
    }

    /// The kernel accepts no more bytes.
    pub(super) fn blocked(&mut self, now: Instant) {
        self.stalled.get_or_insert(now);
    }

    /// The deadline of the client; `None` while the server prepares a response.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let (start, time) = match (self.stalled, self.phase) {
            (Some(stalled), _) => (stalled, limits.stall),
            (None, Phase::FirstHeader) => (self.since, limits.first_header),
            (None, Phase::Idle) => (self.since, limits.idle),
            (None, Phase::Header) => (self.since, limits.header),
            (None, Phase::Request) => return None,
        };
        start.checked_add(time)
    }

    /// The time since which no request is in flight; `None` inside a request.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.phase != Phase::Request && self.stalled.is_none()).then_some(self.since)
    }

    /// The time since which the client has not read, if that is at least `timeout` ago.
    pub(super) fn stalled_since(&self, now: Instant, timeout: Duration) -> Option<Instant> {
        self.stalled
            .filter(|since| now.saturating_duration_since(*since) >= timeout)
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn limits() -> Limits {
        Limits {
            first_header: Duration::from_secs(10),
            header: Duration::from_secs(11),
            idle: Duration::from_secs(60),
            stall: Duration::from_secs(61),
            ..Limits::default()
        }
    }

    #[test]
    fn single_bytes_do_not_extend_the_deadline_of_the_first_header() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.received(after(start, 9));
        assert_eq!(activity.deadline(&limits()), Some(after(start, 10)));
        assert_eq!(activity.idle_since(), Some(start));
    }

    #[test]
    fn a_request_has_no_deadline_until_its_client_stops_reading() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.request_began(after(start, 1));
        assert_eq!(activity.deadline(&limits()), None);
        assert_eq!(activity.idle_since(), None);
        activity.blocked(after(start, 2));
        activity.blocked(after(start, 3));
        assert_eq!(activity.deadline(&limits()), Some(after(start, 63)));
        activity.sent(after(start, 4));
        assert_eq!(activity.deadline(&limits()), None);
    }

    #[test]
    fn a_later_header_is_timed_from_its_first_byte() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.request_began(start);
        activity.response_ended(after(start, 5));
        assert_eq!(activity.deadline(&limits()), Some(after(start, 65)));
        activity.received(after(start, 30));
        activity.received(after(start, 35));
        assert_eq!(activity.deadline(&limits()), Some(after(start, 41)));
    }

    #[test]
    fn a_connection_with_an_unsent_response_is_not_idle() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.request_began(start);
        activity.blocked(after(start, 1));
        activity.response_ended(after(start, 2));
        assert_eq!(activity.idle_since(), None);
        assert_eq!(activity.deadline(&limits()), Some(after(start, 62)));
        activity.sent(after(start, 3));
        assert_eq!(activity.idle_since(), Some(after(start, 3)));
        assert_eq!(activity.deadline(&limits()), Some(after(start, 63)));
    }

    #[test]
    fn a_short_stall_does_not_count() {
        let start = Instant::now();
        let timeout = Duration::from_secs(5);
        let mut activity = Activity::new(start);
        activity.request_began(start);
        activity.blocked(after(start, 1));
        assert_eq!(activity.stalled_since(after(start, 5), timeout), None);
        assert_eq!(
            activity.stalled_since(after(start, 6), timeout),
            Some(after(start, 1))
        );
    }
}

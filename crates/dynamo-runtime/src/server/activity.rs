//! What a connection is doing, and until when it may.

use std::time::{Duration, Instant};

use super::limits::Limits;

/// Where a connection stands between two requests or in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Accepted; the first header is not complete.
    FirstHeader,
    /// A response has been sent; nothing of a next header has come.
    Idle,
    /// A next header has begun.
    Header,
    /// A header is complete; its response is not.
    Request,
}

/// The state of one connection. All times come from the caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    phase: Phase,
    since: Instant,
    /// Since when the kernel takes no more bytes of a response.
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

    /// Bytes have come from the client.
    pub(super) fn received(&mut self, now: Instant) {
        if self.phase == Phase::Idle {
            self.enter(Phase::Header, now);
        }
    }

    /// A header is complete.
    pub(super) fn request_began(&mut self, now: Instant) {
        self.enter(Phase::Request, now);
    }

    /// The last byte of a response has been handed over, though perhaps not sent.
    pub(super) fn response_ended(&mut self, now: Instant) {
        self.enter(Phase::Idle, now);
    }

    /// The kernel has taken bytes of a response.
    pub(super) fn sent(&mut self, now: Instant) {
        if self.stalled.take().is_some() && self.phase == Phase::Idle {
            self.since = now;
        }
    }

    /// The kernel takes no more bytes.
    pub(super) fn blocked(&mut self, now: Instant) {
        self.stalled.get_or_insert(now);
    }

    /// When the connection has had its time; `None` while the server itself is at work.
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

    /// Since when the client has been owed nothing; `None` inside a request.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.phase != Phase::Request && self.stalled.is_none()).then_some(self.since)
    }

    /// Since when the client has not read, if that is longer than `patience`.
    pub(super) fn stalled_since(&self, now: Instant, patience: Duration) -> Option<Instant> {
        self.stalled
            .filter(|since| now.saturating_duration_since(*since) >= patience)
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
    fn bytes_that_trickle_in_do_not_prolong_the_first_header() {
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
    fn a_response_that_is_handed_over_but_not_sent_is_not_idle() {
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
    fn a_short_stall_is_no_reason_to_give_a_client_up() {
        let start = Instant::now();
        let patience = Duration::from_secs(5);
        let mut activity = Activity::new(start);
        activity.request_began(start);
        activity.blocked(after(start, 1));
        assert_eq!(activity.stalled_since(after(start, 5), patience), None);
        assert_eq!(
            activity.stalled_since(after(start, 6), patience),
            Some(after(start, 1))
        );
    }
}

//! The activity of a connection, and its deadline.

use std::cmp::Reverse;
use std::time::Instant;

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
    /// A header is complete; its response has not begun.
    Request,
    /// A response has begun; not all of it has been handed over.
    Response,
}

/// The state of one connection. All times come from the caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    phase: Phase,
    since: Instant,
    /// The time since which the kernel accepts no bytes of a response.
    stalled: Option<Instant>,
    accepted: Instant,
    requests: u32,
    /// Whether the client waits for a step of its TLS handshake.
    waits: bool,
    /// The end of the last step of its TLS handshake.
    stepped: Option<Instant>,
    /// Whether bytes were received since the last header was complete.
    has_received: bool,
    sends_ahead: bool,
}

/// The order in which connections are closed for a new one; lesser ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// No request is in flight. The one that is idle for longest comes first.
    Idle(Instant),
    /// The client does not read.
    Stalled(Instant),
    /// The client sends requests without waiting for responses.
    SendsAhead(Instant),
    /// A request is in flight. The client with the most requests a second comes first, then the latest one.
    Busy(Reverse<u32>, Reverse<Instant>),
}

impl Activity {
    /// A connection accepted at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::FirstHeader,
            since: now,
            stalled: None,
            accepted: now,
            requests: 0,
            waits: false,
            stepped: None,
            has_received: false,
            sends_ahead: false,
        }
    }

    /// Bytes were received from the client.
    pub(super) fn received(&mut self, now: Instant) {
        self.has_received = true;
        if self.phase == Phase::Idle {
            self.enter(Phase::Header, now);
        }
    }

    /// The server has the messages of a client for the next step of a TLS handshake, which it takes in turns.
    pub(super) fn step_waits(&mut self, _now: Instant) {
        self.waits = true;
    }

    /// The step was done, or is no longer wanted.
    pub(super) fn step_ended(&mut self, now: Instant) {
        self.waits = false;
        self.stepped = Some(now);
    }

    /// A header is complete.
    pub(super) fn request_began(&mut self, now: Instant) {
        self.sends_ahead |= !self.has_received;
        self.has_received = false;
        self.requests = self.requests.saturating_add(1);
        self.enter(Phase::Request, now);
    }

    /// The first byte of a response was handed over.
    pub(super) fn response_began(&mut self, now: Instant) {
        self.enter(Phase::Response, now);
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

    /// The kernel's send buffer is full.
    pub(super) fn blocked(&mut self, now: Instant) {
        self.stalled.get_or_insert(now);
    }

    /// The deadline of the client; `None` while the server prepares a response. `is_full` is whether scrapes
    /// wait for others to end.
    pub(super) fn deadline(&self, limits: &Limits, is_full: bool) -> Option<Instant> {
        let (stall, response) = match is_full {
            true => (limits.stall_when_full, limits.response_when_full),
            false => (limits.stall, limits.response),
        };
        let of_phase = match self.phase {
            Phase::FirstHeader => Some(limits.first_header),
            Phase::Idle if self.stalled.is_some() => None,
            Phase::Idle => Some(limits.idle),
            Phase::Header => Some(limits.header),
            Phase::Request => None,
            Phase::Response => Some(response),
        };
        let of_phase = of_phase.and_then(|time| self.since.checked_add(time));
        let of_stall = self.stalled.and_then(|since| since.checked_add(stall));
        of_phase.into_iter().chain(of_stall).min()
    }

    /// The time since which no request is in flight; `None` inside a request.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let is_busy = matches!(self.phase, Phase::Request | Phase::Response);
        (!is_busy && self.stalled.is_none()).then_some(self.since)
    }

    /// Whether the client waits for a step of its TLS handshake.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Whether the client is in its TLS handshake, or has sent no request since.
    pub(super) fn is_in_handshake(&self) -> bool {
        self.phase == Phase::FirstHeader && (self.waits || self.stepped.is_some())
    }

    /// Whether the client has sent a request before the response to the one before it.
    pub(super) fn sends_ahead(&self) -> bool {
        self.sends_ahead
    }

    /// The rank of the connection among those that may be closed for a new one.
    pub(super) fn rank(&self, now: Instant, limits: &Limits) -> Rank {
        let age = now.saturating_duration_since(self.accepted);
        let stalled = self
            .stalled
            .filter(|since| now.saturating_duration_since(*since) >= limits.stall_when_full);
        match (self.idle_since(), stalled) {
            (Some(since), _) => Rank::Idle(self.stepped.map_or(since, |end| end.max(since))),
            (None, Some(since)) => Rank::Stalled(since),
            (None, None) if self.sends_ahead => Rank::SendsAhead(self.since),
            (None, None) => {
                let seconds = age.as_secs().try_into().unwrap_or(u32::MAX).max(1);
                Rank::Busy(Reverse(self.requests / seconds), Reverse(self.since))
            }
        }
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        assert_eq!(activity.deadline(&limits(), false), Some(after(start, 10)));
        assert_eq!(activity.idle_since(), Some(start));
    }

    #[test]
    fn a_request_has_no_deadline_until_its_client_stops_reading() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.request_began(after(start, 1));
        assert_eq!(activity.deadline(&limits(), false), None);
        assert_eq!(activity.idle_since(), None);
        activity.blocked(after(start, 2));
        activity.blocked(after(start, 3));
        assert_eq!(activity.deadline(&limits(), false), Some(after(start, 63)));
        activity.sent(after(start, 4));
        assert_eq!(activity.deadline(&limits(), false), None);
    }

    #[test]
    fn a_later_header_is_timed_from_its_first_byte() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.request_began(start);
        activity.response_ended(after(start, 5));
        assert_eq!(activity.deadline(&limits(), false), Some(after(start, 65)));
        activity.received(after(start, 30));
        activity.received(after(start, 35));
        assert_eq!(activity.deadline(&limits(), false), Some(after(start, 41)));
    }

    #[test]
    fn a_connection_with_an_unsent_response_is_not_idle() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.request_began(start);
        activity.blocked(after(start, 1));
        activity.response_ended(after(start, 2));
        assert_eq!(activity.idle_since(), None);
        assert_eq!(activity.deadline(&limits(), false), Some(after(start, 62)));
        activity.sent(after(start, 3));
        assert_eq!(activity.idle_since(), Some(after(start, 3)));
        assert_eq!(activity.deadline(&limits(), false), Some(after(start, 63)));
    }

    #[test]
    fn a_response_has_a_time_limit_however_steadily_the_client_reads() {
        let start = Instant::now();
        let limits = Limits {
            response: Duration::from_secs(60),
            response_when_full: Duration::from_secs(10),
            ..limits()
        };
        let mut activity = Activity::new(start);
        activity.request_began(after(start, 1));
        activity.response_began(after(start, 2));
        for second in 3..50 {
            activity.blocked(after(start, second));
            activity.sent(after(start, second));
        }
        assert_eq!(activity.deadline(&limits, false), Some(after(start, 62)));
        assert_eq!(activity.deadline(&limits, true), Some(after(start, 12)));
    }

    #[test]
    fn connections_are_closed_in_the_order_of_their_use() {
        let start = Instant::now();
        let now = after(start, 100);
        let limits = limits();
        let busy = |requests: u32, last: u64| {
            let mut activity = Activity::new(start);
            for _ in 0..requests {
                activity.received(start);
                activity.request_began(after(start, last));
            }
            activity
        };
        let mut idle = busy(1, 1);
        idle.response_ended(after(start, 99));
        let mut stalled = busy(1, 1);
        stalled.blocked(after(start, 2));
        let mut ahead = busy(1, 1);
        ahead.request_began(after(start, 2));
        let order = [
            Activity::new(start),
            idle,
            stalled,
            ahead,
            busy(1000, 50),
            busy(1, 99),
            busy(1, 98),
        ];
        let ranks = order.map(|activity| activity.rank(now, &limits));
        assert!(ranks.is_sorted(), "{ranks:?}");
    }

    #[test]
    fn a_short_stall_does_not_count() {
        let start = Instant::now();
        let limits = Limits {
            stall_when_full: Duration::from_secs(5),
            ..limits()
        };
        let mut activity = Activity::new(start);
        activity.received(start);
        activity.request_began(start);
        activity.blocked(after(start, 1));
        let rank = |second| activity.rank(after(start, second), &limits);
        assert!(matches!(rank(5), Rank::Busy(..)));
        assert_eq!(rank(6), Rank::Stalled(after(start, 1)));
    }
}

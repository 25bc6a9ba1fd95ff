//! Deadlines of rounds that share callbacks, and the threads that run them. Times are in milliseconds.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

use super::*;
use crate::callbacks::tests::NoStats;
use crate::metrics::Path;

fn callback() -> Arc<Entry> {
    Arc::new(Entry {
        owner: Path::root(),
        name: String::new(),
        action: Action::Call(Box::new(|| ())),
        external: None,
        lateness_logged: AtomicBool::default(),
        not_reached_logged: AtomicBool::default(),
        failure_logged: AtomicBool::default(),
        unregistered: AtomicBool::default(),
        was_late: AtomicBool::default(),
        stats: Arc::new(NoStats),
    })
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A state whose threads and clock are this test's.
struct Clocked {
    state: State,
    start: Instant,
    timeout: Duration,
}

impl Clocked {
    fn new(timeout: u64) -> Self {
        Clocked {
            state: State::default(),
            start: Instant::now(),
            timeout: millis(timeout),
        }
    }

    fn at(&self, time: u64) -> Instant {
        self.start + millis(time)
    }

    fn begin(&mut self, callbacks: &[&Arc<Entry>], now: u64, deadline: u64) -> u64 {
        let callbacks = callbacks.iter().copied().cloned().collect();
        let (now, deadline) = (self.at(now), self.at(deadline));
        self.state.begin(callbacks, self.timeout, deadline, now)
    }

    /// A round of a scraper that sets no limit.
    fn begin_patiently(&mut self, callback: &Arc<Entry>, now: u64) -> u64 {
        let time = self.timeout + self.state.time_left(self.at(now)).min(self.timeout);
        let deadline = now + u64::try_from(time.as_millis()).unwrap();
        self.begin(&[callback], now, deadline)
    }

    fn starts(&mut self, now: u64) -> bool {
        let now = self.at(now);
        let job = self.state.start_next(thread::current().id(), now);
        job.is_some()
    }

    fn finish(&mut self, callback: &Arc<Entry>, now: u64) {
        let now = self.at(now);
        self.state.expire(now);
        assert!(self.state.finish(callback, now).is_some());
    }

    /// How many callbacks a round missed; `None` if it waits.
    fn missed(&mut self, round: u64, now: u64) -> Option<usize> {
        let now = self.at(now);
        self.state.expire(now);
        self.state.is_over(round).then(|| {
            let outcome = self.state.end(round);
            outcome.late.len() + outcome.not_reached.len()
        })
    }
}

#[test]
fn a_short_deadline_ends_only_the_wait_of_its_own_round() {
    for length in [500, 700, 900] {
        for arrival in [60, 300, length - 1] {
            let mut clocked = Clocked::new(1000);
            let callback = callback();
            let hurried = clocked.begin(&[&callback], 0, 50);
            assert!(clocked.starts(0));
            assert_eq!(clocked.missed(hurried, 50), Some(1));
            let patient = clocked.begin_patiently(&callback, arrival);
            clocked.begin(&[&callback], arrival, arrival + 50);
            clocked.finish(&callback, length);
            assert_eq!(clocked.missed(patient, length), None, "that run is older");
            assert!(clocked.starts(length));
            clocked.begin(&[&callback], length + 1, length + 51);
            clocked.finish(&callback, 2 * length);
            assert_eq!(clocked.missed(patient, 2 * length), Some(0));
        }
    }
}

#[test]
fn a_callback_that_one_round_waits_for_and_another_has_given_up_is_in_time() {
    let mut clocked = Clocked::new(1000);
    let callback = callback();
    let hurried = clocked.begin(&[&callback], 0, 50);
    let patient = clocked.begin_patiently(&callback, 0);
    assert!(clocked.starts(0));
    assert_eq!(clocked.missed(hurried, 50), Some(1));
    assert!(clocked.state.is_waited_for(&callback));
    clocked.finish(&callback, 700);
    assert_eq!(clocked.missed(patient, 700), Some(0));
    assert!(!callback.was_late.load(Relaxed));
}

#[test]
fn a_callback_that_loses_its_thread_is_late_when_it_has_run_for_the_callback_timeout() {
    for (length, missed) in [(1300, 0), (5000, 1)] {
        let mut clocked = Clocked::new(5000);
        let callback = callback();
        clocked.begin(&[&callback], 0, 50);
        assert!(clocked.starts(0));
        assert_eq!(clocked.state.overdue_at(), Some(clocked.at(1000)));
        clocked.state.replace_main_thread(clocked.at(1000));
        let patient = clocked.begin_patiently(&callback, 1100);
        assert_eq!(clocked.missed(patient, 1299), None);
        assert!(!clocked.starts(1299), "it runs");
        clocked.finish(&callback, length);
        if missed == 0 {
            assert!(clocked.starts(length));
            clocked.finish(&callback, 2 * length);
        }
        assert_eq!(clocked.missed(patient, 2 * length), Some(missed));
    }
}

#[test]
fn no_round_waits_for_a_callback_that_is_late_already() {
    let mut clocked = Clocked::new(60_000);
    let callback = callback();
    clocked.begin(&[&callback], 0, 50);
    assert!(clocked.starts(0));
    assert_eq!(clocked.missed(0, 60_000), Some(1));
    let later = clocked.begin_patiently(&callback, 60_000);
    assert_eq!(clocked.missed(later, 60_000), Some(1));
    assert!(!clocked.starts(60_000));
}

#[test]
fn a_thread_that_is_kept_between_two_callbacks_loses_the_others() {
    let dispatcher = Arc::new(Dispatcher::default());
    let (release, released) = mpsc::channel::<()>();
    let main = Arc::clone(&dispatcher);
    let kept = thread::spawn(move || {
        main.finish(main.next().unwrap(), true);
        let _ = released.recv();
        main.next().is_none()
    });
    let standby = Arc::clone(&dispatcher);
    let takes_over = thread::spawn(move || {
        assert!(standby.stand_by());
        standby.finish(standby.next().unwrap(), true);
    });
    let far = Instant::now() + millis(3_600_000);
    let outcome = dispatcher.run(vec![callback(), callback()], millis(300), &[far], |_| ());
    assert!(outcome.late.is_empty() && outcome.not_reached.is_empty());
    takes_over.join().unwrap();
    drop(release);
    assert!(kept.join().unwrap(), "it ends when it is free");
}

#[test]
fn a_thread_that_is_kept_while_no_callback_waits_keeps_its_work() {
    let mut clocked = Clocked::new(1000);
    let callback = callback();
    clocked.begin(&[&callback], 0, 1000);
    assert!(clocked.starts(0));
    clocked.finish(&callback, 10);
    assert_eq!(clocked.state.overdue_at(), None);
    clocked.begin(&[&callback], 500, 1500);
    assert_eq!(clocked.state.overdue_at(), Some(clocked.at(1010)));
}

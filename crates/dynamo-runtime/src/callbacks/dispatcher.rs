//! The dispatcher: hands callbacks to the thread that runs user code, and waits for it until a deadline.
//!
//! A scrape queues a round of callbacks. The main thread takes them one by one with [`Dispatcher::next`].
//! It is a Rust thread ([`Dispatcher::ensure_thread`]) or a thread that Python created, on which no Rust
//! frame lies below user code.
//!
//! A callback that its round did not reach stays in the queue: it runs after the deadline. A standby
//! thread ([`Dispatcher::stand_by`]) becomes the main thread when a callback runs beyond its deadline. That
//! callback goes on alone. It does not run a second time meanwhile, and no round waits for it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::{Action, Entry};
use crate::sync::lock;

/// See the module.
#[derive(Default)]
pub struct Dispatcher {
    state: Mutex<State>,
    /// Wakes the main thread.
    work: Condvar,
    /// Wakes the standby thread.
    started: Condvar,
    /// Wakes scrapes that wait for their rounds.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    rounds: Vec<Round>,
    next_round: u64,
    /// The callbacks to run, each one once.
    queue: VecDeque<Pending>,
    /// The callback that the main thread runs.
    running: Option<Running>,
    /// Callbacks that lost the main thread: they ran beyond their deadline.
    stuck: Vec<Running>,
    /// The main thread.
    thread: Option<ThreadId>,
    /// The standby thread sleeps until then. A callback whose deadline is earlier must wake it.
    standby_sleeps_until: Option<Instant>,
    /// The main thread must return from its wait without a job.
    woken: bool,
    /// No more jobs are handed out.
    stopped: bool,
}

/// How long the standby thread sleeps while no callback runs.
const LONG: Duration = Duration::from_secs(3600);

/// A scrape that waits for its callbacks.
struct Round {
    id: u64,
    deadline: Instant,
    /// The callbacks that have not finished.
    open: VecDeque<Arc<Entry>>,
    outcome: Outcome,
}

/// A callback in the queue.
struct Pending {
    entry: Arc<Entry>,
    rounds: Vec<u64>,
    /// How long the callback may run if no round waits for it any more.
    budget: Duration,
    /// How long it may run in any case, however short the deadlines of its rounds are.
    least: Duration,
}

struct Running {
    entry: Arc<Entry>,
    rounds: Vec<u64>,
    thread: ThreadId,
    /// From then on the callback is late.
    overdue_at: Instant,
    /// It lost the main thread: no round waits for it any more.
    is_late: bool,
    /// The deadline of one of its rounds has passed.
    was_given_up: bool,
}

/// The callbacks of a round that had not finished at its deadline.
#[derive(Default)]
pub(crate) struct Outcome {
    /// They were running.
    pub(crate) late: Vec<Arc<Entry>>,
    /// They had not begun.
    pub(crate) not_reached: Vec<Arc<Entry>>,
}

/// A callback to run now. Report its result with [`Dispatcher::finish`].
pub struct Job(Arc<Entry>);

/// The next step of the main thread.
pub enum Next {
    /// Run a callback.
    Job(Job),
    /// Wait again: the timeout has passed or the thread was woken.
    Nothing,
    /// End: the dispatcher has been stopped, or another thread is the main thread now.
    Stopped,
}

impl Job {
    /// The action of the callback.
    pub fn action(&self) -> &Action {
        &self.0.action
    }

    /// The name of the callback, for messages.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Stores the exposition that the callback returned, in place of the previous one. The caller needs
    /// neither a lock nor the GIL.
    pub fn store_exposition(&self, text: &str) {
        self.0.store_exposition(text);
    }

    /// Whether the callback returns an exposition.
    pub fn returns_exposition(&self) -> bool {
        self.0.external.is_some()
    }

    /// Returns true at the first call for a callback, so that only its first failure is logged.
    pub fn is_first_failure(&self) -> bool {
        !self.0.failure_logged.swap(true, Relaxed)
    }
}

impl Dispatcher {
    /// Whether the calling thread is one that runs callbacks.
    pub(crate) fn is_on_thread(&self) -> bool {
        lock(&self.state).is_user_thread(thread::current().id())
    }

    /// Queues a round and waits until it has finished or the last of `deadlines`, which are sorted, has
    /// passed. Calls `reached` with the index of each earlier deadline when it passes. A callback may run for
    /// `least` before it loses the main thread: a round with a short deadline, which ends earlier, must not
    /// take the callback away from the others.
    pub(crate) fn run(
        &self,
        entries: Vec<Arc<Entry>>,
        least: Duration,
        deadlines: &[Instant],
        mut reached: impl FnMut(usize),
    ) -> Outcome {
        let Some((&deadline, earlier)) = deadlines.split_last() else {
            return Outcome::default();
        };
        let mut earlier = earlier.iter().enumerate().peekable();
        let mut state = lock(&self.state);
        if state.stopped || state.is_user_thread(thread::current().id()) {
            return Outcome::default();
        }
        let id = state.begin(entries, least, deadline, Instant::now());
        self.work.notify_all();
        loop {
            let now = Instant::now();
            if let Some((index, _)) = earlier.next_if(|(_, deadline)| **deadline <= now) {
                drop(state);
                reached(index);
                state = lock(&self.state);
                continue;
            }
            state.expire(now);
            if state.stopped || state.is_over(id) {
                return state.end(id);
            }
            let until = earlier.peek().map_or(deadline, |(_, earlier)| **earlier);
            state = self
                .progress
                .wait_timeout(state, until.saturating_duration_since(now))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Makes the calling thread the main thread, whatever the previous one is doing.
    pub fn take_over(&self) {
        let mut state = lock(&self.state);
        state.replace_main_thread(Instant::now());
    }

    /// Waits until a callback runs beyond its deadline, and makes the calling thread the main thread.
    /// Returns false when the dispatcher has been stopped.
    pub fn stand_by(&self) -> bool {
        let mut state = lock(&self.state);
        while !state.stopped {
            let now = Instant::now();
            let until = match &state.running {
                None => now + LONG,
                Some(running) if running.overdue_at <= now => {
                    state.replace_main_thread(now);
                    drop(state);
                    self.progress.notify_all();
                    return true;
                }
                Some(running) => running.overdue_at,
            };
            state.standby_sleeps_until = Some(until);
            state = self
                .started
                .wait_timeout(state, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        false
    }

    /// Waits for the next callback; `None` when the calling thread must end.
    pub fn next(&self) -> Option<Job> {
        loop {
            match self.next_within(None) {
                Next::Job(job) => return Some(job),
                Next::Stopped => return None,
                Next::Nothing => {}
            }
        }
    }

    /// As [`next`](Self::next), with a timeout, if it is given. The first thread that calls this is the
    /// main thread.
    pub fn next_within(&self, timeout: Option<Duration>) -> Next {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let me = thread::current().id();
        let mut state = lock(&self.state);
        while !state.stopped && *state.thread.get_or_insert(me) == me {
            match state.start_next(me) {
                Some(job) => {
                    let wakes_standby = state.must_wake_standby();
                    drop(state);
                    if wakes_standby {
                        self.started.notify_all();
                    }
                    if !job.0.unregistered.load(Relaxed) {
                        return Next::Job(job);
                    }
                    self.finish(job, true);
                    state = lock(&self.state);
                }
                None if std::mem::take(&mut state.woken) => return Next::Nothing,
                None => {
                    let Some(until) = until else {
                        state = self
                            .work
                            .wait(state)
                            .unwrap_or_else(PoisonError::into_inner);
                        continue;
                    };
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Nothing;
                    }
                    state = self
                        .work
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
            }
        }
        Next::Stopped
    }

    /// Makes the waiting main thread return without a job, so that it can wait with another timeout.
    pub fn wake(&self) {
        lock(&self.state).woken = true;
        self.work.notify_all();
    }

    /// Reports that a callback has returned, and whether it succeeded.
    pub fn finish(&self, job: Job, succeeded: bool) {
        // A callback that no scrape waits for has been counted as late.
        let waits = lock(&self.state).is_waited_for(&job.0);
        if !succeeded && waits {
            job.0.stats.failed(1);
        }
        let finished = lock(&self.state).finish(&job.0);
        // The callback may run again, now that it has returned.
        self.work.notify_all();
        self.progress.notify_all();
        // A callback that was unregistered meanwhile is dropped here, without the lock.
        drop((finished, job));
    }

    /// Stops handing out jobs and wakes all waiting threads. Threads end after their current jobs.
    pub fn stop(&self) {
        lock(&self.state).stopped = true;
        self.work.notify_all();
        self.started.notify_all();
        self.progress.notify_all();
    }

    /// Locks the dispatcher for the time of a fork.
    pub fn lock_for_fork(&self) -> DispatcherForkGuard<'_> {
        DispatcherForkGuard(lock(&self.state))
    }

    /// Starts a Rust thread, unless a thread already serves this dispatcher.
    pub(super) fn ensure_thread(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        if state.thread.is_some() || state.stopped {
            return;
        }
        let dispatcher = Arc::clone(self);
        match spawn(move || dispatcher.serve()) {
            Ok(thread) => state.thread = Some(thread.thread().id()),
            Err(error) => {
                tracing::error!(
                    "cannot start the thread for metrics callbacks: {error}; callbacks do not run"
                )
            }
        }
    }

    /// The main loop of a Rust thread.
    fn serve(self: Arc<Self>) {
        let mut has_standby = false;
        while let Some(job) = self.next() {
            if !has_standby {
                let dispatcher = Arc::clone(&self);
                has_standby = spawn(move || {
                    if dispatcher.stand_by() {
                        dispatcher.serve();
                    }
                })
                .is_ok();
            }
            let succeeded = catch_unwind(AssertUnwindSafe(|| match job.action() {
                Action::Call(function) => {
                    function();
                    true
                }
                Action::Exposition(function) => {
                    job.store_exposition(&function());
                    true
                }
                Action::Opaque(_) => false,
            }))
            .unwrap_or(false);
            if !succeeded && job.is_first_failure() {
                tracing::error!(
                    "metrics callback {} panicked; it runs again at the next scrape, and later panics are only counted",
                    job.name()
                );
            }
            self.finish(job, succeeded);
        }
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name("dynamo-callbacks".to_owned())
        .spawn(run)
}

/// A dispatcher locked for a fork; see [`Dispatcher::lock_for_fork`].
pub struct DispatcherForkGuard<'a>(MutexGuard<'a, State>);

impl DispatcherForkGuard<'_> {
    /// In a forked child: clears the queue. The threads that served and waited stayed in the parent.
    pub fn reset(&mut self) {
        let stopped = self.0.stopped;
        let old = std::mem::replace(
            &mut *self.0,
            State {
                stopped,
                ..State::default()
            },
        );
        // Dropping callbacks would run user code under the lock.
        std::mem::forget(old);
    }
}

impl State {
    /// Whether the thread runs user code, or waits for it.
    fn is_user_thread(&self, thread: ThreadId) -> bool {
        self.thread == Some(thread) || self.stuck.iter().any(|stuck| stuck.thread == thread)
    }

    /// Queues a round.
    fn begin(
        &mut self,
        entries: Vec<Arc<Entry>>,
        least: Duration,
        deadline: Instant,
        now: Instant,
    ) -> u64 {
        let id = self.next_round;
        self.next_round += 1;
        let mut round = Round {
            id,
            deadline,
            open: VecDeque::with_capacity(entries.len()),
            outcome: Outcome::default(),
        };
        let budget = deadline.saturating_duration_since(now);
        let queued_before = self.queue.len();
        for entry in entries {
            if self.is_late(&entry) == Some(true) {
                round.outcome.late.push(entry);
                continue;
            }
            round.open.push_back(Arc::clone(&entry));
            // A callback that has not begun serves both rounds.
            let mut queued = self.queue.iter_mut().take(queued_before);
            match queued.find(|pending| Arc::ptr_eq(&pending.entry, &entry)) {
                Some(pending) => {
                    pending.rounds.push(id);
                    pending.budget = pending.budget.max(budget);
                }
                None => self.queue.push_back(Pending {
                    entry,
                    rounds: vec![id],
                    budget,
                    least,
                }),
            }
        }
        self.rounds.push(round);
        id
    }

    /// Whether a callback that runs is late; `None` if it does not run.
    fn is_late(&self, entry: &Arc<Entry>) -> Option<bool> {
        let mut running = self.stuck.iter().chain(&self.running);
        running
            .find(|running| Arc::ptr_eq(&running.entry, entry))
            .map(|running| running.is_late)
    }

    /// Whether a callback runs and was not counted as late: a scrape waits for it, or none has waited.
    fn is_waited_for(&self, entry: &Arc<Entry>) -> bool {
        let mut running = self.stuck.iter().chain(&self.running);
        running.any(|running| {
            Arc::ptr_eq(&running.entry, entry) && !running.is_late && !running.was_given_up
        })
    }

    fn start_next(&mut self, thread: ThreadId) -> Option<Job> {
        if self.running.is_some() {
            return None;
        }
        let stuck = &self.stuck;
        let is_free = |entry| !stuck.iter().any(|stuck| Arc::ptr_eq(&stuck.entry, entry));
        let next = self
            .queue
            .iter()
            .position(|pending| is_free(&pending.entry))?;
        let Pending {
            entry,
            rounds,
            budget,
            least,
        } = self.queue.remove(next)?;
        let waiting = self
            .rounds
            .iter()
            .filter(|round| rounds.contains(&round.id));
        let deadline = waiting
            .filter(|round| !round.open.is_empty())
            .map(|round| round.deadline)
            .max();
        let now = Instant::now();
        self.running = Some(Running {
            entry: Arc::clone(&entry),
            rounds,
            thread,
            overdue_at: deadline.unwrap_or(now + budget).max(now + least),
            is_late: false,
            was_given_up: false,
        });
        Some(Job(entry))
    }

    /// Whether the standby thread sleeps beyond the deadline of the callback that runs.
    fn must_wake_standby(&mut self) -> bool {
        let overdue_at = self.running.as_ref().map(|running| running.overdue_at);
        let sleeps = self.standby_sleeps_until.zip(overdue_at);
        let must_wake = sleeps.is_some_and(|(until, overdue_at)| overdue_at < until);
        if must_wake {
            self.standby_sleeps_until = None;
        }
        must_wake
    }

    /// Makes the calling thread the main thread.
    fn replace_main_thread(&mut self, now: Instant) {
        self.expire(now);
        if let Some(mut running) = self.running.take() {
            running.is_late = true;
            let is_it = |entry: &Arc<Entry>| Arc::ptr_eq(entry, &running.entry);
            // Scrapes that came meanwhile wanted another run, and do not wait for it.
            self.queue.retain(|pending| !is_it(&pending.entry));
            for round in &mut self.rounds {
                let waited = round.open.len();
                round.open.retain(|entry| !is_it(entry));
                if round.open.len() < waited {
                    round.outcome.late.push(Arc::clone(&running.entry));
                }
            }
            self.stuck.push(running);
        }
        self.thread = Some(thread::current().id());
    }

    /// Closes the rounds whose deadlines have passed.
    fn expire(&mut self, now: Instant) {
        for round in &mut self.rounds {
            if round.deadline > now {
                continue;
            }
            for entry in std::mem::take(&mut round.open) {
                let mut running = self.stuck.iter_mut().chain(&mut self.running);
                match running.find(|running| Arc::ptr_eq(&running.entry, &entry)) {
                    Some(running) => {
                        running.was_given_up |= running.rounds.contains(&round.id);
                        round.outcome.late.push(entry);
                    }
                    None => round.outcome.not_reached.push(entry),
                }
            }
        }
    }

    /// Removes a callback that has returned from those that run.
    fn finish(&mut self, entry: &Arc<Entry>) -> Option<Running> {
        let is_it = |running: &Running| Arc::ptr_eq(&running.entry, entry);
        let finished = match self.stuck.iter().position(is_it) {
            Some(position) => self.stuck.swap_remove(position),
            None => self.running.take_if(|running| is_it(running))?,
        };
        let was_late = finished.is_late || finished.was_given_up;
        entry.was_late.store(was_late, Relaxed);
        for round in &mut self.rounds {
            if finished.rounds.contains(&round.id) {
                // Usually the first one.
                let mut open = round.open.iter();
                if let Some(position) = open.position(|open| Arc::ptr_eq(open, entry)) {
                    round.open.remove(position);
                }
            }
        }
        Some(finished)
    }

    fn is_over(&self, id: u64) -> bool {
        let mut rounds = self.rounds.iter();
        rounds
            .find(|round| round.id == id)
            .is_none_or(|round| round.open.is_empty())
    }

    /// Removes a round.
    fn end(&mut self, id: u64) -> Outcome {
        let position = self.rounds.iter().position(|round| round.id == id);
        let round = position.map(|position| self.rounds.swap_remove(position));
        match round {
            Some(round) if !self.stopped => round.outcome,
            _ => Outcome::default(),
        }
    }
}

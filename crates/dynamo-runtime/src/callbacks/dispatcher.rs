//! The dispatcher: hands callbacks to the thread that runs user code, and waits for it until a deadline.
//!
//! A scrape queues a round of callbacks. The thread takes them one by one with [`Dispatcher::next`].
//! It is a Rust thread ([`Dispatcher::ensure_thread`]) or a thread that Python created, on which no Rust
//! frame lies below user code. A round leaves the queue at its deadline. While the thread still runs a
//! callback of such a round, later rounds do not wait.

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
    /// Wakes the thread that runs user code.
    work: Condvar,
    /// Wakes scrapes that wait for their rounds.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    rounds: VecDeque<Round>,
    next_round: u64,
    running: Option<Running>,
    thread: Option<ThreadId>,
    /// The thread must return from its wait without a job.
    woken: bool,
    /// No more jobs are handed out.
    stopped: bool,
}

struct Round {
    id: u64,
    waiting: VecDeque<Arc<Entry>>,
    failed: u64,
}

struct Running {
    round: u64,
    entry: Arc<Entry>,
    /// The deadline of its round has passed.
    overdue: bool,
}

/// The result of a round of callbacks.
pub(crate) struct Outcome {
    pub(crate) failed: u64,
    pub(crate) unfinished: Vec<Arc<Entry>>,
}

/// A callback to run now. Report its result with [`Dispatcher::finish`].
pub struct Job(Arc<Entry>);

/// The next step of the thread that runs user code.
pub enum Next {
    /// Run a callback.
    Job(Job),
    /// Wait again: the timeout has passed or the thread was woken.
    Nothing,
    /// End: the dispatcher has been stopped.
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
    /// Whether the calling thread is the one that runs callbacks.
    pub(crate) fn is_on_thread(&self) -> bool {
        lock(&self.state).thread == Some(thread::current().id())
    }

    /// Queues a round and waits until it has finished or `deadline` has passed.
    pub(crate) fn run(&self, entries: Vec<Arc<Entry>>, deadline: Instant) -> Outcome {
        let mut state = lock(&self.state);
        if state.stopped || state.thread == Some(thread::current().id()) {
            return Outcome {
                failed: 0,
                unfinished: Vec::new(),
            };
        }
        if state
            .running
            .as_ref()
            .is_some_and(|running| running.overdue)
        {
            return Outcome {
                failed: 0,
                unfinished: entries,
            };
        }
        let id = state.next_round;
        state.next_round += 1;
        state.rounds.push_back(Round {
            id,
            waiting: entries.into(),
            failed: 0,
        });
        self.work.notify_all();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if state.stopped
                || left.is_zero()
                || state.round(id).is_none_or(Round::is_finished) && !state.is_running(id)
            {
                return state.end(id);
            }
            state = self
                .progress
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for the next callback; `None` when the dispatcher has been stopped.
    ///
    /// The calling thread becomes the thread that runs user code.
    pub fn next(&self) -> Option<Job> {
        loop {
            match self.next_within(None) {
                Next::Job(job) => return Some(job),
                Next::Stopped => return None,
                Next::Nothing => {}
            }
        }
    }

    /// As [`next`](Self::next), with a timeout, if it is given.
    pub fn next_within(&self, timeout: Option<Duration>) -> Next {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = lock(&self.state);
        state.thread = Some(thread::current().id());
        while !state.stopped {
            match state.start_next() {
                Some(job) if job.0.unregistered.load(Relaxed) => {
                    drop(state);
                    self.finish(job, true);
                    state = lock(&self.state);
                }
                Some(job) => return Next::Job(job),
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

    /// Makes a waiting thread return without a job, so that it can wait with another timeout.
    pub fn wake(&self) {
        lock(&self.state).woken = true;
        self.work.notify_all();
    }

    /// Reports that a callback has returned, and whether it succeeded.
    pub fn finish(&self, job: Job, succeeded: bool) {
        let mut state = lock(&self.state);
        let Some(Running { round, .. }) = state.running.take() else {
            return;
        };
        if !succeeded && let Some(round) = state.round_mut(round) {
            round.failed += 1;
        }
        drop(state);
        self.progress.notify_all();
        // A callback that was unregistered meanwhile is dropped here, without the lock.
        drop(job);
    }

    /// Stops handing out jobs and wakes all waiting threads. The thread ends after its current job.
    pub fn stop(&self) {
        lock(&self.state).stopped = true;
        self.work.notify_all();
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
        let spawned = thread::Builder::new()
            .name("dynamo-callbacks".to_owned())
            .spawn(move || dispatcher.serve());
        match spawned {
            Ok(thread) => state.thread = Some(thread.thread().id()),
            Err(error) => {
                tracing::error!(
                    "cannot start the thread for metrics callbacks: {error}; callbacks do not run"
                )
            }
        }
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
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
    fn round(&self, id: u64) -> Option<&Round> {
        self.rounds.iter().find(|round| round.id == id)
    }

    fn round_mut(&mut self, id: u64) -> Option<&mut Round> {
        self.rounds.iter_mut().find(|round| round.id == id)
    }

    fn is_running(&self, id: u64) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.round == id)
    }

    fn start_next(&mut self) -> Option<Job> {
        let round = self.rounds.iter_mut().find(|round| !round.is_finished())?;
        let entry = round.waiting.pop_front()?;
        self.running = Some(Running {
            round: round.id,
            entry: Arc::clone(&entry),
            overdue: false,
        });
        Some(Job(entry))
    }

    /// Ends a round: removes it from the queue with its unfinished callbacks.
    fn end(&mut self, id: u64) -> Outcome {
        let mut outcome = Outcome {
            failed: 0,
            unfinished: Vec::new(),
        };
        if let Some(running) = self.running.as_mut().filter(|running| running.round == id) {
            running.overdue = true;
            outcome.unfinished.push(Arc::clone(&running.entry));
        }
        if let Some(position) = self.rounds.iter().position(|round| round.id == id)
            && let Some(round) = self.rounds.remove(position)
        {
            outcome.failed = round.failed;
            outcome.unfinished.extend(round.waiting);
        }
        if self.stopped {
            outcome.unfinished.clear();
        }
        outcome
    }
}

impl Round {
    fn is_finished(&self) -> bool {
        self.waiting.is_empty()
    }
}

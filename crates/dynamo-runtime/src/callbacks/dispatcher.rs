//! Hands callbacks to the one thread that runs user code, and waits for it with a deadline.
//!
//! A scrape queues a round of callbacks; the thread takes them one by one with [`Dispatcher::next`].
//! The thread may be one of ours ([`Dispatcher::ensure_thread`]) or one that Python created: then no
//! frame of ours lies below user code. A round whose time is over leaves the queue; while the thread
//! is still busy with a callback of such a round, later rounds do not wait for it.

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
    /// The thread waits for rounds.
    work: Condvar,
    /// Scrapes wait for their round.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    rounds: VecDeque<Round>,
    next_round: u64,
    running: Option<Running>,
    thread: Option<ThreadId>,
    /// The thread is to be told that there is nothing, at once.
    nudged: bool,
    /// No more work is handed out.
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
    /// Its round has been given up.
    overdue: bool,
}

/// How a round of callbacks went.
pub(crate) struct Outcome {
    pub(crate) failed: u64,
    pub(crate) unfinished: Vec<Arc<Entry>>,
}

/// A callback to run now. Tell the dispatcher how it went with [`Dispatcher::finish`].
pub struct Job(Arc<Entry>);

/// What there is to do for the thread that runs user code.
pub enum Next {
    /// A callback.
    Job(Job),
    /// Nothing, for as long as the thread would wait.
    Nothing,
    /// Nothing any more.
    Stopped,
}

impl Job {
    /// What to do.
    pub fn action(&self) -> &Action {
        &self.0.action
    }

    /// The callback's name, for messages.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Takes the text that the callback returned: reads it in place of the one before. Needs no
    /// lock of the caller's and not the GIL.
    pub fn take_text(&self, text: &str) {
        self.0.take_text(text);
    }

    /// Whether the callback is one that returns text.
    pub fn returns_text(&self) -> bool {
        self.0.text.is_some()
    }

    /// True the first time this is asked of a callback, and never again: whether to log its failure.
    pub fn is_first_failure(&self) -> bool {
        !self.0.failure_logged.swap(true, Relaxed)
    }
}

impl Dispatcher {
    /// Queues a round and waits until it is through or `deadline` has passed.
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
                || state.round(id).is_none_or(Round::is_through) && !state.is_running(id)
            {
                return state.take(id);
            }
            state = self
                .progress
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for the next callback to run; `None` when the dispatcher has been stopped.
    ///
    /// The calling thread becomes the one that runs user code.
    pub fn next(&self) -> Option<Job> {
        loop {
            match self.next_within(None) {
                Next::Job(job) => return Some(job),
                Next::Stopped => return None,
                Next::Nothing => {}
            }
        }
    }

    /// As [`next`](Self::next), but waits no longer than `patience`, if it is given.
    pub fn next_within(&self, patience: Option<Duration>) -> Next {
        let until = patience.map(|patience| Instant::now() + patience);
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
                None if std::mem::take(&mut state.nudged) => return Next::Nothing,
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

    /// Has a thread that waits return with nothing, to wait anew in another way.
    pub fn nudge(&self) {
        lock(&self.state).nudged = true;
        self.work.notify_all();
    }

    /// Says that a callback has returned, and whether it succeeded.
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
        // A callback unregistered meanwhile dies here, without the lock.
        drop(job);
    }

    /// Hands out no more work and wakes everyone who waits. The thread ends after what it is doing.
    pub fn stop(&self) {
        lock(&self.state).stopped = true;
        self.work.notify_all();
        self.progress.notify_all();
    }

    /// Locks the dispatcher, so that it can be forked in a known state.
    #[doc(hidden)]
    pub fn freeze(&self) -> FrozenDispatcher<'_> {
        FrozenDispatcher(lock(&self.state))
    }

    /// Starts a thread of ours, if none serves this dispatcher yet.
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
                tracing::error!("no thread for metrics callbacks: {error}; they do not run")
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
                Action::Text(function) => {
                    job.take_text(&function());
                    true
                }
                Action::Foreign(_) => false,
            }))
            .unwrap_or(false);
            if !succeeded && job.is_first_failure() {
                tracing::error!(
                    "metrics callback {} panicked; it runs again at the next scrape, later panics are only counted",
                    job.name()
                );
            }
            self.finish(job, succeeded);
        }
    }
}

/// A dispatcher that nobody else can touch; see [`Dispatcher::freeze`].
#[doc(hidden)]
pub struct FrozenDispatcher<'a>(MutexGuard<'a, State>);

impl FrozenDispatcher<'_> {
    /// In a forked child: the thread and those who waited do not exist there.
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
        let round = self.rounds.iter_mut().find(|round| !round.is_through())?;
        let entry = round.waiting.pop_front()?;
        self.running = Some(Running {
            round: round.id,
            entry: Arc::clone(&entry),
            overdue: false,
        });
        Some(Job(entry))
    }

    /// Ends a round: takes it out of the queue, whatever is left of it.
    fn take(&mut self, id: u64) -> Outcome {
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
    fn is_through(&self) -> bool {
        self.waiting.is_empty()
    }
}

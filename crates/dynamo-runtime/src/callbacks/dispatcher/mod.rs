//! The dispatcher: hands callbacks to the thread that runs user code, and waits for it until a deadline.
//!
//! A scrape queues a round of callbacks. The main thread takes them one by one with [`Dispatcher::next`].
//! It is a Rust thread ([`Dispatcher::ensure_thread`]) or a thread that Python created, on which no Rust
//! frame lies below user code.
//!
//! A callback that its round did not reach stays in the queue: it runs after the deadline. A standby
//! thread ([`Dispatcher::stand_by`]) becomes the main thread when a callback runs beyond the deadlines of its
//! rounds. That callback goes on alone, and does not run a second time meanwhile. The deadline of a round ends
//! the wait of that round only: others wait until the callback has run for the callback timeout.

mod job;
mod rounds;
#[cfg(test)]
mod tests;
mod threads;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use self::job::{Job, Next};
pub(crate) use self::rounds::Outcome;
use self::rounds::State;
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

impl Dispatcher {
    /// Whether the calling thread is one that runs callbacks.
    pub(crate) fn is_on_thread(&self) -> bool {
        lock(&self.state).is_user_thread(thread::current().id())
    }

    /// Queues a round and waits until it has finished or the last of `deadlines`, which are sorted, has
    /// passed. Calls `reached` with the index of each earlier deadline when it passes. A callback that runs for
    /// longer than `timeout` is late for all rounds.
    pub(crate) fn run(
        &self,
        entries: Vec<Arc<Entry>>,
        timeout: Duration,
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
        let id = state.begin(entries, timeout, deadline, Instant::now());
        self.work.notify_all();
        self.wake_standby(&mut state);
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
            let until = state
                .next_late_at()
                .map_or(until, |late_at| until.min(late_at));
            state = self
                .progress
                .wait_timeout(state, until.saturating_duration_since(now))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
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
            state.away_since = None;
            match state.start_next(me, Instant::now()) {
                Some(job) => {
                    self.wake_standby(&mut state);
                    drop(state);
                    if !job.0.unregistered.load(Relaxed) {
                        return Next::Job(job);
                    }
                    self.finish(job, true);
                    state = lock(&self.state);
                }
                None if std::mem::take(&mut state.woken) => {
                    state.away_since = Some(Instant::now());
                    return Next::Nothing;
                }
                None => {
                    let Some(until) = until else {
                        state = self
                            .work
                            .wait(state)
                            .unwrap_or_else(PoisonError::into_inner);
                        continue;
                    };
                    let now = Instant::now();
                    let left = until.saturating_duration_since(now);
                    if left.is_zero() {
                        state.away_since = Some(now);
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
        let finished = {
            let mut state = lock(&self.state);
            let finished = state.finish(&job.0, Instant::now());
            self.wake_standby(&mut state);
            finished
        };
        // The callback may run again, now that it has returned.
        self.work.notify_all();
        self.progress.notify_all();
        // A callback that was unregistered meanwhile is dropped here, without the lock.
        drop((finished, job));
    }

    /// Wakes the standby thread if it may have to take over before the end of its sleep.
    fn wake_standby(&self, state: &mut State) {
        if state.must_wake_standby() {
            self.started.notify_all();
        }
    }

    /// How long the callbacks that run now may go on before they are late.
    pub(crate) fn time_left(&self) -> Duration {
        lock(&self.state).time_left(Instant::now())
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

//! The threads of the dispatcher: which one is the main thread, when the standby thread replaces it, and the
//! Rust threads of programs without Python.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::rounds::State;
use super::{Action, Dispatcher};
use crate::sync::lock;

/// How long the standby thread sleeps while no callback runs.
const LONG: Duration = Duration::from_secs(3600);

impl Dispatcher {
    /// Makes the calling thread the main thread, even if the previous one is busy.
    pub fn take_over(&self) {
        let mut state = lock(&self.state);
        state.replace_main_thread(Instant::now());
    }

    /// Waits until a callback runs beyond its deadline, or others wait while the main thread is kept between two
    /// callbacks, and makes the calling thread the main thread.
    /// Returns false when the dispatcher has been stopped.
    pub fn stand_by(&self) -> bool {
        let mut state = lock(&self.state);
        while !state.stopped {
            let now = Instant::now();
            let until = state.overdue_at().unwrap_or(now + LONG);
            if until <= now {
                state.replace_main_thread(now);
                drop(state);
                self.progress.notify_all();
                return true;
            }
            state.standby_sleeps_until = Some(until);
            state = self
                .started
                .wait_timeout(state, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        false
    }

    /// Starts a Rust thread, unless a thread already serves this dispatcher.
    pub(in crate::callbacks) fn ensure_thread(self: &Arc<Self>) {
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

impl State {
    /// Whether the thread runs user code, or waits for it.
    pub(super) fn is_user_thread(&self, thread: ThreadId) -> bool {
        self.thread == Some(thread) || self.stuck.iter().any(|stuck| stuck.thread == thread)
    }

    /// Whether the standby thread sleeps beyond the time at which it takes over.
    pub(super) fn must_wake_standby(&mut self) -> bool {
        let sleeps = self.standby_sleeps_until.zip(self.overdue_at());
        let must_wake = sleeps.is_some_and(|(until, overdue_at)| overdue_at < until);
        if must_wake {
            self.standby_sleeps_until = None;
        }
        must_wake
    }

    /// Makes the calling thread the main thread.
    pub(super) fn replace_main_thread(&mut self, now: Instant) {
        self.expire(now);
        self.stuck.extend(self.running.take());
        self.away_since = None;
        self.thread = Some(thread::current().id());
    }
}

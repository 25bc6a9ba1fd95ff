//! A callback that the main thread has taken from the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Action, Entry};

/// A callback to run now. Report its result with [`Dispatcher::finish`](super::Dispatcher::finish).
pub struct Job(pub(super) Arc<Entry>);

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

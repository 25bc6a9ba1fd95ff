//! Update callbacks: user code that runs before a scrape, on one thread of its own.

mod dispatcher;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock, Weak};
use std::time::Instant;

use crate::hierarchy::Path;
use crate::sync::{self, read, write};

pub use dispatcher::{Dispatcher, FrozenDispatcher, Job};

/// What a callback does.
pub enum Action {
    /// Calls a function. Its panics are caught and counted.
    Call(Box<dyn Fn() + Send + Sync>),
    /// Something that only the thread which serves the [`Dispatcher`] understands: a Python object.
    Foreign(Box<dyn Any + Send + Sync>),
}

/// A registered callback.
pub(crate) struct Entry {
    id: u64,
    owner: Path,
    /// For messages.
    name: String,
    action: Action,
    lateness_logged: AtomicBool,
    failure_logged: AtomicBool,
    unregistered: AtomicBool,
}

/// The callbacks of one runtime, in the order they were registered.
pub(crate) struct Callbacks {
    entries: RwLock<Vec<Arc<Entry>>>,
    dispatcher: Arc<Dispatcher>,
    next_id: AtomicU64,
}

/// Told by a run which callbacks failed it; never called with a lock held.
pub(crate) trait Tally {
    /// This many callbacks were late, still running, or not begun when the time was over.
    fn timed_out(&self, callbacks: u64);
    /// This many raised or panicked.
    fn failed(&self, callbacks: u64);
}

impl Callbacks {
    pub(crate) fn new(dispatcher: Arc<Dispatcher>) -> Self {
        Callbacks {
            entries: RwLock::default(),
            dispatcher,
            next_id: AtomicU64::new(0),
        }
    }

    pub(crate) fn register(
        self: &Arc<Self>,
        owner: &Path,
        name: String,
        action: Action,
    ) -> CallbackHandle {
        if matches!(action, Action::Call(_)) {
            self.dispatcher.ensure_thread();
        }
        let entry = Arc::new(Entry {
            id: self.next_id.fetch_add(1, Relaxed),
            owner: owner.clone(),
            name,
            action,
            lateness_logged: AtomicBool::new(false),
            failure_logged: AtomicBool::new(false),
            unregistered: AtomicBool::new(false),
        });
        write(&self.entries).push(Arc::clone(&entry));
        CallbackHandle {
            entry,
            callbacks: Arc::downgrade(self),
        }
    }

    /// Whether a scrape of `scope` has callbacks to run.
    pub(crate) fn any(&self, scope: &Path) -> bool {
        let _section = sync::enter();
        read(&self.entries)
            .iter()
            .any(|entry| scope.contains(&entry.owner))
    }

    /// Runs the callbacks of `scope` and below it once each, in order, and waits until they are
    /// through or `deadline` has passed. On the callbacks' own thread it does nothing: user code
    /// asked for the page.
    pub(crate) fn run(&self, scope: &Path, deadline: Instant, tally: &impl Tally) {
        let due: Vec<_> = {
            let _section = sync::enter();
            let entries = read(&self.entries);
            entries
                .iter()
                .filter(|entry| scope.contains(&entry.owner))
                .cloned()
                .collect()
        };
        if due.is_empty() {
            return;
        }
        let outcome = self.dispatcher.run(due, deadline);
        tally.failed(outcome.failed);
        tally.timed_out(outcome.unfinished.len() as u64);
        for entry in outcome.unfinished {
            if !entry.lateness_logged.swap(true, Relaxed) {
                tracing::warn!(
                    "metrics callback {} did not finish in time; this scrape shows the values there are, later timeouts are only counted",
                    entry.name
                );
            }
        }
    }

    /// Forgets all callbacks.
    pub(crate) fn clear(&self) {
        let entries = std::mem::take(&mut *write(&self.entries));
        for entry in &entries {
            entry.unregistered.store(true, Relaxed);
        }
        // Dropped without the lock: a callback's drop is user code.
        drop(entries);
    }
}

/// A registered callback, to take it back. Dropping the handle leaves the callback registered.
pub struct CallbackHandle {
    entry: Arc<Entry>,
    callbacks: Weak<Callbacks>,
}

impl fmt::Debug for CallbackHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackHandle({})", self.entry.name)
    }
}

impl CallbackHandle {
    /// Runs the callback no more; a run under way is not interrupted. Says whether it was registered.
    pub fn unregister(&self) -> bool {
        let was_registered = !self.entry.unregistered.swap(true, Relaxed);
        if let Some(callbacks) = self.callbacks.upgrade() {
            let mut removed = None;
            {
                let mut entries = write(&callbacks.entries);
                if let Some(position) = entries.iter().position(|entry| entry.id == self.entry.id) {
                    removed = Some(entries.remove(position));
                }
            }
            drop(removed);
        }
        was_registered
    }
}

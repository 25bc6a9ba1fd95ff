//! Update callbacks: user code that runs before a scrape, on one thread of its own.

mod dispatcher;
mod text;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock, Weak};
use std::time::Instant;

use crate::hierarchy::Path;
use crate::sync::{self, read, write};

use self::text::LastText;
use crate::exposition::{Dropped, Part};

pub use dispatcher::{Dispatcher, FrozenDispatcher, Job, Next};
pub use text::TextOptions;

/// What a callback does.
pub enum Action {
    /// Calls a function. Its panics are caught and counted.
    Call(Box<dyn Fn() + Send + Sync>),
    /// Calls a function that returns text in a format of Prometheus.
    Text(Box<dyn Fn() -> String + Send + Sync>),
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
    /// For callbacks that return a text.
    text: Option<LastText>,
    lateness_logged: AtomicBool,
    failure_logged: AtomicBool,
    unregistered: AtomicBool,
    losses_logged: AtomicBool,
    tally: Weak<dyn Tally>,
}

impl Entry {
    /// Takes the text that the callback returned.
    fn take_text(&self, text: &str) {
        let Some(last) = &self.text else {
            return;
        };
        let dropped = last.take(text);
        if dropped == Dropped::default() {
            return;
        }
        if let Some(tally) = self.tally.upgrade() {
            tally.dropped(dropped);
        }
        if !self.losses_logged.swap(true, Relaxed) {
            tracing::warn!(
                "the text of metrics callback {} is not all shown: families with a line that cannot be understood: {}, samples that are there twice: {}; later ones are only counted",
                self.name,
                dropped.families,
                dropped.series
            );
        }
    }
}

/// The callbacks of one runtime, in the order they were registered.
pub(crate) struct Callbacks {
    entries: RwLock<Vec<Arc<Entry>>>,
    dispatcher: Arc<Dispatcher>,
    next_id: AtomicU64,
}

/// Told by a run which callbacks failed it; never called with a lock held.
pub(crate) trait Tally: Send + Sync {
    /// This much of other libraries' texts cannot be shown.
    fn dropped(&self, dropped: Dropped);
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
        text: Option<TextOptions>,
        tally: Weak<dyn Tally>,
    ) -> CallbackHandle {
        if !matches!(action, Action::Foreign(_)) {
            self.dispatcher.ensure_thread();
        }
        let entry = Arc::new(Entry {
            id: self.next_id.fetch_add(1, Relaxed),
            owner: owner.clone(),
            name,
            action,
            text: text.map(LastText::new),
            losses_logged: AtomicBool::new(false),
            tally,
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
        let now = Instant::now();
        let due: Vec<_> = {
            let _section = sync::enter();
            let entries = read(&self.entries);
            entries
                .iter()
                .filter(|entry| scope.contains(&entry.owner))
                .filter(|entry| !entry.text.as_ref().is_some_and(|text| text.is_fresh(now)))
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

    /// What the texts of `scope` and below it said last, in the order of their callbacks.
    pub(crate) fn parts(&self, scope: &Path) -> Vec<Part> {
        let now = Instant::now();
        let texts: Vec<_> = {
            let _section = sync::enter();
            let entries = read(&self.entries);
            let texts = entries.iter().filter(|entry| scope.contains(&entry.owner));
            texts
                .filter_map(|entry| entry.text.as_ref()?.parts(now))
                .collect()
        };
        let in_order = texts.iter().zip(0..).flat_map(|(parts, order)| {
            let ordered = move |part: &Part| part.in_order(order);
            parts.iter().map(ordered)
        });
        in_order.collect()
    }

    /// Forgets all callbacks.
    pub(crate) fn clear(&self) {
        let entries = {
            let _section = sync::enter();
            std::mem::take(&mut *write(&self.entries))
        };
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fork_does_not_come_while_callbacks_are_forgotten() {
        let callbacks = Arc::new(Callbacks::new(Arc::default()));
        let (done, is_done) = mpsc::channel();
        let gate = sync::close();
        let forgetting = thread::spawn(move || {
            callbacks.clear();
            done.send(()).unwrap();
        });
        let early = is_done.recv_timeout(Duration::from_millis(50));
        assert_eq!(early, Err(RecvTimeoutError::Timeout));
        drop(gate);
        is_done.recv().unwrap();
        forgetting.join().unwrap();
    }
}

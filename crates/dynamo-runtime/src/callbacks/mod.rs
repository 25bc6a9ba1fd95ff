//! Callbacks: user code that runs before a scrape, on a thread of its own.

mod dispatcher;
mod external;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, RwLock, Weak};
use std::time::{Duration, Instant};

use self::external::LastExposition;
use crate::config::MAX_CALLBACK_TIMEOUT;
use crate::exposition::{ExternalFamily, Loss};
use crate::metrics::Path;
use crate::sync::{self, read, write};

use dispatcher::Outcome;
pub use dispatcher::{Dispatcher, DispatcherForkGuard, Job, Next};
pub use external::ExternalOptions;
pub(crate) use external::ExternalText;

/// The share of a scraper's timeout that callbacks may use. The rest is for the response.
pub(crate) const CALLBACK_SHARE: f64 = 0.8;

/// The action of a callback.
pub enum Action {
    /// Calls a function. Its panics are caught and counted.
    Call(Box<dyn Fn() + Send + Sync>),
    /// Calls a function that returns an external exposition. Its panics are caught and counted.
    Exposition(Box<dyn Fn() -> String + Send + Sync>),
    /// An object that only the thread that serves the [`Dispatcher`] can call: a Python object.
    Opaque(Box<dyn Any + Send + Sync>),
}

/// A registered callback.
pub(crate) struct Entry {
    owner: Path,
    /// The name in messages.
    name: String,
    action: Action,
    /// For callbacks that return an exposition.
    external: Option<LastExposition>,
    lateness_logged: AtomicBool,
    not_reached_logged: AtomicBool,
    failure_logged: AtomicBool,
    unregistered: AtomicBool,
    /// At its last run, the callback ran beyond the deadline of a scrape.
    was_late: AtomicBool,
    stats: Arc<dyn CallbackStats>,
}

impl Entry {
    /// Stores the exposition that the callback returned.
    fn store_exposition(&self, text: &str) {
        let Some(last) = &self.external else {
            return;
        };
        self.stats.lost(&last.store(text));
    }
}

/// The callbacks of one runtime, in the order they were registered.
pub(crate) struct Callbacks {
    entries: RwLock<Vec<Arc<Entry>>>,
    dispatcher: Arc<Dispatcher>,
    stats: Arc<dyn CallbackStats>,
    /// The time that the callbacks of a scrape have if the scraper sets no limit.
    timeout: Duration,
}

/// Counts failures of callbacks. No lock is held when a method is called.
pub(crate) trait CallbackStats: Send + Sync {
    /// Counts and logs what was dropped from external expositions.
    fn lost(&self, losses: &[Loss]);
    /// Counts callbacks that were running at the deadline of their scrape.
    fn late(&self, callbacks: u64);
    /// Counts callbacks that had not begun at the deadline of their scrape.
    fn not_reached(&self, callbacks: u64);
    /// Counts callbacks that raised or panicked.
    fn failed(&self, callbacks: u64);
}

impl Callbacks {
    pub(crate) fn new(
        dispatcher: Arc<Dispatcher>,
        stats: Arc<dyn CallbackStats>,
        timeout: Duration,
    ) -> Self {
        Callbacks {
            entries: RwLock::default(),
            dispatcher,
            stats,
            timeout: timeout.min(MAX_CALLBACK_TIMEOUT),
        }
    }

    pub(crate) fn register(
        self: &Arc<Self>,
        owner: &Path,
        name: String,
        action: Action,
        external: Option<ExternalOptions>,
    ) -> CallbackHandle {
        if !matches!(action, Action::Opaque(_)) {
            self.dispatcher.ensure_thread();
        }
        let entry = Arc::new(Entry {
            owner: owner.clone(),
            external: external.map(|options| LastExposition::new(&name, options)),
            name,
            action,
            was_late: AtomicBool::new(false),
            stats: Arc::clone(&self.stats),
            lateness_logged: AtomicBool::new(false),
            not_reached_logged: AtomicBool::new(false),
            failure_logged: AtomicBool::new(false),
            unregistered: AtomicBool::new(false),
        });
        write(&self.entries).push(Arc::clone(&entry));
        CallbackHandle {
            entry: Arc::downgrade(&entry),
            callbacks: Arc::downgrade(self),
        }
    }

    /// The timeout that the callbacks of a new scrape share. A callback that is running now runs again for this
    /// scrape after it has returned, so the time that it has left is added.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout + self.dispatcher.time_left().min(self.timeout)
    }

    /// Whether the calling thread is the one that runs callbacks.
    pub(crate) fn is_on_thread(&self) -> bool {
        self.dispatcher.is_on_thread()
    }

    /// Whether a scrape of `scope` runs callbacks.
    pub(crate) fn any(&self, scope: &Path) -> bool {
        let _section = sync::enter();
        read(&self.entries)
            .iter()
            .any(|entry| scope.contains(&entry.owner))
    }

    /// Runs the callbacks of `scope` and the nodes below it once each, and waits until they have finished or
    /// `deadline` has passed. They run in order, those that were late at their last run after the others.
    /// Does nothing on a thread of the callbacks: there, user code asks for an exposition.
    pub(crate) fn run(&self, scope: &Path, deadline: Instant) {
        self.run_until(scope, &[deadline], |_| {});
    }

    /// As [`run`](Self::run), with several sorted deadlines. Waits for the last one, and calls `reached` with
    /// the index of each earlier deadline when it passes.
    pub(crate) fn run_until(
        &self,
        scope: &Path,
        deadlines: &[Instant],
        reached: impl FnMut(usize),
    ) {
        let now = Instant::now();
        let mut due: Vec<_> = {
            let _section = sync::enter();
            let entries = read(&self.entries);
            entries
                .iter()
                .filter(|entry| scope.contains(&entry.owner))
                .filter(|entry| {
                    !entry
                        .external
                        .as_ref()
                        .is_some_and(|last| last.is_fresh(now))
                })
                .cloned()
                .collect()
        };
        if due.is_empty() {
            return;
        }
        due.sort_by_key(|entry| entry.was_late.load(Relaxed));
        let Outcome { late, not_reached } =
            self.dispatcher.run(due, self.timeout, deadlines, reached);
        self.stats.late(late.len() as u64);
        self.stats.not_reached(not_reached.len() as u64);
        for entry in late {
            if !entry.lateness_logged.swap(true, Relaxed) {
                tracing::warn!(
                    "metrics callback {} did not finish before the deadline of the scrape, which shows the values set so far; later timeouts are only counted",
                    entry.name
                );
            }
        }
        for entry in not_reached {
            if !entry.not_reached_logged.swap(true, Relaxed) {
                tracing::warn!(
                    "metrics callback {} had not begun at the deadline of the scrape, because of the callbacks before it; it runs after the deadline, and later scrapes of this kind are only counted",
                    entry.name
                );
            }
        }
    }

    /// The families of the last external expositions of `scope` and the nodes below it, in the order of
    /// their callbacks.
    pub(crate) fn external_families(&self, scope: &Path) -> Vec<ExternalFamily> {
        let now = Instant::now();
        let expositions: Vec<_> = {
            let _section = sync::enter();
            let entries = read(&self.entries);
            let entries = entries.iter().filter(|entry| scope.contains(&entry.owner));
            entries
                .filter_map(|entry| entry.external.as_ref()?.families(now))
                .collect()
        };
        let in_order = expositions.iter().zip(0..).flat_map(|(families, order)| {
            let ordered = move |family: &ExternalFamily| family.in_order(order);
            families.iter().map(ordered)
        });
        in_order.collect()
    }

    /// The last external expositions of all callbacks, for another process.
    pub(crate) fn external_texts(&self) -> Vec<ExternalText> {
        let now = Instant::now();
        let _section = sync::enter();
        let entries = read(&self.entries);
        entries
            .iter()
            .filter_map(|entry| entry.external.as_ref()?.text(now))
            .collect()
    }

    /// Unregisters all callbacks.
    pub(crate) fn clear(&self) {
        let entries = {
            let _section = sync::enter();
            std::mem::take(&mut *write(&self.entries))
        };
        for entry in &entries {
            entry.unregistered.store(true, Relaxed);
        }
        // Dropped without the lock: the drop of a callback is user code.
        drop(entries);
    }
}

/// The handle of a registered callback. Dropping the handle does not unregister the callback, and the
/// handle does not keep the callback.
pub struct CallbackHandle {
    entry: Weak<Entry>,
    callbacks: Weak<Callbacks>,
}

impl fmt::Debug for CallbackHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry.upgrade() {
            Some(entry) => write!(f, "CallbackHandle({})", entry.name),
            None => f.write_str("CallbackHandle"),
        }
    }
}

impl CallbackHandle {
    /// Unregisters the callback. A running call is not interrupted. Returns whether it was registered.
    pub fn unregister(&self) -> bool {
        let Some(entry) = self.entry.upgrade() else {
            return false;
        };
        let was_registered = !entry.unregistered.swap(true, Relaxed);
        if let Some(callbacks) = self.callbacks.upgrade() {
            let mut removed = None;
            {
                let mut entries = write(&callbacks.entries);
                if let Some(position) = entries.iter().position(|other| Arc::ptr_eq(other, &entry))
                {
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

    use super::*;

    pub(super) struct NoStats;

    impl CallbackStats for NoStats {
        fn lost(&self, _losses: &[Loss]) {}
        fn late(&self, _callbacks: u64) {}
        fn not_reached(&self, _callbacks: u64) {}
        fn failed(&self, _callbacks: u64) {}
    }

    #[test]
    fn callbacks_are_not_unregistered_during_a_fork() {
        let callbacks = Arc::new(Callbacks::new(
            Arc::default(),
            Arc::new(NoStats),
            Duration::ZERO,
        ));
        let (done, is_done) = mpsc::channel();
        let gate = sync::close();
        let clearing = thread::spawn(move || {
            callbacks.clear();
            done.send(()).unwrap();
        });
        let early = is_done.recv_timeout(Duration::from_millis(50));
        assert_eq!(early, Err(RecvTimeoutError::Timeout));
        drop(gate);
        is_done.recv().unwrap();
        clearing.join().unwrap();
    }
}

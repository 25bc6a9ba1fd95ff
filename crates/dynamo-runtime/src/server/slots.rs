//! The scrapes that run at once: their number, and the memory of their expositions.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{self, Duration, Instant};

use super::limits::Limits;
use crate::sync::lock;

/// The limits of scrapes. A slow reader holds its slot and its exposition until the end of its response.
///
/// The lock is taken by the server's threads only, and never in a forked child.
#[derive(Debug)]
pub(super) struct Slots {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    wait: Duration,
    most_bytes: usize,
    /// The expositions that are being sent, and the size of each.
    expositions: Mutex<Vec<(Weak<()>, usize)>>,
}

/// The slot of one scrape.
pub(super) type Slot = OwnedSemaphorePermit;

/// Keeps an exposition counted.
pub(super) type Held = Arc<()>;

impl Slots {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Slots {
            permits: Arc::new(Semaphore::new(limits.scrapes)),
            waiting: AtomicUsize::new(0),
            wait: limits.scrape_wait,
            most_bytes: limits.scrape_bytes,
            expositions: Mutex::default(),
        })
    }

    /// Waits for a slot, in the order of arrival. `None` if there is none in time.
    pub(super) async fn take(&self) -> Option<Slot> {
        /// The interval at which the memory in use is checked.
        const INTERVAL: Duration = Duration::from_millis(20);
        if let Ok(slot) = Arc::clone(&self.permits).try_acquire_owned()
            && !self.has_too_many_bytes()
        {
            return Some(slot);
        }
        let _waiting = Waiting::new(&self.waiting);
        let deadline = Instant::now() + self.wait;
        let permit = Arc::clone(&self.permits).acquire_owned();
        let slot = time::timeout_at(deadline, permit).await.ok()?.ok()?;
        while self.has_too_many_bytes() {
            if Instant::now() >= deadline {
                return None;
            }
            time::sleep(INTERVAL).await;
        }
        Some(slot)
    }

    /// Counts an exposition until the returned value is dropped.
    pub(super) fn hold(&self, bytes: usize) -> Held {
        let held = Held::default();
        lock(&self.expositions).push((Arc::downgrade(&held), bytes));
        held
    }

    /// Whether scrapes wait for others to end.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Relaxed) > 0
    }

    /// One exposition of any size is within the limit, and so are a few of the current size.
    pub(super) fn has_too_many_bytes(&self) -> bool {
        const ALWAYS: usize = 3;
        let mut expositions = lock(&self.expositions);
        expositions.retain(|(held, _)| held.strong_count() > 0);
        let bytes: usize = expositions.iter().map(|(_, bytes)| bytes).sum();
        expositions.len() > ALWAYS && bytes > self.most_bytes
    }
}

/// Counts a waiting scrape until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

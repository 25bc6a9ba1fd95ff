//! Scrapes: those that wait at the same time share one gather.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{io, mem};

use axum::body::Bytes;
use tokio::sync::oneshot;
use tokio::task;

use super::StatusProvider;
use super::slots::{Held, Slot, Slots};
use crate::callbacks::CALLBACK_SHARE;
use crate::exposition::{ContentEncoding, ExpositionFormat, Selection};
use crate::sync::lock;

/// The body of a scrape response.
#[derive(Clone, Debug)]
pub(super) struct EncodedExposition {
    pub(super) variant: Variant,
    pub(super) body: Bytes,
    /// Keeps the body counted.
    pub(super) held: Held,
}

/// The form of a response. Scrapes with the same variant share one body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variant {
    pub(super) encoding: ContentEncoding,
    pub(super) format: ExpositionFormat,
    /// The families; `None` for all.
    pub(super) selection: Option<Selection>,
}

/// Why a scrape got no exposition.
#[derive(Debug)]
pub(super) enum ScrapeError {
    /// The gather failed: the provider panicked, or no thread could be started. The log has the reason.
    GatherFailed,
    /// The expositions that are being sent take too much memory.
    TooManyBytes,
}

/// Responds to scrapes. Each gets a gather that began after it arrived; waiting scrapes share the next gather.
///
/// The lock is taken by the server's threads only, and never in a forked child.
pub(super) struct Scraper {
    provider: Arc<dyn StatusProvider>,
    slots: Arc<Slots>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiter>,
    /// Whether a [`Driver`] will check `waiting` again.
    has_driver: bool,
}

struct Waiter {
    variant: Variant,
    callback_deadline: Option<Instant>,
    response: oneshot::Sender<Result<EncodedExposition, ScrapeError>>,
}

impl Scraper {
    pub(super) fn new(provider: Arc<dyn StatusProvider>, slots: Arc<Slots>) -> Arc<Self> {
        Arc::new(Self {
            provider,
            slots,
            queue: Mutex::default(),
        })
    }

    /// Waits for a slot; `None` if there is none in time. Hold it until the end of the response.
    pub(super) async fn slot(&self) -> Option<Slot> {
        self.slots.take().await
    }

    /// Waits for a response. `callback_deadline` is derived from the scraper's timeout.
    pub(super) async fn scrape(
        self: &Arc<Self>,
        variant: Variant,
        callback_deadline: Option<Instant>,
    ) -> Result<EncodedExposition, ScrapeError> {
        let (response, received) = oneshot::channel();
        let waiter = Waiter {
            variant,
            callback_deadline,
            response,
        };
        if let Some(driver) = self.enqueue(waiter) {
            // The driver keeps running after the handle is dropped: other waiters depend on it.
            drop(task::spawn_blocking(move || driver.run()));
        }
        received.await.unwrap_or(Err(ScrapeError::GatherFailed))
    }

    fn enqueue(self: &Arc<Self>, waiter: Waiter) -> Option<Driver> {
        let mut queue = lock(&self.queue);
        queue.waiting.push(waiter);
        let has_driver = mem::replace(&mut queue.has_driver, true);
        (!has_driver).then(|| Driver {
            scraper: Arc::clone(self),
            is_active: true,
        })
    }

    fn encode(&self, variant: &Variant) -> Bytes {
        let mut exposition = Vec::new();
        let selection = variant.selection.as_ref();
        self.provider
            .encode(variant.format, selection, &mut exposition);
        Bytes::from(exposition)
    }

    /// Runs the callbacks once and responds to all scrapes in `batch`, to each one when the callbacks have
    /// finished or its own deadline has passed: no scraper's timeout shortens the time of another.
    fn serve(&self, mut batch: Vec<Waiter>) -> io::Result<()> {
        let began = Instant::now();
        let own = own_deadline(began, self.provider.callback_timeout());
        let deadline_of = |waiter: &Waiter| waiter.callback_deadline.unwrap_or(own).min(own);
        let mut deadlines: Vec<Instant> = batch.iter().map(deadline_of).collect();
        deadlines.sort_unstable();
        deadlines.dedup();
        let mut responded = Ok(());
        self.provider
            .run_callbacks_until(&deadlines, &mut |reached| {
                let is_due = |waiter: &mut Waiter| deadline_of(waiter) <= deadlines[reached];
                let due: Vec<Waiter> = batch.extract_if(.., is_due).collect();
                if let Err(error) = self.respond(due) {
                    responded = Err(error);
                }
            });
        self.respond(batch)?;
        self.provider.scraped(began.elapsed());
        responded
    }

    /// Encodes each format once, compresses each variant once, and responds to all scrapes in `batch`.
    fn respond(&self, mut batch: Vec<Waiter>) -> io::Result<()> {
        // The cheapest encoding first: no scrape waits for the compression of another response.
        batch.sort_by(|one, other| other.variant.cmp(&one.variant));
        let mut encoded: Vec<(Variant, Bytes)> = Vec::new();
        let mut last: Option<EncodedExposition> = None;
        for Waiter {
            variant, response, ..
        } in batch
        {
            let exposition = match &last {
                Some(last) if last.variant == variant => last.clone(),
                _ if response.is_closed() => continue,
                // Scrapes of different families arrive together, with a slot each.
                _ if self.slots.has_too_many_bytes() => {
                    let _ = response.send(Err(ScrapeError::TooManyBytes));
                    continue;
                }
                _ => {
                    let same = encoded.iter().find(|(known, _)| {
                        known.format == variant.format && known.selection == variant.selection
                    });
                    let body = match same {
                        Some((_, body)) => body.clone(),
                        None => {
                            let body = self.encode(&variant);
                            encoded.push((variant.clone(), body.clone()));
                            body
                        }
                    };
                    let body = variant.encoding.encode(body)?;
                    let held = self.slots.hold(body.len());
                    last.insert(EncodedExposition {
                        variant,
                        body,
                        held,
                    })
                    .clone()
                }
            };
            // The client may have disconnected.
            let _ = response.send(Ok(exposition));
        }
        Ok(())
    }
}

/// The blocking task that gathers while scrapes wait. There is one at a time.
struct Driver {
    scraper: Arc<Scraper>,
    is_active: bool,
}

impl Driver {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            let scraper = &self.scraper;
            match catch_unwind(AssertUnwindSafe(|| scraper.serve(batch))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "an exposition could not be compressed"),
                Err(panic) => {
                    let reason = panic_message(&*panic);
                    tracing::error!(reason, "the gathering of metrics panicked");
                }
            }
        }
    }

    /// All waiting scrapes whose clients are connected. Without any, the driver ends.
    fn next_batch(&mut self) -> Option<Vec<Waiter>> {
        let mut queue = lock(&self.scraper.queue);
        queue.waiting.retain(|waiter| !waiter.response.is_closed());
        if queue.waiting.is_empty() {
            queue.has_driver = false;
            self.is_active = false;
            return None;
        }
        Some(mem::take(&mut queue.waiting))
    }
}

impl Drop for Driver {
    /// If the driver could not run to its end, no scrape waits for it.
    fn drop(&mut self) {
        if self.is_active {
            *lock(&self.scraper.queue) = Queue::default();
        }
    }
}

/// The least time that a scraper's timeout leaves to callbacks. No scraper waits for less than a second.
const MIN_CALLBACK_BUDGET: Duration = Duration::from_millis(50);

/// The deadline of callbacks if no scraper sets one.
fn own_deadline(now: Instant, timeout: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400);
    now + timeout.min(FAR)
}

/// The deadline of callbacks for a scraper that waits `header` seconds from `arrival`
/// (`X-Prometheus-Scrape-Timeout-Seconds`); `None` if the header is invalid.
pub(crate) fn callback_deadline(arrival: Instant, header: &str) -> Option<Instant> {
    // A float of more characters has no more precision.
    const MOST: usize = 32;
    let seconds: f64 = header
        .get(..header.len().min(MOST))?
        .trim()
        .parse()
        .ok()
        .filter(|seconds| *seconds > 0.0)?;
    let budget = Duration::try_from_secs_f64(seconds * CALLBACK_SHARE).ok()?;
    let budget = budget.max(MIN_CALLBACK_BUDGET);
    arrival.checked_add(budget)
}

/// The message of a panic.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_get_four_fifths_of_the_scrape_timeout() {
        let arrival = Instant::now();
        let after = |millis| Some(arrival + Duration::from_millis(millis));
        assert_eq!(callback_deadline(arrival, "10"), after(8000));
        assert_eq!(callback_deadline(arrival, " 0.5 "), after(400));
        assert_eq!(callback_deadline(arrival, "1e1"), after(8000));
        assert_eq!(callback_deadline(arrival, "0.001"), after(50));
    }

    #[test]
    fn an_invalid_scrape_timeout_is_ignored() {
        for header in ["", "0", "-1", "nan", "inf", "-inf", "10s", "1e300"] {
            assert_eq!(callback_deadline(Instant::now(), header), None, "{header}");
        }
    }

    #[test]
    fn the_longest_callback_timeout_does_not_overflow() {
        let now = Instant::now();
        assert!(own_deadline(now, Duration::MAX) > now);
        assert_eq!(own_deadline(now, Duration::ZERO), now);
    }
}

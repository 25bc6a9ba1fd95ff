//! One gather for all scrapes that wait for it.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{io, mem};

use axum::body::Bytes;
use tokio::sync::oneshot;
use tokio::task;

use super::StatusSource;
use crate::exposition::encoding::Encoding;
use crate::exposition::{CALLBACK_SHARE, Exposition};
use crate::sync::lock;

/// A page as it goes out.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) variant: Variant,
    pub(super) body: Bytes,
}

/// The form in which a scrape wants its page. Those that want the same share one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variant {
    pub(super) encoding: Encoding,
    pub(super) exposition: Exposition,
}

/// No page, because the source panicked or no thread could be started; the log has the reason.
#[derive(Debug)]
pub(super) struct GatherFailed;

/// Answers scrapes: each by a gather that began after it arrived, those that wait by the same one.
///
/// The lock is taken by the server's threads only, and never in a forked child.
pub(super) struct Scraper {
    source: Arc<dyn StatusSource>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiter>,
    /// Whether a [`Driver`] will look at `waiting` once more.
    driven: bool,
}

struct Waiter {
    variant: Variant,
    callbacks_until: Option<Instant>,
    answer: oneshot::Sender<Page>,
}

impl Scraper {
    pub(super) fn new(source: Arc<dyn StatusSource>) -> Arc<Self> {
        Arc::new(Self {
            source,
            queue: Mutex::default(),
        })
    }

    /// Waits for a page. `callbacks_until` is what the scraper's own timeout leaves to callbacks.
    pub(super) async fn scrape(
        self: &Arc<Self>,
        variant: Variant,
        callbacks_until: Option<Instant>,
    ) -> Result<Page, GatherFailed> {
        let (answer, page) = oneshot::channel();
        let waiter = Waiter {
            variant,
            callbacks_until,
            answer,
        };
        if let Some(driver) = self.enqueue(waiter) {
            // Runs on although the handle is dropped. Other waiters depend on it.
            drop(task::spawn_blocking(move || driver.run()));
        }
        page.await.map_err(|_| GatherFailed)
    }

    fn enqueue(self: &Arc<Self>, waiter: Waiter) -> Option<Driver> {
        let mut queue = lock(&self.queue);
        queue.waiting.push(waiter);
        let driven = mem::replace(&mut queue.driven, true);
        (!driven).then(|| Driver {
            scraper: Arc::clone(self),
            at_work: true,
        })
    }

    fn run_callbacks(&self, callbacks_until: impl Iterator<Item = Instant>) {
        let own = own_deadline(Instant::now(), self.source.callback_timeout());
        self.source
            .run_callbacks(callbacks_until.fold(own, Instant::min));
    }

    fn render(&self, exposition: Exposition) -> Bytes {
        let mut page = Vec::new();
        self.source.render(exposition, &mut page);
        Bytes::from(page)
    }

    /// Gathers once, renders once per format, encodes once per variant, and answers everyone in
    /// `batch`.
    fn serve(&self, mut batch: Vec<Waiter>) -> io::Result<()> {
        let began = Instant::now();
        self.run_callbacks(batch.iter().filter_map(|waiter| waiter.callbacks_until));
        // The cheapest encoding first: nobody waits for the compression of another's page.
        batch.sort_by_key(|waiter| Reverse(waiter.variant));
        let mut rendered: Vec<(Exposition, Bytes)> = Vec::new();
        let mut ready: Option<Page> = None;
        for Waiter {
            variant, answer, ..
        } in batch
        {
            let page = match &ready {
                Some(page) if page.variant == variant => page.clone(),
                _ if answer.is_closed() => continue,
                _ => {
                    let of_format = rendered
                        .iter()
                        .find(|(exposition, _)| *exposition == variant.exposition);
                    let body = match of_format {
                        Some((_, body)) => body.clone(),
                        None => {
                            let body = self.render(variant.exposition);
                            rendered.push((variant.exposition, body.clone()));
                            body
                        }
                    };
                    let body = variant.encoding.encode(body)?;
                    ready.insert(Page { variant, body }).clone()
                }
            };
            // The client may be gone by now.
            let _ = answer.send(page);
        }
        self.source.scraped(began.elapsed());
        Ok(())
    }
}

/// The one blocking task that gathers as long as someone waits.
struct Driver {
    scraper: Arc<Scraper>,
    at_work: bool,
}

impl Driver {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            let scraper = &self.scraper;
            match catch_unwind(AssertUnwindSafe(|| scraper.serve(batch))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a page could not be encoded"),
                Err(panic) => {
                    let reason = panic_message(&*panic);
                    tracing::error!(reason, "a panic while metrics were gathered");
                }
            }
        }
    }

    /// Everyone who waits and is still there; with nobody left the driver is done.
    fn next_batch(&mut self) -> Option<Vec<Waiter>> {
        let mut queue = lock(&self.scraper.queue);
        queue.waiting.retain(|waiter| !waiter.answer.is_closed());
        if queue.waiting.is_empty() {
            queue.driven = false;
            self.at_work = false;
            return None;
        }
        Some(mem::take(&mut queue.waiting))
    }
}

impl Drop for Driver {
    /// A driver that could not run, or not to its end, leaves nobody waiting for it.
    fn drop(&mut self) {
        if self.at_work {
            *lock(&self.scraper.queue) = Queue::default();
        }
    }
}

/// When callbacks must be done if no scraper says anything.
fn own_deadline(now: Instant, timeout: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400);
    now + timeout.min(FAR)
}

/// When callbacks must be done for a scraper that waits `header` seconds from `arrival`
/// (`X-Prometheus-Scrape-Timeout-Seconds`); `None` if that is no such time.
pub(super) fn callbacks_until(arrival: Instant, header: &str) -> Option<Instant> {
    let seconds: f64 = header
        .trim()
        .parse()
        .ok()
        .filter(|seconds| *seconds > 0.0)?;
    let budget = Duration::try_from_secs_f64(seconds * CALLBACK_SHARE).ok()?;
    arrival.checked_add(budget)
}

/// The message of a panic, as far as it has one.
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
        assert_eq!(callbacks_until(arrival, "10"), after(8000));
        assert_eq!(callbacks_until(arrival, " 0.5 "), after(400));
        assert_eq!(callbacks_until(arrival, "1e1"), after(8000));
    }

    #[test]
    fn a_scrape_timeout_that_makes_no_sense_is_ignored() {
        for header in ["", "0", "-1", "nan", "inf", "-inf", "10s", "1e300"] {
            assert_eq!(callbacks_until(Instant::now(), header), None, "{header}");
        }
    }

    #[test]
    fn a_callback_timeout_beyond_all_time_does_not_overflow() {
        let now = Instant::now();
        assert!(own_deadline(now, Duration::MAX) > now);
        assert_eq!(own_deadline(now, Duration::ZERO), now);
    }
}

//! The metrics of the runtime itself: uptime, scrapes, callbacks and external expositions.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::callbacks::CallbackStats;
use crate::exposition::{Loss, Reason};
use crate::metrics::{
    Across, CounterCell, Description, GaugeCell, MetricsError, Registry, SingleCore,
};
use crate::prometheus_names::{distributed_runtime, name_prefix, runtime_metrics};
use crate::sync::{self, lock};

type Counter = Arc<SingleCore<CounterCell<u64>>>;
type Gauge = Arc<SingleCore<GaugeCell<f64>>>;

/// See the module.
pub(super) struct RuntimeMetrics {
    registry: Registry,
    started: Instant,
    uptime: Gauge,
    /// Only with a status server.
    scrape_duration: Option<Gauge>,
    /// Registered with the first callback.
    callbacks: Mutex<Option<CallbackMetrics>>,
    /// Registered with the first file of the group that is refused.
    files_refused: Mutex<Option<Counter>>,
    conflicts_logged: AtomicBool,
    timeouts_logged: AtomicBool,
    /// Registered with the first callback that returns an exposition.
    external: Mutex<Option<ExternalMetrics>>,
    /// The callbacks and families of which a loss has been logged, with its reason.
    logged_losses: Mutex<HashSet<(Arc<str>, String, Reason)>>,
    /// The counters of rejected updates, by metric and reason; `None` if a counter could not be created.
    rejected: Mutex<HashMap<(String, &'static str), Option<Counter>>>,
}

/// The number of different losses that are logged. Families without end must not fill the memory.
const LOGGED_LOSSES: usize = 1000;

#[derive(Clone)]
struct CallbackMetrics {
    errors: Counter,
    not_reached: Counter,
    timeouts: Counter,
}

#[derive(Clone)]
struct ExternalMetrics {
    dropped_families: Counter,
    dropped_series: Counter,
    /// In the order of [`Reason::ALL`].
    dropped: Vec<Counter>,
}

impl RuntimeMetrics {
    pub(super) fn new(registry: &Registry, is_served: bool) -> Result<Self, MetricsError> {
        let uptime = registry.own_metric(
            &format!(
                "{}_{}",
                name_prefix::COMPONENT,
                distributed_runtime::UPTIME_SECONDS
            ),
            "Total uptime of the DistributedRuntime in seconds",
            &[],
        )?;
        let scrape_duration = match is_served {
            true => Some(
                registry.runtime_metric(
                    runtime_metrics::SCRAPE_DURATION_SECONDS,
                    Description::new(
                        "Duration of the previous scrape in seconds, callbacks included.",
                    )
                    .across(Across::Last),
                    &[],
                )?,
            ),
            false => None,
        };
        Ok(RuntimeMetrics {
            registry: registry.clone(),
            started: Instant::now(),
            uptime,
            scrape_duration,
            callbacks: Mutex::new(None),
            external: Mutex::new(None),
            files_refused: Mutex::new(None),
            conflicts_logged: AtomicBool::new(false),
            timeouts_logged: AtomicBool::new(false),
            logged_losses: Mutex::default(),
            rejected: Mutex::default(),
        })
    }

    /// Registers the metrics about callbacks, unless they are registered.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has one of the names.
    pub(super) fn register_callback_metrics(&self) -> Result<(), MetricsError> {
        let mut metrics = lock(&self.callbacks);
        if metrics.is_none() {
            *metrics = Some(CallbackMetrics {
                errors: self.registry.runtime_metric(
                    runtime_metrics::CALLBACK_ERRORS_TOTAL,
                    "Metrics callbacks that raised an exception.",
                    &[],
                )?,
                not_reached: self.registry.runtime_metric(
                    runtime_metrics::CALLBACK_NOT_REACHED_TOTAL,
                    "Metrics callbacks that had not begun at the deadline of a scrape.",
                    &[],
                )?,
                timeouts: self.registry.runtime_metric(
                    runtime_metrics::CALLBACK_TIMEOUTS_TOTAL,
                    "Metrics callbacks that did not finish before the deadline of a scrape.",
                    &[],
                )?,
            });
        }
        Ok(())
    }

    /// Registers the metrics about external expositions, unless they are registered.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has one of the names.
    pub(super) fn register_external_metrics(&self) -> Result<(), MetricsError> {
        let mut metrics = lock(&self.external);
        if metrics.is_none() {
            *metrics = Some(ExternalMetrics {
                dropped_families: self.registry.runtime_metric(
                    runtime_metrics::TEXT_DROPPED_FAMILIES_TOTAL,
                    "Families dropped from callback output: not valid, or in conflict with another family.",
                    &[],
                )?,
                dropped_series: self.registry.runtime_metric(
                    runtime_metrics::TEXT_DROPPED_SERIES_TOTAL,
                    "Series, samples, exemplars and timestamps dropped from callback output: duplicates, or not valid.",
                    &[],
                )?,
                dropped: Reason::ALL
                    .iter()
                    .map(|reason| {
                        self.registry.runtime_metric(
                            runtime_metrics::TEXT_DROPPED_TOTAL,
                            "Families, series, samples, exemplars and timestamps dropped from callback output, by reason.",
                            &[("reason", reason.label())],
                        )
                    })
                    .collect::<Result<_, _>>()?,
            });
        }
        Ok(())
    }

    /// Sets the number of files in the shared directory that were refused.
    pub(super) fn files_refused(&self, total: u64) {
        if total == 0 {
            return;
        }
        let known = {
            let _section = sync::enter();
            lock(&self.files_refused).clone()
        };
        let counter = known.or_else(|| {
            let counter = self.registry.runtime_metric(
                runtime_metrics::SHARED_FILES_REFUSED_TOTAL,
                "Damaged or unknown files in the shared directory.",
                &[],
            );
            let counter = counter.ok()?;
            let _section = sync::enter();
            *lock(&self.files_refused) = Some(Arc::clone(&counter));
            Some(counter)
        });
        if let Some(counter) = counter {
            let cell = counter.update();
            cell.add(total.saturating_sub(cell.get()));
        }
    }

    /// Logs once that metrics of other processes are hidden.
    pub(super) fn warn_of_conflicts(&self, hidden: u64) {
        if !self.conflicts_logged.swap(true, Relaxed) {
            tracing::warn!(
                "metrics of other processes are hidden because kind, buckets or across differ from the newest metric of the name: {hidden}; run one version of the program in all processes"
            );
        }
    }

    /// Logs once that other processes did not answer in time.
    pub(super) fn processes_timed_out(&self, missed: u64) {
        if missed > 0 && !self.timeouts_logged.swap(true, Relaxed) {
            tracing::warn!(
                "{missed} processes of the group did not run their callbacks before the deadline of the scrape, which shows their last values; later timeouts are not logged"
            );
        }
    }

    /// Updates the uptime, for a scrape.
    pub(super) fn refresh(&self) {
        self.uptime.update().set(self.uptime().as_secs_f64());
    }

    /// The time since the runtime was created.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Records the duration of a scrape.
    pub(super) fn scraped(&self, duration: Duration) {
        if let Some(gauge) = &self.scrape_duration {
            gauge.update().set(duration.as_secs_f64());
        }
    }

    fn callback_metrics(&self) -> Option<CallbackMetrics> {
        let _section = sync::enter();
        lock(&self.callbacks).clone()
    }
}

impl RuntimeMetrics {
    /// Counts an update that changed nothing, and logs the first one for each metric and reason.
    pub(super) fn rejected(&self, metric: &str, reason: &'static str) {
        let key = (metric.to_owned(), reason);
        let known = lock(&self.rejected).get(&key).cloned();
        let is_first = known.is_none();
        let mut later_ones = Cow::Borrowed("later ones are only counted");
        let counter = known.unwrap_or_else(|| {
            let created = self.registry.runtime_metric(
                runtime_metrics::REJECTED_UPDATES_TOTAL,
                "Updates of metrics that changed nothing, such as those by NaN.",
                &[("metric", metric), ("reason", reason)],
            );
            created
                .inspect_err(|error| {
                    later_ones = format!("later ones are not counted: {error}").into()
                })
                .ok()
        });
        if let Some(counter) = &counter {
            counter.update().inc();
        }
        // Of two threads, one logs.
        if is_first && lock(&self.rejected).insert(key, counter).is_none() {
            tracing::warn!(
                "metric {metric:?} ignored an update by a value that is {reason}; {later_ones}"
            );
        }
    }

    fn log(&self, loss: &Loss) {
        let key = (Arc::clone(&loss.source), loss.family.clone(), loss.reason);
        let is_new = {
            let _section = sync::enter();
            let mut logged = lock(&self.logged_losses);
            logged.len() < LOGGED_LOSSES && logged.insert(key)
        };
        if !is_new {
            return;
        }
        let Loss {
            source,
            family,
            line,
            text,
            families,
            ..
        } = loss;
        let what = match families {
            0 => "a part of family",
            _ => "family",
        };
        if source.is_empty() {
            tracing::warn!(
                "{what} {family:?} is not shown: {loss}; later losses of this kind are only counted"
            );
        } else {
            let quoted = match text.as_str() {
                "" => String::new(),
                text => format!(": {text:?}"),
            };
            tracing::warn!(
                "metrics callback {source}: {what} {family:?} is dropped, line {line}: {loss}{quoted}; later losses of this kind are only counted"
            );
        }
    }
}

impl CallbackStats for RuntimeMetrics {
    fn lost(&self, losses: &[Loss]) {
        if losses.is_empty() {
            return;
        }
        let metrics = {
            let _section = sync::enter();
            // Our own series can be lost too, without any external exposition. If a user's metric has the
            // name of a counter, losses are only logged.
            let _ = self.register_external_metrics();
            lock(&self.external).clone()
        };
        for loss in losses {
            if let Some(metrics) = &metrics {
                metrics.dropped_families.update().add(loss.families);
                metrics.dropped_series.update().add(loss.series);
                let reasons = Reason::ALL.iter().zip(&metrics.dropped);
                for (_, counter) in reasons.filter(|(reason, _)| **reason == loss.reason) {
                    counter.update().add(loss.families + loss.series);
                }
            }
            self.log(loss);
        }
    }

    fn late(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(metrics) = self.callback_metrics()
        {
            metrics.timeouts.update().add(callbacks);
        }
    }

    fn not_reached(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(metrics) = self.callback_metrics()
        {
            metrics.not_reached.update().add(callbacks);
        }
    }

    fn failed(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(metrics) = self.callback_metrics()
        {
            metrics.errors.update().add(callbacks);
        }
    }
}

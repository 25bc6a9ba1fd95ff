//! The metrics of the runtime itself: uptime, scrapes, callbacks and external expositions.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::callbacks::CallbackStats;
use crate::exposition::Dropped;
use crate::metrics::{CounterCell, GaugeCell, MetricsError, Registry, SingleCore};
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
    /// Registered with the first callback that returns an exposition.
    external: Mutex<Option<ExternalMetrics>>,
}

#[derive(Clone)]
struct CallbackMetrics {
    errors: Counter,
    timeouts: Counter,
}

#[derive(Clone)]
struct ExternalMetrics {
    dropped_families: Counter,
    dropped_series: Counter,
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
            true => Some(registry.runtime_metric(
                runtime_metrics::SCRAPE_DURATION_SECONDS,
                "Duration of the previous scrape in seconds, callbacks included.",
                &[],
            )?),
            false => None,
        };
        Ok(RuntimeMetrics {
            registry: registry.clone(),
            started: Instant::now(),
            uptime,
            scrape_duration,
            callbacks: Mutex::new(None),
            external: Mutex::new(None),
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
                    "Duplicate series dropped from callback output.",
                    &[],
                )?,
            });
        }
        Ok(())
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

impl CallbackStats for RuntimeMetrics {
    fn dropped(&self, dropped: Dropped) {
        if dropped == Dropped::default() {
            return;
        }
        let metrics = {
            let _section = sync::enter();
            lock(&self.external).clone()
        };
        if let Some(metrics) = metrics {
            metrics.dropped_families.update().add(dropped.families);
            metrics.dropped_series.update().add(dropped.series);
        }
    }

    fn timed_out(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(metrics) = self.callback_metrics()
        {
            metrics.timeouts.update().add(callbacks);
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

//! What a scrape of a runtime shows: its metrics after a run of the callbacks, and its health.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Path;
use crate::callbacks::{Callbacks, Dispatcher, Tally};
use crate::config::Config;
use crate::exposition::{Dropped, Exposed, Exposition, merge};
use crate::health::{HealthReport, SystemHealth};
use crate::metrics::{CounterCell, GaugeCell, MetricsError, Registry, SingleCore};
use crate::prometheus_names::{distributed_runtime, name_prefix, runtime_metrics};
use crate::server::StatusSource;
use crate::sync::{self, lock};

/// See the module.
pub(crate) struct Page {
    pub(crate) registry: Registry,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) health: SystemHealth,
    callback_timeout: Duration,
    created_samples: bool,
    /// The length of the last page in bytes.
    last_len: AtomicUsize,
    started: Instant,
    uptime: Arc<SingleCore<GaugeCell<f64>>>,
    scrape_duration: Option<Arc<SingleCore<GaugeCell<f64>>>>,
    /// Registered with the first callback.
    figures: Mutex<Option<CallbackFigures>>,
    /// Registered with the first callback that returns text.
    losses: Mutex<Option<TextFigures>>,
}

#[derive(Clone)]
struct CallbackFigures {
    errors: Arc<SingleCore<CounterCell<u64>>>,
    timeouts: Arc<SingleCore<CounterCell<u64>>>,
}

#[derive(Clone)]
struct TextFigures {
    families: Arc<SingleCore<CounterCell<u64>>>,
    series: Arc<SingleCore<CounterCell<u64>>>,
}

impl Page {
    pub(super) fn new(config: &Config, dispatcher: Arc<Dispatcher>) -> Result<Self, MetricsError> {
        let registry = Registry::new(config.max_series);
        let uptime = registry.own(
            &format!(
                "{}_{}",
                name_prefix::COMPONENT,
                distributed_runtime::UPTIME_SECONDS
            ),
            "Total uptime of the DistributedRuntime in seconds",
            &[],
        )?;
        let scrape_duration = match config.port {
            Some(_) => Some(registry.figure(
                runtime_metrics::SCRAPE_DURATION_SECONDS,
                "Time the scrape before this one took to answer, callbacks included, in seconds",
                &[],
            )?),
            None => None,
        };
        Ok(Page {
            registry,
            callbacks: Arc::new(Callbacks::new(dispatcher)),
            health: SystemHealth::new(config.starting_health, config.required_endpoints.clone()),
            callback_timeout: config.callback_timeout,
            created_samples: config.created_samples,
            last_len: AtomicUsize::new(0),
            started: Instant::now(),
            uptime,
            scrape_duration,
            figures: Mutex::new(None),
            losses: Mutex::new(None),
        })
    }

    /// Shows how callbacks fare from now on.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has taken one of the names.
    pub(crate) fn show_callback_figures(&self) -> Result<(), MetricsError> {
        let mut figures = lock(&self.figures);
        if figures.is_none() {
            *figures = Some(CallbackFigures {
                errors: self.registry.figure(
                    runtime_metrics::CALLBACK_ERRORS_TOTAL,
                    "Metrics callbacks that raised an exception",
                    &[],
                )?,
                timeouts: self.registry.figure(
                    runtime_metrics::CALLBACK_TIMEOUTS_TOTAL,
                    "Metrics callbacks that had not finished when a scrape had to answer",
                    &[],
                )?,
            });
        }
        Ok(())
    }

    /// Shows from now on what of other libraries' texts cannot be shown.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has taken one of the names.
    pub(crate) fn show_text_figures(&self) -> Result<(), MetricsError> {
        let mut losses = lock(&self.losses);
        if losses.is_none() {
            *losses = Some(TextFigures {
                families: self.registry.figure(
                    runtime_metrics::TEXT_DROPPED_FAMILIES_TOTAL,
                    "Families in the text of callbacks that were left out: not understood, or in conflict with another",
                    &[],
                )?,
                series: self.registry.figure(
                    runtime_metrics::TEXT_DROPPED_SERIES_TOTAL,
                    "Series in the text of callbacks that were left out because they were there already",
                    &[],
                )?,
            });
        }
        Ok(())
    }

    pub(crate) fn run_callbacks_of(&self, scope: &Path, deadline: Instant) {
        self.callbacks.run(scope, deadline, self);
    }

    /// The time callbacks of a scrape that begins now have, if the scraper sets no limit.
    pub(crate) fn callback_deadline(&self) -> Instant {
        Instant::now() + self.callback_timeout
    }

    /// Appends the metrics of `scope` and below it.
    pub(crate) fn render_scope(&self, scope: &Path, exposition: Exposition, out: &mut Vec<u8>) {
        self.uptime
            .update()
            .set(self.started.elapsed().as_secs_f64());
        let families = {
            let _section = sync::enter();
            self.registry.gather(scope)
        };
        for member in families.iter().flat_map(|gathered| &gathered.members) {
            let _section = sync::enter();
            member.expire();
        }
        let families = families.into_iter().map(Exposed::from).collect();
        let parts = self.callbacks.parts(scope);
        let (families, dropped) = merge(families, parts.into_iter());
        self.dropped(dropped);
        // A page is about as long as the one before: growing it step by step would cost as much as
        // writing it.
        let last_len = self.last_len.load(Relaxed);
        out.reserve(last_len + last_len / 8);
        let start = out.len();
        let dropped = exposition.write(families, self.created_samples, out);
        self.last_len.store(out.len() - start, Relaxed);
        self.dropped(dropped);
    }

    fn figures(&self) -> Option<CallbackFigures> {
        let _section = sync::enter();
        lock(&self.figures).clone()
    }
}

impl Tally for Page {
    fn dropped(&self, dropped: Dropped) {
        if dropped == Dropped::default() {
            return;
        }
        let losses = {
            let _section = sync::enter();
            lock(&self.losses).clone()
        };
        if let Some(losses) = losses {
            losses.families.update().add(dropped.families);
            losses.series.update().add(dropped.series);
        }
    }

    fn timed_out(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(figures) = self.figures()
        {
            figures.timeouts.update().add(callbacks);
        }
    }

    fn failed(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(figures) = self.figures()
        {
            figures.errors.update().add(callbacks);
        }
    }
}

impl StatusSource for Page {
    fn run_callbacks(&self, deadline: Instant) {
        self.run_callbacks_of(&Path::root(), deadline);
    }

    fn callback_timeout(&self) -> Duration {
        self.callback_timeout
    }

    fn render(&self, exposition: Exposition, out: &mut Vec<u8>) {
        self.render_scope(&Path::root(), exposition, out);
    }

    fn scraped(&self, took: Duration) {
        if let Some(gauge) = &self.scrape_duration {
            gauge.update().set(took.as_secs_f64());
        }
    }

    fn health(&self) -> HealthReport {
        self.health.report()
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

//! The gatherer: gathers all families of a runtime for one scrape and encodes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::runtime_metrics::RuntimeMetrics;
use crate::callbacks::{CallbackStats, Callbacks, Dispatcher};
use crate::config::Config;
use crate::exposition::{ExposedFamily, ExpositionFormat, merge};
use crate::metrics::{MetricsError, Path, Registry};
use crate::sync;

/// See the module.
pub(crate) struct Gatherer {
    pub(super) registry: Registry,
    pub(super) callbacks: Arc<Callbacks>,
    pub(super) metrics: Arc<RuntimeMetrics>,
    pub(super) callback_timeout: Duration,
    created_samples: bool,
    /// The length of the previous exposition in bytes.
    last_len: AtomicUsize,
}

impl Gatherer {
    pub(super) fn new(config: &Config, dispatcher: Arc<Dispatcher>) -> Result<Self, MetricsError> {
        let registry = Registry::new(config.max_series, config.const_labels.clone());
        let metrics = Arc::new(RuntimeMetrics::new(&registry, config.port.is_some())?);
        let stats = Arc::clone(&metrics) as Arc<dyn CallbackStats>;
        Ok(Gatherer {
            registry,
            callbacks: Arc::new(Callbacks::new(dispatcher, stats, config.callback_timeout)),
            metrics,
            callback_timeout: config.callback_timeout,
            created_samples: config.created_samples,
            last_len: AtomicUsize::new(0),
        })
    }

    /// The deadline of the callbacks of a scrape that begins now and sets no limit itself.
    pub(super) fn callback_deadline(&self) -> Instant {
        Instant::now() + self.callback_timeout
    }

    /// Appends the exposition of `scope` and the nodes below it.
    pub(super) fn encode(&self, scope: &Path, format: ExpositionFormat, out: &mut Vec<u8>) {
        self.metrics.refresh();
        let families = {
            let _section = sync::enter();
            self.registry.gather(scope)
        };
        for collector in families.iter().flat_map(|gathered| &gathered.collectors) {
            let _section = sync::enter();
            collector.expire();
        }
        let families = families.into_iter().map(ExposedFamily::from).collect();
        let external = self.callbacks.external_families(scope);
        let (families, losses) = merge(families, external.into_iter());
        self.metrics.lost(&losses);
        // Consecutive expositions have similar lengths. Growing the buffer step by step would cost as
        // much as writing to it.
        let last_len = self.last_len.load(Relaxed);
        out.reserve(last_len + last_len / 8);
        let start = out.len();
        let losses = format.write(families, self.created_samples, out);
        self.last_len.store(out.len() - start, Relaxed);
        self.metrics.lost(&losses);
    }
}

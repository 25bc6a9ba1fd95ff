//! The gatherer: gathers all families of a runtime for one scrape and encodes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::runtime_metrics::RuntimeMetrics;
use crate::callbacks::{CallbackStats, Callbacks, Dispatcher};
use crate::config::Config;
use crate::exposition::{ExposedFamily, ExpositionFormat, OtlpEncoder, Selection, merge};
use crate::metrics::{MetricsError, Path, Registry, unix_time};
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
            callbacks: Arc::new(Callbacks::new(dispatcher, stats)),
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

    /// Gathers the families of `scope` and the nodes below it, sorted by name.
    fn families(&self, scope: &Path) -> Vec<ExposedFamily> {
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
        families
    }

    /// Encodes `scope` and the nodes below it as OTLP requests.
    pub(super) fn encode_otlp(&self, scope: &Path, encoder: &mut OtlpEncoder) -> Vec<Vec<u8>> {
        encoder.encode(&self.families(scope), unix_time())
    }

    /// Appends the exposition of `scope` and the nodes below it: of all families, or of those selected.
    pub(super) fn encode(
        &self,
        scope: &Path,
        format: ExpositionFormat,
        selection: Option<&Selection>,
        out: &mut Vec<u8>,
    ) {
        let mut families = self.families(scope);
        if let Some(selection) = selection {
            selection.retain(&mut families);
        }
        // Consecutive expositions have similar lengths. Growing the buffer step by step would cost as
        // much as writing to it.
        let start = out.len();
        if selection.is_none() {
            let last_len = self.last_len.load(Relaxed);
            out.reserve(last_len + last_len / 8);
        }
        let losses = format.write(families, self.created_samples, out);
        if selection.is_none() {
            self.last_len.store(out.len() - start, Relaxed);
        }
        self.metrics.lost(&losses);
    }
}

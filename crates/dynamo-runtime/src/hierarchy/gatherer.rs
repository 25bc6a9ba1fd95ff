//! The gatherer: gathers all families of a runtime for one scrape and encodes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::runtime_metrics::RuntimeMetrics;
use crate::callbacks::{CallbackStats, Callbacks, Dispatcher};
use crate::config::Config;
use crate::exposition::{ExposedFamily, ExpositionFormat, Selection, merge};
use crate::metrics::{MetricsError, Path, Registry};
use crate::process::ProcessMetrics;
use crate::sync;

/// See the module.
pub(crate) struct Gatherer {
    pub(super) registry: Registry,
    pub(super) callbacks: Arc<Callbacks>,
    pub(super) metrics: Arc<RuntimeMetrics>,
    process: Option<ProcessMetrics>,
    pub(super) callback_timeout: Duration,
    created_samples: bool,
    /// The length of the previous exposition in bytes.
    last_len: AtomicUsize,
}

impl Gatherer {
    pub(super) fn new(config: &Config, dispatcher: Arc<Dispatcher>) -> Result<Self, MetricsError> {
        let registry = Registry::new(config.max_series);
        let metrics = Arc::new(RuntimeMetrics::new(&registry, config.port.is_some())?);
        let process = match config.process_metrics {
            true => Some(ProcessMetrics::new(&registry, config.port.is_some())?),
            false => None,
        };
        let stats = Arc::clone(&metrics) as Arc<dyn CallbackStats>;
        Ok(Gatherer {
            registry,
            callbacks: Arc::new(Callbacks::new(dispatcher, stats)),
            metrics,
            process,
            callback_timeout: config.callback_timeout,
            created_samples: config.created_samples,
            last_len: AtomicUsize::new(0),
        })
    }

    pub(super) fn has_process_metrics(&self) -> bool {
        self.process.is_some()
    }

    /// The deadline of the callbacks of a scrape that begins now and sets no limit itself.
    pub(super) fn callback_deadline(&self) -> Instant {
        Instant::now() + self.callback_timeout
    }

    /// Appends the exposition of `scope` and the nodes below it: of all families, or of those selected.
    pub(super) fn encode(
        &self,
        scope: &Path,
        format: ExpositionFormat,
        selection: Option<&Selection>,
        out: &mut Vec<u8>,
    ) {
        self.metrics.refresh();
        if let Some(process) = self.process.as_ref().filter(|_| *scope == Path::root()) {
            process.refresh();
        }
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
        let (mut families, dropped) = merge(families, external.into_iter());
        self.metrics.dropped(dropped);
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
        let dropped = format.write(families, self.created_samples, out);
        if selection.is_none() {
            self.last_len.store(out.len() - start, Relaxed);
        }
        self.metrics.dropped(dropped);
    }
}

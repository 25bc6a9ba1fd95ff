//! The gatherer: gathers all families of a runtime for one scrape and encodes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use super::members::Members;
use super::runtime_metrics::RuntimeMetrics;
use crate::callbacks::{CallbackStats, Callbacks, Dispatcher};
use crate::config::Config;
use crate::exposition::{
    ExposedFamily, ExpositionFormat, ExternalFamily, ExternalSeries, ExternalValue, OtlpEncoder,
    Selection, merge,
};
use crate::metrics::{
    Across, BucketLayout, Exemplars, ExternalLabels, Family, Kind, MetricsError, Path, Registry,
    Storage, unix_time,
};
use crate::prometheus_names::{name_prefix, runtime_metrics};
use crate::shared::Group;
use crate::sync;

/// See the module.
pub(crate) struct Gatherer {
    pub(super) registry: Registry,
    pub(super) callbacks: Arc<Callbacks>,
    pub(super) metrics: Arc<RuntimeMetrics>,
    /// The other processes, with a shared directory.
    pub(super) members: Option<Members>,
    created_samples: bool,
    /// The length of the previous exposition in bytes.
    last_len: AtomicUsize,
}

impl Gatherer {
    pub(super) fn new(
        config: &Config,
        dispatcher: Arc<Dispatcher>,
        group: Option<&'static Group>,
    ) -> Result<Self, MetricsError> {
        let storage = group.map(|group| Arc::new(group) as Arc<dyn Storage>);
        let registry =
            Registry::with_storage(config.max_series, config.const_labels.clone(), storage);
        let metrics = Arc::new(RuntimeMetrics::new(&registry, config.port.is_some())?);
        let stats = Arc::clone(&metrics) as Arc<dyn CallbackStats>;
        Ok(Gatherer {
            registry,
            callbacks: Arc::new(Callbacks::new(dispatcher, stats, config.callback_timeout)),
            metrics,
            members: group.map(Members::new),
            created_samples: config.created_samples,
            last_len: AtomicUsize::new(0),
        })
    }

    /// The deadline of the callbacks of a scrape that begins now and sets no limit itself.
    pub(super) fn callback_deadline(&self) -> Instant {
        Instant::now() + self.callbacks.timeout()
    }

    /// Runs the callbacks of `scope` and the nodes below it, and those of the other processes.
    pub(super) fn run_callbacks(&self, scope: &Path, deadline: Instant) {
        self.run_callbacks_until(scope, &[deadline], &mut |_| {});
    }

    /// As [`run_callbacks`](Self::run_callbacks), with several sorted deadlines. Waits for the last one, and
    /// calls `reached` with the index of each earlier deadline when it passes.
    pub(super) fn run_callbacks_until(
        &self,
        scope: &Path,
        deadlines: &[Instant],
        reached: &mut dyn FnMut(usize),
    ) {
        match &self.members {
            // A callback that asks for an exposition must not have others ask for it in turn.
            Some(members) if !self.callbacks.is_on_thread() => {
                let missed = members.run_callbacks(deadlines, reached, |reached| {
                    self.callbacks.run_until(scope, deadlines, reached);
                });
                self.metrics.processes_timed_out(missed);
            }
            _ => self.callbacks.run_until(scope, deadlines, reached),
        }
    }

    /// Notes whether scrapes of other processes must ask this one to run callbacks.
    pub(super) fn note_callbacks(&self) {
        if let Some(members) = &self.members {
            members
                .group
                .set_has_callbacks(self.callbacks.any(&Path::root()));
        }
    }

    /// Drops series past their idle timeout.
    pub(super) fn expire(&self) {
        let families = {
            let _section = sync::enter();
            self.registry.gather(&Path::root())
        };
        for collector in families.iter().flat_map(|gathered| &gathered.collectors) {
            let _section = sync::enter();
            collector.expire();
        }
    }

    /// The families of all processes, with the metrics about the group; `None` if they cannot be read.
    fn gather_group(&self, members: &Members, scope: &Path) -> Option<Vec<ExposedFamily>> {
        let gathered = match members.group.gather(scope) {
            Ok(gathered) => gathered,
            Err(error) => {
                let directory = members.group.directory().path().display();
                tracing::error!(
                    "the metrics of other processes in {directory} cannot be read: {error}"
                );
                return None;
            }
        };
        self.metrics.files_refused(members.group.refused());
        let families = gathered.families.into_iter();
        let mut families: Vec<_> = families
            .map(|(family, collector)| ExposedFamily {
                family,
                collectors: vec![collector],
            })
            .collect();
        if *scope == Path::root() {
            families.push(self.own_gauge(
                runtime_metrics::PROCESSES,
                "Processes that share the directory and are alive.",
                gathered.processes,
            ));
            if gathered.hidden > 0 {
                families.push(self.own_gauge(
                    runtime_metrics::SHARED_CONFLICTS,
                    "Metrics of processes that differ from the newest metric of the name and are hidden.",
                    gathered.hidden,
                ));
                self.metrics.warn_of_conflicts(gathered.hidden);
            }
            families.sort_by(|a, b| a.family.name.cmp(&b.family.name));
        }
        Some(families)
    }

    /// Gathers the families of `scope` and the nodes below it, sorted by name: those of all processes that share
    /// a directory.
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
        let mut external = self.callbacks.external_families(scope);
        let mut group = None;
        if let Some(members) = &self.members {
            group = self.gather_group(members, scope);
            if *scope == Path::root() {
                external = members.external_families(external);
            }
        }
        let families =
            group.unwrap_or_else(|| families.into_iter().map(ExposedFamily::from).collect());
        let (families, losses) = merge(families, external.into_iter());
        self.metrics.lost(&losses);
        families
    }

    /// Encodes `scope` and the nodes below it as OTLP requests. Of the processes that share a directory,
    /// one exports the metrics of all; the others have no requests.
    pub(super) fn encode_otlp(&self, scope: &Path, encoder: &mut OtlpEncoder) -> Vec<Vec<u8>> {
        if self
            .members
            .as_ref()
            .is_some_and(|members| !members.exports())
        {
            return Vec::new();
        }
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
        let families = self.families(scope);
        // Consecutive expositions have similar lengths. Growing the buffer step by step would cost as
        // much as writing to it.
        let start = out.len();
        if selection.is_none() {
            let last_len = self.last_len.load(Relaxed);
            out.reserve(last_len + last_len / 8);
        }
        let losses = format.write(families, selection, self.created_samples, out);
        if selection.is_none() {
            self.last_len.store(out.len() - start, Relaxed);
        }
        self.metrics.lost(&losses);
    }
    /// A gauge that no process stores.
    fn own_gauge(&self, name: &str, help: &str, value: u64) -> ExposedFamily {
        let family = Arc::new(Family {
            name: format!("{}_{name}", name_prefix::RUNTIME),
            is_quoted: false,
            help: help.to_owned(),
            kind: Kind::Gauge,
            unit: None,
            buckets: BucketLayout::default(),
            across: Across::default(),
        });
        let series = ExternalSeries {
            labels: ExternalLabels::new(self.registry.const_labels().to_vec()),
            value: ExternalValue::Scalar(value as f64),
            timestamp: None,
            created: None,
            exemplars: Arc::new(Exemplars::default()),
        };
        let (external, _) = ExternalFamily::new(Arc::clone(&family), vec![series]);
        ExposedFamily {
            family,
            collectors: vec![Arc::new(external)],
        }
    }
}

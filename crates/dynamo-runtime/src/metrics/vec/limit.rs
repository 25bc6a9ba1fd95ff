//! The series limit of a vec, and the warnings about many series.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::super::children::{Children, OVERFLOW};
use super::super::counter::CounterCell;
use super::super::instrument::Instrument;
use super::super::metric::SingleCore;
use super::VecCore;
use crate::prometheus_names::runtime_metrics;

/// A vec without a limit logs one warning when it reaches this number of series.
pub(super) const MANY: usize = 10_000;

pub(super) type OverflowCounter = Arc<SingleCore<CounterCell<u64>>>;

impl<I: Instrument> VecCore<I> {
    pub(super) fn is_full(&self, children: &Children<I>) -> bool {
        let limit = self.max_series.load(Relaxed);
        limit != 0 && children.len() >= limit
    }

    /// Whether all processes together have as many series as the limit allows, and none has this one.
    pub(super) fn is_group_full(&self, values: &[&str]) -> bool {
        let limit = self.max_series.load(Relaxed);
        let Some(storage) = self.storage.get().filter(|_| limit != 0) else {
            return false;
        };
        !storage.admits(&self.labels_with_value(values), limit)
    }

    #[cold]
    pub(super) fn warn_of_many(&self) {
        if self.max_series.load(Relaxed) == 0 && !self.many_logged.swap(true, Relaxed) {
            tracing::warn!(
                "metric {:?} has {MANY} series and no limit: an unbounded label value, such as a request id, exhausts the memory; set max_series on the vec or DYN_METRICS_MAX_SERIES",
                self.desc.name
            );
        }
    }

    #[cold]
    pub(super) fn count_overflow(&self) {
        let counter = self.overflow_counter.get_or_init(|| {
            let registry = self.registry.upgrade()?;
            Some(registry.runtime_metric(
                runtime_metrics::SERIES_OVERFLOW_TOTAL,
                "Updates counted in the overflow series of a metric that reached its series limit.",
                &[("metric", &self.desc.name)],
            ))
        });
        if let Some(Ok(counter)) = counter {
            counter.update().inc();
        }
        if !self.overflow_logged.swap(true, Relaxed) {
            tracing::warn!(
                "metric {:?} has reached its limit of {} series: updates with new label values go to the series with the label values {OVERFLOW:?}",
                self.desc.name,
                self.max_series.load(Relaxed)
            );
            if let Some(Err(error)) = counter {
                tracing::error!("updates of overflow series are not counted: {error}");
            }
        }
    }
}

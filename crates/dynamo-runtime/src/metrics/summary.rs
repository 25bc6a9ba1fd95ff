//! Summaries: the count and the sum of observations, without quantiles.

use super::errors::{MetricsError, UseError};
use super::histogram::{HistogramCell, HistogramLayout};
use super::instrument::Instrument;
use super::kind::Kind;
use super::metric::Metric;
use super::snapshot::{Snapshot, SummarySnapshot};
use super::storage::{SeriesStorage, SharedLayout};
use super::vec::MetricVec;

/// Counts observations and adds them up.
pub type Summary = Metric<SummaryCell>;
/// [`Summary`]s, one for each combination of label values.
pub type SummaryVec = MetricVec<SummaryCell>;

/// The storage of a summary: a histogram without bounds.
#[derive(Debug)]
pub struct SummaryCell(HistogramCell);

impl SummaryCell {
    /// Counts one checked observation.
    #[inline]
    pub fn add(&self, value: f64) {
        self.0.add(value);
    }

    /// As [`add`](Self::add), without synchronisation: no other thread may update the cell meanwhile.
    #[inline]
    pub fn add_unsync(&self, value: f64) {
        self.0.add_unsync(value);
    }

    /// The number of observations.
    pub fn count(&self) -> u64 {
        self.0.count()
    }

    /// The sum of the observations.
    pub fn sum(&self) -> f64 {
        self.0.sum()
    }
}

impl Instrument for SummaryCell {
    const KIND: Kind = Kind::Summary;
    const TYPE_NAME: &'static str = "Summary";
    type Options = ();
    type Layout = HistogramLayout;

    fn check((): (), _metric: &str) -> Result<HistogramLayout, MetricsError> {
        Ok(HistogramLayout::without_bounds())
    }

    fn new(layout: &HistogramLayout) -> Self {
        SummaryCell(HistogramCell::new(layout))
    }

    fn shared_layout(layout: &HistogramLayout) -> SharedLayout {
        HistogramCell::shared_layout(layout)
    }

    fn share(&self, storage: &dyn SeriesStorage) {
        self.0.share(storage);
    }

    fn reset(&self) {
        self.0.reset();
    }

    fn read(&self, look: impl FnOnce(Snapshot<'_>)) {
        look(Snapshot::Summary(&SummarySnapshot {
            quantiles: Vec::new(),
            sum: Some(self.sum()),
            count: Some(self.count() as f64),
        }));
    }
}

impl Metric<SummaryCell> {
    /// Counts one observation. Ignores NaN, and counts it in `dynamo_runtime_rejected_updates_total`;
    /// `try_observe` returns the error.
    #[inline]
    pub fn observe(&self, value: f64) {
        match HistogramCell::check_observation(value) {
            Ok(()) => self.update().add(value),
            Err(_) => self.reject(value),
        }
    }

    /// Counts one observation.
    ///
    /// # Errors
    /// [`UseError`] with [`Misuse::ObservedNaN`](crate::Misuse::ObservedNaN) if `value` is NaN. The summary is then unchanged.
    #[inline]
    pub fn try_observe(&self, value: f64) -> Result<(), UseError> {
        HistogramCell::check_observation(value).map_err(|reason| reason.of(self.name()))?;
        self.update().add(value);
        Ok(())
    }

    /// The number of observations.
    pub fn get_sample_count(&self) -> u64 {
        self.cell().count()
    }

    /// The sum of the observations.
    pub fn get_sample_sum(&self) -> f64 {
        self.cell().sum()
    }
}

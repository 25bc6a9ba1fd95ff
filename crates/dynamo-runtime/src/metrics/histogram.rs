//! Histograms with fixed buckets.

use std::sync::Arc;
use std::time::Instant;

use super::buckets::Buckets;
use super::errors::UseError;
use super::kind::{Instrument, Kind, Reading};
use super::metric::{Metric, MetricVec};
use super::number::Cell;

/// Counts observations in buckets and sums them up.
pub type Histogram = Metric<HistogramCell>;
/// [`Histogram`]s that differ in their label values.
pub type HistogramVec = MetricVec<HistogramCell>;

/// The storage of one histogram.
///
/// Buckets are counted apart and cumulated by whoever reads. The count of all observations is the
/// sum of the buckets and no cell of its own: `_count` and the `+Inf` bucket cannot differ.
#[derive(Debug)]
pub struct HistogramCell {
    buckets: Arc<Buckets>,
    counts: Box<[Cell<u64>]>,
    sum: Cell<f64>,
}

impl HistogramCell {
    /// Refuses NaN, which belongs in no bucket and would spoil the sum for good.
    #[inline]
    pub fn check_observation(value: f64) -> Result<(), UseError> {
        if value.is_nan() {
            return Err(UseError::ObservedNaN);
        }
        Ok(())
    }

    /// Counts one observation, which has been checked.
    #[inline]
    pub fn add(&self, value: f64) {
        self.counts[self.buckets.index(value)].add(1);
        self.sum.add(value);
    }

    /// How many observations there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(Cell::get).sum()
    }

    /// What they add up to.
    pub fn sum(&self) -> f64 {
        self.sum.get()
    }
}

impl Instrument for HistogramCell {
    const KIND: Kind = Kind::Histogram;
    const TYPE_NAME: &'static str = "Histogram";
    type Options = Arc<Buckets>;

    fn new(buckets: &Arc<Buckets>) -> Self {
        HistogramCell {
            counts: (0..=buckets.bounds().len()).map(|_| Cell::new()).collect(),
            sum: Cell::new(),
            buckets: Arc::clone(buckets),
        }
    }

    fn read(&self) -> Reading<'_> {
        Reading::Histogram {
            buckets: &self.buckets,
            counts: &self.counts,
            sum: self.sum.get(),
        }
    }

    fn buckets(options: &Arc<Buckets>) -> Option<&Arc<Buckets>> {
        Some(options)
    }
}

impl Metric<HistogramCell> {
    /// Counts one observation. A NaN is left out; [`Histogram::try_observe`] reports it.
    #[inline]
    pub fn observe(&self, value: f64) {
        let _ = self.try_observe(value);
    }

    /// Counts one observation.
    ///
    /// # Errors
    /// [`UseError::ObservedNaN`] if `value` is NaN; the histogram is unchanged then.
    #[inline]
    pub fn try_observe(&self, value: f64) -> Result<(), UseError> {
        HistogramCell::check_observation(value)?;
        self.cell().add(value);
        Ok(())
    }

    /// Observes the seconds from now until the returned timer is dropped, on every way out.
    pub fn start_timer(&self) -> HistogramTimer<'_> {
        HistogramTimer {
            histogram: self,
            started: Instant::now(),
        }
    }

    /// How many observations there were.
    pub fn get_sample_count(&self) -> u64 {
        self.cell().count()
    }

    /// What they add up to.
    pub fn get_sample_sum(&self) -> f64 {
        self.cell().sum()
    }
}

/// See [`Histogram::start_timer`].
#[derive(Debug)]
#[must_use = "the time is observed when the timer is dropped"]
pub struct HistogramTimer<'a> {
    histogram: &'a Histogram,
    started: Instant,
}

impl Drop for HistogramTimer<'_> {
    fn drop(&mut self) {
        self.histogram.observe(self.started.elapsed().as_secs_f64());
    }
}

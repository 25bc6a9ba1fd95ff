//! Histograms: classic ones with fixed buckets, native ones, and both in one.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::buckets::{self, Buckets};
use super::errors::{MetricsError, UseError};
use super::exemplar::{Exemplar, Place};
use super::kind::{Counts, HistogramReading, Instrument, Kind, Layout, Reading};
use super::metric::Metric;
use super::native::{NativeBuckets, NativeLayout, NativeOptions};
use super::number::Cell;
use super::vec::MetricVec;
use crate::sync::lock;

/// Counts observations in buckets and sums them up.
pub type Histogram = Metric<HistogramCell>;
/// [`Histogram`]s that differ in their label values.
pub type HistogramVec = MetricVec<HistogramCell>;

/// What buckets a histogram has; checked when a metric is created with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramOptions {
    bounds: Option<Vec<f64>>,
    native: Option<NativeOptions>,
}

impl HistogramOptions {
    /// Fixed buckets with these upper bounds. Without any, and without native ones, a histogram has
    /// those of [`buckets::DEFAULT`].
    pub fn buckets(self, bounds: Vec<f64>) -> Self {
        HistogramOptions {
            bounds: Some(bounds),
            ..self
        }
    }

    /// Native buckets, beside fixed ones or alone. Formats without them then show what there is: a
    /// histogram without fixed buckets its count and its sum.
    pub fn native(self, native: NativeOptions) -> Self {
        HistogramOptions {
            native: Some(native),
            ..self
        }
    }

    /// Checks the options for the metric of this name.
    pub(crate) fn check(self, metric: &str) -> Result<HistogramLayout, MetricsError> {
        let native = self.native.map(NativeOptions::check).transpose();
        let native = native.map_err(|source| MetricsError::Native {
            metric: metric.to_owned(),
            source,
        })?;
        let classic = match (&self.bounds, native) {
            (None, Some(_)) => Ok(Buckets::none()),
            (bounds, _) => Buckets::new(bounds.as_deref().unwrap_or(buckets::DEFAULT)),
        };
        let classic = classic.map_err(|source| MetricsError::Buckets {
            metric: metric.to_owned(),
            source,
        })?;
        Ok(HistogramLayout { classic, native })
    }
}

/// [`HistogramOptions`] that have been checked.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct HistogramLayout {
    classic: Arc<Buckets>,
    native: Option<NativeLayout>,
}

/// The storage of one histogram.
///
/// Buckets are counted apart and cumulated by whoever reads. The count of all observations is the
/// sum of the buckets and no cell of its own: `_count` and the `+Inf` bucket cannot differ.
#[derive(Debug)]
pub struct HistogramCell {
    buckets: Arc<Buckets>,
    counts: Box<[Cell<u64>]>,
    sum: Cell<f64>,
    /// The lock also covers the cells, so that a reader sees native and classic buckets agree.
    native: Option<Box<Mutex<NativeBuckets>>>,
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
        match &self.native {
            None => {
                self.counts[self.buckets.index(value)].add(1);
                self.sum.add(value);
            }
            Some(native) => self.add_locked(native, value),
        }
    }

    /// As [`add`](Self::add), for a thread that knows that no other one updates this cell meanwhile.
    #[inline]
    pub fn add_alone(&self, value: f64) {
        match &self.native {
            None => self.add_classic_alone(value),
            Some(native) => self.add_locked(native, value),
        }
    }

    #[inline]
    fn add_locked(&self, native: &Mutex<NativeBuckets>, value: f64) {
        let mut native = lock(native);
        self.add_classic_alone(value);
        native.add(value);
    }

    #[inline]
    fn add_classic_alone(&self, value: f64) {
        self.counts[self.buckets.index(value)].add_alone(1);
        self.sum.add_alone(value);
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
    type Options = HistogramLayout;

    fn new(options: &HistogramLayout) -> Self {
        HistogramCell {
            counts: options
                .classic
                .labels()
                .iter()
                .map(|_| Cell::new())
                .collect(),
            sum: Cell::new(),
            buckets: Arc::clone(&options.classic),
            native: options
                .native
                .as_ref()
                .map(|native| Box::new(Mutex::new(NativeBuckets::new(native)))),
        }
    }

    fn read(&self, look: impl FnOnce(Reading<'_>)) {
        let reading = HistogramReading {
            buckets: &self.buckets,
            counts: Counts::Cells(&self.counts),
            sum: Some(self.sum.get()),
            native: None,
        };
        let Some(native) = &self.native else {
            return look(Reading::Histogram(reading));
        };
        let (native, counts, sum) = {
            let native = lock(native);
            let counts: Vec<u64> = self.counts.iter().map(Cell::get).collect();
            (native.read(), counts, self.sum.get())
        };
        look(Reading::Histogram(HistogramReading {
            counts: Counts::Fixed(&counts),
            sum: Some(sum),
            native: Some(&native),
            ..reading
        }));
    }

    /// At its classic bucket, if there are any.
    fn exemplar_place(&self, value: f64) -> Place {
        match &self.native {
            Some(_) if self.buckets.bounds().is_empty() => Place::by_magnitude(value),
            _ => Place::Bucket(self.buckets.index(value)),
        }
    }

    fn layout(options: &HistogramLayout) -> Layout {
        Layout {
            bounds: options.classic.bounds().to_vec(),
            native: options.native.map(|native| native.to_string()),
        }
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
        self.update().add(value);
        Ok(())
    }

    /// Counts one observation and keeps `labels`, such as a trace's id, as an example of its bucket.
    ///
    /// # Errors
    /// [`UseError`] if `value` is NaN or the labels make no exemplar; nothing has changed then.
    pub fn observe_with_exemplar(
        &self,
        value: f64,
        labels: &[(&str, &str)],
    ) -> Result<(), UseError> {
        HistogramCell::check_observation(value)?;
        self.update_with_exemplar(Exemplar::new(labels, value)?, |cell| cell.add(value));
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

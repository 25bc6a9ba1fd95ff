//! Histograms: classic ones with fixed buckets, native ones, and both in one.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::buckets::{self, Buckets, BucketsError};
use super::errors::UseError;
use super::exemplar::Exemplar;
use super::kind::{Counts, HistogramReading, Instrument, Kind, Layout, Reading};
use super::metric::Metric;
use super::native::{NativeBuckets, NativeOptions};
use super::number::Cell;
use super::vec::MetricVec;
use crate::sync::lock;

/// Counts observations in buckets and sums them up.
pub type Histogram = Metric<HistogramCell>;
/// [`Histogram`]s that differ in their label values.
pub type HistogramVec = MetricVec<HistogramCell>;

/// What buckets a histogram has.
#[derive(Clone, Debug)]
pub struct HistogramOptions {
    classic: Arc<Buckets>,
    native: Option<NativeOptions>,
}

impl HistogramOptions {
    /// Fixed buckets with these upper bounds, or [`buckets::DEFAULT`].
    ///
    /// # Errors
    /// [`BucketsError`] if the bounds make no histogram.
    pub fn classic(bounds: Option<&[f64]>) -> Result<Self, BucketsError> {
        Ok(HistogramOptions {
            classic: Buckets::new(bounds.unwrap_or(buckets::DEFAULT))?,
            native: None,
        })
    }

    /// Native buckets alone. Formats without them show the count and the sum.
    pub fn native(native: NativeOptions) -> Self {
        HistogramOptions {
            classic: Buckets::none(),
            native: Some(native),
        }
    }

    /// Native buckets beside those that are there.
    pub fn and_native(self, native: NativeOptions) -> Self {
        HistogramOptions {
            native: Some(native),
            ..self
        }
    }
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
            None => self.add_classic(value),
            Some(native) => {
                let mut native = lock(native);
                self.add_classic(value);
                native.add(value);
            }
        }
    }

    #[inline]
    fn add_classic(&self, value: f64) {
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

    /// Where the exemplar of an observation is kept: at its classic bucket, if there are any.
    pub(crate) fn exemplar_place(&self, value: f64) -> usize {
        match &self.native {
            Some(_) if self.buckets.bounds().is_empty() => Exemplar::place_by_magnitude(value),
            _ => self.buckets.index(value),
        }
    }
}

impl Instrument for HistogramCell {
    const KIND: Kind = Kind::Histogram;
    const TYPE_NAME: &'static str = "Histogram";
    type Options = HistogramOptions;

    fn new(options: &HistogramOptions) -> Self {
        HistogramCell {
            counts: options.classic.labels().iter().map(|_| Cell::new()).collect(),
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

    fn layout(options: &HistogramOptions) -> Layout {
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
        let exemplar = Exemplar::new(labels, value)?;
        self.update().add(value);
        self.keep_exemplar(self.cell().exemplar_place(value), exemplar);
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

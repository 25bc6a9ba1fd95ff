//! Histograms: with classic buckets, which have fixed bounds, with native buckets, or with both.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::buckets::{self, Buckets};
use super::errors::{MetricsError, Misuse, UseError};
use super::exemplar::{Exemplar, Slot};
use super::instrument::{BucketLayout, Instrument};
use super::kind::Kind;
use super::metric::Metric;
use super::native::{NativeBuckets, NativeLayout, NativeOptions};
use super::number::Cells;
use super::snapshot::{Counts, HistogramSnapshot, Snapshot};
use super::storage::{SeriesStorage, SharedLayout, WordType};
use super::vec::MetricVec;
use crate::sync::lock;

/// Counts observations in buckets and adds them up.
pub type Histogram = Metric<HistogramCell>;
/// [`Histogram`]s, one for each combination of label values.
pub type HistogramVec = MetricVec<HistogramCell>;

/// The buckets of a histogram. They are checked when a metric is created with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramOptions {
    bounds: Option<Vec<f64>>,
    native: Option<NativeOptions>,
}

impl HistogramOptions {
    /// Adds classic buckets with these upper bounds. Without classic and native buckets, a histogram has
    /// [`buckets::DEFAULT_BUCKETS`].
    pub fn buckets(self, bounds: Vec<f64>) -> Self {
        HistogramOptions {
            bounds: Some(bounds),
            ..self
        }
    }

    /// Adds native buckets. Formats without native histograms show the classic buckets, or only the count
    /// and the sum of a histogram without classic buckets.
    pub fn native(self, native: NativeOptions) -> Self {
        HistogramOptions {
            native: Some(native),
            ..self
        }
    }
}

impl From<Option<Vec<f64>>> for HistogramOptions {
    /// Classic buckets with these upper bounds, or [`buckets::DEFAULT_BUCKETS`].
    fn from(bounds: Option<Vec<f64>>) -> Self {
        HistogramOptions {
            bounds,
            native: None,
        }
    }
}

/// Checked [`HistogramOptions`].
#[derive(Clone, Debug)]
pub struct HistogramLayout {
    classic: Arc<Buckets>,
    native: Option<NativeLayout>,
}

impl HistogramLayout {
    /// One bucket, for all observations.
    pub(super) fn without_bounds() -> Self {
        HistogramLayout {
            classic: Buckets::none(),
            native: None,
        }
    }
}

/// The storage of a histogram.
///
/// Each bucket has its own count; the reader cumulates them. The count of all observations is the sum of
/// the bucket counts and not a separate cell, so that `_count` and the `+Inf` bucket cannot differ.
#[derive(Debug)]
pub struct HistogramCell {
    buckets: Arc<Buckets>,
    cells: Cells,
    /// The lock also covers the cells, so that native and classic buckets agree in every snapshot.
    native: Option<Box<Mutex<NativeBuckets>>>,
}

impl HistogramCell {
    /// Refuses NaN: it belongs to no bucket and would make the sum NaN forever.
    #[inline]
    pub fn check_observation(value: f64) -> Result<(), Misuse> {
        if value.is_nan() {
            return Err(Misuse::ObservedNaN);
        }
        Ok(())
    }

    /// Counts one checked observation.
    #[inline]
    pub fn add(&self, value: f64) {
        match &self.native {
            None => {
                self.cells.add(self.buckets.index(value), value);
            }
            Some(native) => self.add_locked(native, value),
        }
    }

    /// As [`add`](Self::add), without synchronisation: no other thread may update the cell meanwhile.
    #[inline]
    pub fn add_unsync(&self, value: f64) {
        match &self.native {
            None => self.add_classic_unsync(value),
            Some(native) => self.add_locked(native, value),
        }
    }

    #[inline]
    fn add_locked(&self, native: &Mutex<NativeBuckets>, value: f64) {
        let mut native = lock(native);
        native.begin();
        native.add(value);
        self.add_classic_unsync(value);
        native.end();
    }

    #[inline]
    fn add_classic_unsync(&self, value: f64) {
        self.cells.add_unsync(self.buckets.index(value), value);
    }

    /// The number of observations.
    pub fn count(&self) -> u64 {
        self.cells
            .counts()
            .iter()
            .map(|count| count.load(Relaxed))
            .sum()
    }

    /// The sum of the observations.
    pub fn sum(&self) -> f64 {
        self.cells.sum()
    }
}

impl Instrument for HistogramCell {
    const KIND: Kind = Kind::Histogram;
    const TYPE_NAME: &'static str = "Histogram";
    type Options = HistogramOptions;
    type Layout = HistogramLayout;

    fn check(options: HistogramOptions, metric: &str) -> Result<HistogramLayout, MetricsError> {
        let native = options.native.map(NativeOptions::check).transpose();
        let native = native.map_err(|source| MetricsError::Native {
            metric: metric.to_owned(),
            source,
        })?;
        let classic = match (&options.bounds, native) {
            (None, Some(_)) => Ok(Buckets::none()),
            (bounds, _) => Buckets::new(bounds.as_deref().unwrap_or(buckets::DEFAULT_BUCKETS)),
        };
        let classic = classic.map_err(|source| MetricsError::Buckets {
            metric: metric.to_owned(),
            source,
        })?;
        Ok(HistogramLayout { classic, native })
    }

    fn new(layout: &HistogramLayout) -> Self {
        HistogramCell {
            cells: Cells::new(layout.classic.labels().len()),
            buckets: Arc::clone(&layout.classic),
            native: layout
                .native
                .as_ref()
                .map(|native| Box::new(Mutex::new(NativeBuckets::new(native)))),
        }
    }

    fn shared_layout(layout: &HistogramLayout) -> SharedLayout {
        SharedLayout {
            word_type: WordType::Histogram,
            words: layout.classic.labels().len() + 1,
            buckets: Some(Arc::clone(&layout.classic)),
            native: layout.native.map(|native| native.to_string()),
        }
    }

    fn share(&self, storage: &dyn SeriesStorage) {
        self.cells.share(storage.words());
    }

    fn reset(&self) {
        // The parent's thread may have been in an update: then the lock is never released.
        if let Some(native) = &self.native
            && let Ok(mut native) = native.try_lock()
        {
            native.clear();
        }
    }

    fn share_native(&self, storage: &Arc<dyn SeriesStorage>) {
        if let Some(native) = &self.native {
            lock(native).share(storage);
        }
    }

    fn read(&self, look: impl FnOnce(Snapshot<'_>)) {
        let snapshot = HistogramSnapshot {
            buckets: &self.buckets,
            counts: Counts::Live(self.cells.counts()),
            sum: self.cells.sum(),
            native: None,
        };
        let Some(native) = &self.native else {
            return look(Snapshot::Histogram(snapshot));
        };
        let (native, counts, sum) = {
            let native = lock(native);
            let counts = self.cells.counts().iter();
            let counts: Vec<u64> = counts.map(|count| count.load(Relaxed)).collect();
            (native.read(), counts, self.cells.sum())
        };
        look(Snapshot::Histogram(HistogramSnapshot {
            counts: Counts::Fixed(&counts),
            sum,
            native: Some(&native),
            ..snapshot
        }));
    }

    /// The classic bucket of the value, if there are classic buckets.
    fn exemplar_slot(&self, value: f64) -> Slot {
        match &self.native {
            Some(_) if self.buckets.bounds().is_empty() => Slot::by_magnitude(value),
            _ => Slot::Bucket(self.buckets.index(value)),
        }
    }

    fn bucket_layout(layout: &HistogramLayout) -> BucketLayout {
        BucketLayout {
            bounds: layout.classic.bounds().to_vec(),
            native: layout.native.map(|native| native.to_string()),
        }
    }
}

impl Metric<HistogramCell> {
    /// Counts one observation. Ignores NaN, and counts it in `dynamo_runtime_rejected_updates_total`;
    /// [`Histogram::try_observe`] returns the error.
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
    /// [`UseError`] with [`Misuse::ObservedNaN`] if `value` is NaN. The histogram is then unchanged.
    #[inline]
    pub fn try_observe(&self, value: f64) -> Result<(), UseError> {
        HistogramCell::check_observation(value).map_err(|reason| reason.of(self.name()))?;
        self.update().add(value);
        Ok(())
    }

    /// Counts one observation and stores an exemplar with `labels`, such as a trace id, for its bucket.
    ///
    /// # Errors
    /// [`UseError`] if `value` is NaN, or if the labels are not valid for an exemplar. The histogram is
    /// then unchanged.
    pub fn observe_with_exemplar(
        &self,
        value: f64,
        labels: &[(&str, &str)],
    ) -> Result<(), UseError> {
        let exemplar = HistogramCell::check_observation(value);
        let exemplar = exemplar.and_then(|()| Exemplar::new(labels, value));
        let exemplar = exemplar.map_err(|reason| reason.of(self.name()))?;
        self.update_with_exemplar(exemplar, |cell| cell.add(value));
        Ok(())
    }

    /// Starts a timer that observes, in seconds, the time until it is dropped.
    pub fn start_timer(&self) -> HistogramTimer<'_> {
        HistogramTimer {
            histogram: self,
            started: Instant::now(),
        }
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

/// Observes the time until it is dropped; see [`Histogram::start_timer`](crate::Histogram).
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

//! Gauges: [`Gauge`] holds a float, [`IntGauge`] a signed integer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use once_cell::race::OnceRef;

use super::errors::MetricsError;
use super::exemplar::unix_time;
use super::instrument::Instrument;
use super::kind::Kind;
use super::metric::Metric;
use super::number::{Cell, Number};
use super::snapshot::Snapshot;
use super::storage::{SeriesStorage, SharedLayout};
use super::vec::MetricVec;

/// A gauge of floats. NaN and infinities are valid values.
pub type Gauge = Metric<GaugeCell<f64>>;
/// A gauge of integers; saturates at the limits of `i64`.
pub type IntGauge = Metric<GaugeCell<i64>>;
/// [`Gauge`]s, one for each combination of label values.
pub type GaugeVec = MetricVec<GaugeCell<f64>>;
/// [`IntGauge`]s, one for each combination of label values.
pub type IntGaugeVec = MetricVec<GaugeCell<i64>>;

/// The storage of a gauge.
#[derive(Debug)]
pub struct GaugeCell<N> {
    value: Cell<N>,
    /// The time of the last update, for a gauge of which processes show the value that was set last.
    updated: OnceRef<'static, AtomicU64>,
}

impl<N: Number> GaugeCell<N> {
    /// Marks the end of an update.
    #[inline]
    fn stamp(&self) {
        if let Some(updated) = self.updated.get() {
            updated.store(unix_time().as_nanos() as u64, Relaxed);
        }
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: N) {
        self.value.set(value);
        self.stamp();
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.value.add(N::ONE);
        self.stamp();
    }

    /// Subtracts one.
    #[inline]
    pub fn dec(&self) {
        self.value.sub(N::ONE);
        self.stamp();
    }

    /// Adds `by`.
    #[inline]
    pub fn add(&self, by: N) {
        self.value.add(by);
        self.stamp();
    }

    /// Subtracts `by`.
    #[inline]
    pub fn sub(&self, by: N) {
        self.value.sub(by);
        self.stamp();
    }

    /// As [`inc`](Self::inc), without synchronisation: no other thread may update the cell meanwhile.
    #[inline]
    pub fn inc_unsync(&self) {
        self.value.add_unsync(N::ONE);
        self.stamp();
    }

    /// As [`dec`](Self::dec), with the precondition of [`inc_unsync`](Self::inc_unsync).
    #[inline]
    pub fn dec_unsync(&self) {
        self.value.sub_unsync(N::ONE);
        self.stamp();
    }

    /// As [`add`](Self::add), with the precondition of [`inc_unsync`](Self::inc_unsync).
    #[inline]
    pub fn add_unsync(&self, by: N) {
        self.value.add_unsync(by);
        self.stamp();
    }

    /// As [`sub`](Self::sub), with the precondition of [`inc_unsync`](Self::inc_unsync).
    #[inline]
    pub fn sub_unsync(&self, by: N) {
        self.value.sub_unsync(by);
        self.stamp();
    }

    /// The current value.
    #[inline]
    pub fn get(&self) -> N {
        self.value.get()
    }
}

impl<N: Number> Instrument for GaugeCell<N> {
    const KIND: Kind = Kind::Gauge;
    const TYPE_NAME: &'static str = if N::INTEGER { "IntGauge" } else { "Gauge" };
    type Options = ();
    type Layout = ();

    fn check((): (), _metric: &str) -> Result<(), MetricsError> {
        Ok(())
    }

    fn new((): &()) -> Self {
        GaugeCell {
            value: Cell::new(),
            updated: OnceRef::new(),
        }
    }

    fn shared_layout((): &()) -> SharedLayout {
        SharedLayout::number(N::WORD)
    }

    /// A second word is the time of the last update.
    fn share(&self, storage: &dyn SeriesStorage) {
        if let [word, rest @ ..] = storage.words() {
            self.value.share(word);
            if let [updated, ..] = rest {
                let _ = self.updated.set(updated);
            }
        }
    }

    fn read(&self, look: impl FnOnce(Snapshot<'_>)) {
        look(Snapshot::Scalar(self.value.get().to_scalar()));
    }
}

impl<N: Number> Metric<GaugeCell<N>> {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: N) {
        self.update().set(value);
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.update().inc();
    }

    /// Subtracts one.
    #[inline]
    pub fn dec(&self) {
        self.update().dec();
    }

    /// Adds `by`, which may be negative.
    #[inline]
    pub fn add(&self, by: N) {
        self.update().add(by);
    }

    /// Subtracts `by`, which may be negative.
    #[inline]
    pub fn sub(&self, by: N) {
        self.update().sub(by);
    }

    /// The current value.
    #[inline]
    pub fn get(&self) -> N {
        self.cell().get()
    }
}

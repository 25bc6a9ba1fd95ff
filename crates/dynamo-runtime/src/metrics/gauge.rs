//! Gauges: [`Gauge`] holds a float, [`IntGauge`] a signed integer.

use super::errors::MetricsError;
use super::instrument::Instrument;
use super::kind::Kind;
use super::metric::Metric;
use super::number::{Cell, Number};
use super::snapshot::Snapshot;
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
pub struct GaugeCell<N>(Cell<N>);

impl<N: Number> GaugeCell<N> {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: N) {
        self.0.set(value);
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.0.add(N::ONE);
    }

    /// Subtracts one.
    #[inline]
    pub fn dec(&self) {
        self.0.sub(N::ONE);
    }

    /// Adds `by`.
    #[inline]
    pub fn add(&self, by: N) {
        self.0.add(by);
    }

    /// Subtracts `by`.
    #[inline]
    pub fn sub(&self, by: N) {
        self.0.sub(by);
    }

    /// As [`inc`](Self::inc), without synchronisation: no other thread may update the cell meanwhile.
    #[inline]
    pub fn inc_unsync(&self) {
        self.0.add_unsync(N::ONE);
    }

    /// As [`dec`](Self::dec), with the precondition of [`inc_unsync`](Self::inc_unsync).
    #[inline]
    pub fn dec_unsync(&self) {
        self.0.sub_unsync(N::ONE);
    }

    /// As [`add`](Self::add), with the precondition of [`inc_unsync`](Self::inc_unsync).
    #[inline]
    pub fn add_unsync(&self, by: N) {
        self.0.add_unsync(by);
    }

    /// As [`sub`](Self::sub), with the precondition of [`inc_unsync`](Self::inc_unsync).
    #[inline]
    pub fn sub_unsync(&self, by: N) {
        self.0.sub_unsync(by);
    }

    /// The current value.
    #[inline]
    pub fn get(&self) -> N {
        self.0.get()
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
        GaugeCell(Cell::new())
    }

    fn read(&self, look: impl FnOnce(Snapshot<'_>)) {
        look(Snapshot::Scalar(self.0.get().to_scalar()));
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

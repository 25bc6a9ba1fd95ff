//! Gauges: [`Gauge`] holds a float, [`IntGauge`] a signed integer.

use super::kind::{Instrument, Kind, Reading};
use super::metric::Metric;
use super::number::{Cell, Number};
use super::vec::MetricVec;

/// A gauge of floats; NaN and infinities are values like any other.
pub type Gauge = Metric<GaugeCell<f64>>;
/// A gauge of whole things; saturates at the limits of `i64`.
pub type IntGauge = Metric<GaugeCell<i64>>;
/// [`Gauge`]s that differ in their label values.
pub type GaugeVec = MetricVec<GaugeCell<f64>>;
/// [`IntGauge`]s that differ in their label values.
pub type IntGaugeVec = MetricVec<GaugeCell<i64>>;

/// The storage of one gauge.
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

    /// As [`inc`](Self::inc), for a thread that knows that no other one updates this cell meanwhile.
    #[inline]
    pub fn inc_alone(&self) {
        self.0.add_alone(N::ONE);
    }

    /// As [`dec`](Self::dec), with the promise of [`inc_alone`](Self::inc_alone).
    #[inline]
    pub fn dec_alone(&self) {
        self.0.sub_alone(N::ONE);
    }

    /// As [`add`](Self::add), with the promise of [`inc_alone`](Self::inc_alone).
    #[inline]
    pub fn add_alone(&self, by: N) {
        self.0.add_alone(by);
    }

    /// As [`sub`](Self::sub), with the promise of [`inc_alone`](Self::inc_alone).
    #[inline]
    pub fn sub_alone(&self, by: N) {
        self.0.sub_alone(by);
    }

    /// The value now.
    #[inline]
    pub fn get(&self) -> N {
        self.0.get()
    }
}

impl<N: Number> Instrument for GaugeCell<N> {
    const KIND: Kind = Kind::Gauge;
    const TYPE_NAME: &'static str = if N::INTEGER { "IntGauge" } else { "Gauge" };
    type Options = ();

    fn new((): &()) -> Self {
        GaugeCell(Cell::new())
    }

    fn read(&self, look: impl FnOnce(Reading<'_>)) {
        look(Reading::Scalar(self.0.get().to_scalar()));
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

    /// The value now.
    #[inline]
    pub fn get(&self) -> N {
        self.cell().get()
    }
}

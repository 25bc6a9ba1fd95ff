//! Counters: [`Counter`] counts in floats, [`IntCounter`] in unsigned integers.

use super::errors::UseError;
use super::exemplar::Exemplar;
use super::kind::{Instrument, Kind, Reading};
use super::metric::Metric;
use super::number::{Cell, Number};
use super::vec::MetricVec;

/// A counter of floats.
pub type Counter = Metric<CounterCell<f64>>;
/// A counter of whole things; saturates at `u64::MAX`.
pub type IntCounter = Metric<CounterCell<u64>>;
/// [`Counter`]s that differ in their label values.
pub type CounterVec = MetricVec<CounterCell<f64>>;
/// [`IntCounter`]s that differ in their label values.
pub type IntCounterVec = MetricVec<CounterCell<u64>>;

/// The storage of one counter.
#[derive(Debug)]
pub struct CounterCell<N>(Cell<N>);

impl<N: Number> CounterCell<N> {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.0.add(N::ONE);
    }

    /// Adds `by`, which has been checked.
    #[inline]
    pub fn add(&self, by: N) {
        self.0.add(by);
    }

    /// As [`inc`](Self::inc), for a thread that knows that no other one updates this cell meanwhile.
    #[inline]
    pub fn inc_alone(&self) {
        self.0.add_alone(N::ONE);
    }

    /// As [`add`](Self::add), with the promise of [`inc_alone`](Self::inc_alone).
    #[inline]
    pub fn add_alone(&self, by: N) {
        self.0.add_alone(by);
    }

    /// The count so far.
    #[inline]
    pub fn get(&self) -> N {
        self.0.get()
    }
}

impl CounterCell<f64> {
    /// Refuses an increment that is negative or NaN, so that the counter never goes back.
    #[inline]
    pub fn check_increment(by: f64) -> Result<(), UseError> {
        if by >= 0.0 {
            Ok(())
        } else {
            Err(UseError::BadIncrement { value: by })
        }
    }
}

impl<N: Number> Instrument for CounterCell<N> {
    const KIND: Kind = Kind::Counter;
    const TYPE_NAME: &'static str = if N::INTEGER { "IntCounter" } else { "Counter" };
    type Options = ();

    fn new((): &()) -> Self {
        CounterCell(Cell::new())
    }

    fn read(&self, look: impl FnOnce(Reading<'_>)) {
        look(Reading::Scalar(self.0.get().to_scalar()));
    }
}

impl<N: Number> Metric<CounterCell<N>> {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.update().inc();
    }

    /// The count so far.
    #[inline]
    pub fn get(&self) -> N {
        self.cell().get()
    }
}

impl Metric<CounterCell<f64>> {
    /// Adds `by` and keeps `labels`, such as a trace's id, as an example of what is counted.
    ///
    /// # Errors
    /// [`UseError`] if `by` is negative or NaN, or the labels make no exemplar; nothing has changed
    /// then.
    pub fn inc_by_with_exemplar(&self, by: f64, labels: &[(&str, &str)]) -> Result<(), UseError> {
        CounterCell::check_increment(by)?;
        self.update_with_exemplar(Exemplar::new(labels, by)?, |cell| cell.add(by));
        Ok(())
    }

    /// Adds `by`. An increment that is negative or NaN is left out; [`Counter::try_inc_by`] reports it.
    #[inline]
    pub fn inc_by(&self, by: f64) {
        let _ = self.try_inc_by(by);
    }

    /// Adds `by`.
    ///
    /// # Errors
    /// [`UseError::BadIncrement`] if `by` is negative or NaN; the counter is unchanged then.
    #[inline]
    pub fn try_inc_by(&self, by: f64) -> Result<(), UseError> {
        CounterCell::check_increment(by)?;
        self.update().add(by);
        Ok(())
    }
}

impl Metric<CounterCell<u64>> {
    /// Adds `by` and keeps `labels`, such as a trace's id, as an example of what is counted.
    ///
    /// # Errors
    /// [`UseError`] if the labels make no exemplar; nothing has changed then.
    pub fn inc_by_with_exemplar(&self, by: u64, labels: &[(&str, &str)]) -> Result<(), UseError> {
        self.update_with_exemplar(Exemplar::new(labels, by as f64)?, |cell| cell.add(by));
        Ok(())
    }

    /// Adds `by`.
    #[inline]
    pub fn inc_by(&self, by: u64) {
        self.update().add(by);
    }
}

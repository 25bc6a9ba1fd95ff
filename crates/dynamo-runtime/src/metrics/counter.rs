//! Counters: [`Counter`] counts in floats, [`IntCounter`] in unsigned integers.

use super::errors::{MetricsError, Misuse, UseError};
use super::exemplar::Exemplar;
use super::instrument::Instrument;
use super::kind::Kind;
use super::metric::Metric;
use super::number::{Cell, Number};
use super::snapshot::Snapshot;
use super::storage::{SeriesStorage, SharedLayout};
use super::vec::MetricVec;

/// A counter of floats.
pub type Counter = Metric<CounterCell<f64>>;
/// A counter of integers; saturates at `u64::MAX`.
pub type IntCounter = Metric<CounterCell<u64>>;
/// [`Counter`]s, one for each combination of label values.
pub type CounterVec = MetricVec<CounterCell<f64>>;
/// [`IntCounter`]s, one for each combination of label values.
pub type IntCounterVec = MetricVec<CounterCell<u64>>;

/// The storage of a counter.
#[derive(Debug)]
pub struct CounterCell<N>(Cell<N>);

impl<N: Number> CounterCell<N> {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.0.add(N::ONE);
    }

    /// Adds `by`, a checked increment.
    #[inline]
    pub fn add(&self, by: N) {
        self.0.add(by);
    }

    /// As [`inc`](Self::inc), without synchronisation: no other thread may update the cell meanwhile.
    #[inline]
    pub fn inc_unsync(&self) {
        self.0.add_unsync(N::ONE);
    }

    /// As [`add`](Self::add), with the precondition of [`inc_unsync`](Self::inc_unsync).
    #[inline]
    pub fn add_unsync(&self, by: N) {
        self.0.add_unsync(by);
    }

    /// The count so far.
    #[inline]
    pub fn get(&self) -> N {
        self.0.get()
    }
}

impl CounterCell<f64> {
    /// Refuses an increment that is negative or NaN: a counter never decreases.
    #[inline]
    pub fn check_increment(by: f64) -> Result<(), Misuse> {
        if by >= 0.0 {
            Ok(())
        } else {
            Err(Misuse::BadIncrement { value: by })
        }
    }
}

impl<N: Number> Instrument for CounterCell<N> {
    const KIND: Kind = Kind::Counter;
    const TYPE_NAME: &'static str = if N::INTEGER { "IntCounter" } else { "Counter" };
    type Options = ();
    type Layout = ();

    fn check((): (), _metric: &str) -> Result<(), MetricsError> {
        Ok(())
    }

    fn new((): &()) -> Self {
        CounterCell(Cell::new())
    }

    fn shared_layout((): &()) -> SharedLayout {
        SharedLayout::number(N::WORD)
    }

    fn share(&self, storage: &dyn SeriesStorage) {
        if let [word, ..] = storage.words() {
            self.0.share(word);
        }
    }

    fn read(&self, look: impl FnOnce(Snapshot<'_>)) {
        look(Snapshot::Scalar(self.0.get().to_scalar()));
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
    /// Adds `by` and stores an exemplar with `labels`, such as a trace id.
    ///
    /// # Errors
    /// [`UseError`] if `by` is negative or NaN, or if the labels are not valid for an exemplar. The
    /// counter is then unchanged.
    pub fn inc_by_with_exemplar(&self, by: f64, labels: &[(&str, &str)]) -> Result<(), UseError> {
        let exemplar = CounterCell::check_increment(by).and_then(|()| Exemplar::new(labels, by));
        let exemplar = exemplar.map_err(|reason| reason.of(self.name()))?;
        self.update_with_exemplar(exemplar, |cell| cell.add(by));
        Ok(())
    }

    /// Adds `by`. Ignores an increment that is negative or NaN, and counts it in
    /// `dynamo_runtime_rejected_updates_total`; [`Counter::try_inc_by`] returns the error.
    #[inline]
    pub fn inc_by(&self, by: f64) {
        match CounterCell::check_increment(by) {
            Ok(()) => self.update().add(by),
            Err(_) => self.reject(by),
        }
    }

    /// Adds `by`.
    ///
    /// # Errors
    /// [`UseError`] with [`Misuse::BadIncrement`] if `by` is negative or NaN. The counter is then unchanged.
    #[inline]
    pub fn try_inc_by(&self, by: f64) -> Result<(), UseError> {
        CounterCell::check_increment(by).map_err(|reason| reason.of(self.name()))?;
        self.update().add(by);
        Ok(())
    }
}

impl Metric<CounterCell<u64>> {
    /// Adds `by` and stores an exemplar with `labels`, such as a trace id.
    ///
    /// # Errors
    /// [`UseError`] if the labels are not valid for an exemplar. The counter is then unchanged.
    pub fn inc_by_with_exemplar(&self, by: u64, labels: &[(&str, &str)]) -> Result<(), UseError> {
        let exemplar = Exemplar::new(labels, by as f64);
        let exemplar = exemplar.map_err(|reason| reason.of(self.name()))?;
        self.update_with_exemplar(exemplar, |cell| cell.add(by));
        Ok(())
    }

    /// Adds `by`.
    #[inline]
    pub fn inc_by(&self, by: u64) {
        self.update().add(by);
    }
}

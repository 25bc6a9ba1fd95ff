//! A value: one machine word behind a cell.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for u64 {}
    impl Sealed for i64 {}
}

/// A number that fits in one machine word and can be added to atomically: `f64`, `u64` or `i64`.
pub trait Number:
    sealed::Sealed + Copy + PartialEq + std::fmt::Debug + Send + Sync + 'static
{
    /// Nothing.
    const ZERO: Self;
    /// The step of `inc` and `dec`.
    const ONE: Self;
    /// Whether only whole numbers are counted.
    const INTEGER: bool;

    #[doc(hidden)]
    fn to_bits(self) -> u64;
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;
    /// Adds to the word. Integers saturate at their limits instead of wrapping round.
    #[doc(hidden)]
    fn add(word: &AtomicU64, by: Self);
    /// Subtracts from the word, with the limits of [`Number::add`].
    #[doc(hidden)]
    fn sub(word: &AtomicU64, by: Self);
    /// The sum, with the limits of [`Number::add`].
    #[doc(hidden)]
    fn plus(self, by: Self) -> Self;
    /// The difference, with the limits of [`Number::add`].
    #[doc(hidden)]
    fn minus(self, by: Self) -> Self;
    /// As the encoders see it.
    #[doc(hidden)]
    fn to_scalar(self) -> Scalar;
    /// As a float, which may round integers beyond 2^53.
    #[doc(hidden)]
    fn to_f64(self) -> f64 {
        self.to_scalar().to_f64()
    }
}

/// The value of one sample, with the type it was counted in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A float.
    Float(f64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A signed integer.
    Signed(i64),
}

impl Scalar {
    /// The value as a float, which may round integers beyond 2^53.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Scalar::Float(value) => value,
            Scalar::Unsigned(value) => value as f64,
            Scalar::Signed(value) => value as f64,
        }
    }
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const INTEGER: bool = false;

    fn to_bits(self) -> u64 {
        self.to_bits()
    }

    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }

    #[inline]
    fn add(word: &AtomicU64, by: Self) {
        let mut seen = word.load(Relaxed);
        loop {
            let sum = (f64::from_bits(seen) + by).to_bits();
            match word.compare_exchange_weak(seen, sum, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    #[inline]
    fn sub(word: &AtomicU64, by: Self) {
        Self::add(word, -by);
    }

    #[inline]
    fn plus(self, by: Self) -> Self {
        self + by
    }

    #[inline]
    fn minus(self, by: Self) -> Self {
        self - by
    }

    fn to_scalar(self) -> Scalar {
        Scalar::Float(self)
    }
}

impl Number for u64 {
    const ZERO: Self = 0;
    const ONE: Self = 1;
    const INTEGER: bool = true;

    fn to_bits(self) -> u64 {
        self
    }

    fn from_bits(bits: u64) -> Self {
        bits
    }

    #[inline]
    fn add(word: &AtomicU64, by: Self) {
        if word.fetch_add(by, Relaxed).checked_add(by).is_none() {
            word.store(u64::MAX, Relaxed);
        }
    }

    #[inline]
    fn sub(word: &AtomicU64, by: Self) {
        if word.fetch_sub(by, Relaxed).checked_sub(by).is_none() {
            word.store(0, Relaxed);
        }
    }

    #[inline]
    fn plus(self, by: Self) -> Self {
        self.saturating_add(by)
    }

    #[inline]
    fn minus(self, by: Self) -> Self {
        self.saturating_sub(by)
    }

    fn to_scalar(self) -> Scalar {
        Scalar::Unsigned(self)
    }
}

impl Number for i64 {
    const ZERO: Self = 0;
    const ONE: Self = 1;
    const INTEGER: bool = true;

    fn to_bits(self) -> u64 {
        self.cast_unsigned()
    }

    fn from_bits(bits: u64) -> Self {
        bits.cast_signed()
    }

    #[inline]
    fn add(word: &AtomicU64, by: Self) {
        let before = word.fetch_add(by.cast_unsigned(), Relaxed).cast_signed();
        if before.checked_add(by).is_none() {
            word.store(before.saturating_add(by).cast_unsigned(), Relaxed);
        }
    }

    #[inline]
    fn sub(word: &AtomicU64, by: Self) {
        let before = word.fetch_sub(by.cast_unsigned(), Relaxed).cast_signed();
        if before.checked_sub(by).is_none() {
            word.store(before.saturating_sub(by).cast_unsigned(), Relaxed);
        }
    }

    #[inline]
    fn plus(self, by: Self) -> Self {
        self.saturating_add(by)
    }

    #[inline]
    fn minus(self, by: Self) -> Self {
        self.saturating_sub(by)
    }

    fn to_scalar(self) -> Scalar {
        Scalar::Signed(self)
    }
}

/// The place of one value. Every read and write of a metric goes through here, and nothing else
/// knows where the word lives.
///
/// All accesses are relaxed: each cell is monotone or last-write-wins by itself, and no reader
/// infers the state of one cell from another.
#[derive(Debug)]
pub(crate) struct Cell<N> {
    word: AtomicU64,
    number: PhantomData<N>,
}

impl<N: Number> Cell<N> {
    pub(crate) fn new() -> Self {
        Cell {
            word: AtomicU64::new(N::ZERO.to_bits()),
            number: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> N {
        N::from_bits(self.word.load(Relaxed))
    }

    #[inline]
    pub(crate) fn set(&self, value: N) {
        self.word.store(value.to_bits(), Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, by: N) {
        N::add(&self.word, by);
    }

    #[inline]
    pub(crate) fn sub(&self, by: N) {
        N::sub(&self.word, by);
    }

    /// As [`add`](Self::add), for a thread that knows that no other one updates the cell meanwhile:
    /// without a bus lock, which is most of what an update costs. Others may read it all the time.
    #[inline]
    pub(crate) fn add_alone(&self, by: N) {
        self.set(self.get().plus(by));
    }

    /// As [`sub`](Self::sub), with the promise of [`add_alone`](Self::add_alone).
    #[inline]
    pub(crate) fn sub_alone(&self, by: N) {
        self.set(self.get().minus(by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_at_their_limits_instead_of_wrapping() {
        let unsigned = Cell::<u64>::new();
        unsigned.add(u64::MAX);
        unsigned.add(1);
        assert_eq!(unsigned.get(), u64::MAX);
        let signed = Cell::<i64>::new();
        signed.set(i64::MAX);
        signed.add(1);
        assert_eq!(signed.get(), i64::MAX);
        signed.set(0);
        signed.sub(i64::MIN);
        assert_eq!(signed.get(), i64::MAX);
        signed.set(-2);
        signed.sub(i64::MAX);
        assert_eq!(signed.get(), i64::MIN);
    }

    #[test]
    fn whoever_is_alone_gets_the_same_sums() {
        let (shared, alone) = (Cell::<i64>::new(), Cell::<i64>::new());
        for by in [5, -7, i64::MAX, 3, i64::MIN, -1] {
            shared.add(by);
            alone.add_alone(by);
            assert_eq!(alone.get(), shared.get());
            shared.sub(by);
            alone.sub_alone(by);
            assert_eq!(alone.get(), shared.get());
        }
        let unsigned = Cell::<u64>::new();
        unsigned.sub_alone(1);
        assert_eq!(unsigned.get(), 0);
        let float = Cell::<f64>::new();
        float.add_alone(0.1);
        float.add_alone(0.2);
        assert_eq!(float.get(), 0.1 + 0.2);
    }

    #[test]
    fn threads_adding_floats_lose_nothing() {
        let cell = Cell::<f64>::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| cell.add(0.5)));
            }
        });
        assert_eq!(cell.get(), 20_000.0);
    }
}

//! A value: one machine word in a cell.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use once_cell::race::{OnceBox, OnceRef};

use super::storage::WordType;
use crate::format::number::{write_float, write_integer};

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
    /// The initial value.
    const ZERO: Self;
    /// The step of `inc` and `dec`.
    const ONE: Self;
    /// Whether the type is an integer.
    const INTEGER: bool;
    /// The type in shared storage.
    const WORD: WordType;

    /// The value as a machine word.
    fn to_bits(self) -> u64;
    /// The value of a machine word.
    fn from_bits(bits: u64) -> Self;
    /// Adds to the word atomically. Integers saturate at their limits and do not wrap.
    fn add(word: &AtomicU64, by: Self);
    /// Subtracts from the word atomically. Integers saturate.
    fn sub(word: &AtomicU64, by: Self);
    /// The sum. Integers saturate.
    fn plus(self, by: Self) -> Self;
    /// The difference. Integers saturate.
    fn minus(self, by: Self) -> Self;
    /// The value in the form that encoders take.
    fn to_scalar(self) -> Scalar;
    /// The value as a float. Integers beyond 2^53 may be rounded.
    fn to_f64(self) -> f64 {
        self.to_scalar().to_f64()
    }
}

/// The value of one sample, in its own type.
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
    /// The value as a float. Integers beyond 2^53 may be rounded.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Scalar::Float(value) => value,
            Scalar::Unsigned(value) => value as f64,
            Scalar::Signed(value) => value as f64,
        }
    }

    /// Appends the value as the text formats write it.
    #[inline]
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Scalar::Unsigned(value) => write_integer(value, out),
            Scalar::Signed(value) => write_integer(value, out),
            Scalar::Float(value) => write_float(value, out),
        }
    }
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const INTEGER: bool = false;
    const WORD: WordType = WordType::Float;

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
    const WORD: WordType = WordType::Unsigned;

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
    const WORD: WordType = WordType::Signed;

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

/// The memory of one value. Metrics access their values only through this type; nothing else depends on
/// where the word is stored: in the cell itself, or in storage that processes share.
///
/// All accesses are relaxed: each cell is monotone or last-write-wins by itself, and no reader
/// infers the state of one cell from another.
#[derive(Debug)]
pub(crate) struct Cell<N> {
    own: AtomicU64,
    shared: OnceRef<'static, AtomicU64>,
    number: PhantomData<N>,
}

impl<N: Number> Cell<N> {
    pub(crate) fn new() -> Self {
        Cell {
            own: AtomicU64::new(N::ZERO.to_bits()),
            shared: OnceRef::new(),
            number: PhantomData,
        }
    }

    #[inline]
    fn word(&self) -> &AtomicU64 {
        match self.shared.get() {
            Some(word) => word,
            None => &self.own,
        }
    }

    /// Adds the current value to a word of shared storage, and continues there. A concurrent update may be lost. The
    /// first word stays.
    pub(crate) fn share(&self, word: &'static AtomicU64) {
        if self.shared.get().is_none() {
            N::add(word, N::from_bits(self.own.load(Relaxed)));
            let _ = self.shared.set(word);
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> N {
        N::from_bits(self.word().load(Relaxed))
    }

    #[inline]
    pub(crate) fn set(&self, value: N) {
        self.word().store(value.to_bits(), Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, by: N) {
        N::add(self.word(), by);
    }

    #[inline]
    pub(crate) fn sub(&self, by: N) {
        N::sub(self.word(), by);
    }

    /// As [`add`](Self::add), without synchronisation: no other thread may update the cell meanwhile.
    /// Concurrent reads are allowed. Without the bus lock, an update costs a fraction.
    #[inline]
    pub(crate) fn add_unsync(&self, by: N) {
        add_unsync(self.word(), by);
    }

    /// As [`sub`](Self::sub), with the precondition of [`add_unsync`](Self::add_unsync).
    #[inline]
    pub(crate) fn sub_unsync(&self, by: N) {
        let word = self.word();
        let value = N::from_bits(word.load(Relaxed)).minus(by);
        word.store(value.to_bits(), Relaxed);
    }
}

/// Adds to a word that no other thread updates meanwhile.
#[inline]
fn add_unsync<N: Number>(word: &AtomicU64, by: N) {
    let value = N::from_bits(word.load(Relaxed)).plus(by);
    word.store(value.to_bits(), Relaxed);
}

/// The memory of several counts and a sum; see [`Cell`].
#[derive(Debug)]
pub(crate) struct Cells {
    own: Box<[AtomicU64]>,
    shared: OnceBox<&'static [AtomicU64]>,
}

impl Cells {
    /// `counts` counts of 0, and a sum of 0.
    pub(crate) fn new(counts: usize) -> Self {
        Cells {
            own: (0..=counts).map(|_| AtomicU64::new(0)).collect(),
            shared: OnceBox::new(),
        }
    }

    #[inline]
    fn words(&self) -> (&[AtomicU64], &AtomicU64) {
        let words = match self.shared.get() {
            Some(words) => words,
            None => &*self.own,
        };
        // There is at least the sum.
        match words.split_last() {
            Some((sum, counts)) => (counts, sum),
            None => unreachable!("a histogram has a word for its sum"),
        }
    }

    /// As [`Cell::share`]. The first words stay, and words of another number are ignored.
    pub(crate) fn share(&self, words: &'static [AtomicU64]) {
        if self.shared.get().is_none() && words.len() == self.own.len() {
            if let (Some((sum, counts)), Some((own_sum, own_counts))) =
                (words.split_last(), self.own.split_last())
            {
                for (count, own) in counts.iter().zip(own_counts) {
                    u64::add(count, own.load(Relaxed));
                }
                f64::add(sum, f64::from_bits(own_sum.load(Relaxed)));
            }
            let _ = self.shared.set(Box::new(words));
        }
    }

    /// The counts.
    #[inline]
    pub(crate) fn counts(&self) -> &[AtomicU64] {
        self.words().0
    }

    #[inline]
    pub(crate) fn sum(&self) -> f64 {
        f64::from_bits(self.words().1.load(Relaxed))
    }

    /// Adds one to a count, and `value` to the sum.
    #[inline]
    pub(crate) fn add(&self, index: usize, value: f64) {
        let (counts, sum) = self.words();
        u64::add(&counts[index], 1);
        f64::add(sum, value);
    }

    /// As [`add`](Self::add), with the precondition of [`Cell::add_unsync`].
    #[inline]
    pub(crate) fn add_unsync(&self, index: usize, value: f64) {
        let (counts, sum) = self.words();
        add_unsync(&counts[index], 1_u64);
        add_unsync(sum, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_saturate_at_their_limits() {
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
    fn unsynchronised_updates_give_the_same_results() {
        let (shared, unsync) = (Cell::<i64>::new(), Cell::<i64>::new());
        for by in [5, -7, i64::MAX, 3, i64::MIN, -1] {
            shared.add(by);
            unsync.add_unsync(by);
            assert_eq!(unsync.get(), shared.get());
            shared.sub(by);
            unsync.sub_unsync(by);
            assert_eq!(unsync.get(), shared.get());
        }
        let unsigned = Cell::<u64>::new();
        unsigned.sub_unsync(1);
        assert_eq!(unsigned.get(), 0);
        let float = Cell::<f64>::new();
        float.add_unsync(0.1);
        float.add_unsync(0.2);
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

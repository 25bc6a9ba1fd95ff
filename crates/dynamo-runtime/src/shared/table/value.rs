//! The merged value of a series.

use crate::metrics::{NativeSnapshot, Scalar};

/// The merged value of a series.
#[derive(Clone, Debug, Default)]
pub(in crate::shared) enum Value {
    /// No member has the series.
    #[default]
    Empty,
    /// The sum of all members.
    Sum(Total),
    /// The value of one member, and when it was set.
    One(Scalar, u64),
    Histogram(Box<HistogramTotal>),
}

/// A sum of numbers of several types.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::shared) struct Total {
    integers: i128,
    floats: Sum,
    has_floats: bool,
    has_signed: bool,
}

/// A sum of histograms with the same bounds.
#[derive(Clone, Debug)]
pub(in crate::shared) struct HistogramTotal {
    pub(in crate::shared) counts: Vec<u64>,
    pub(in crate::shared) sum: Sum,
    pub(in crate::shared) native: Option<NativeSnapshot>,
}

/// A sum of floats with twice the precision of a float: the order in which values are added, which changes
/// when members end, does not change the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::shared) struct Sum {
    pub(in crate::shared) high: f64,
    pub(in crate::shared) low: f64,
}

impl Sum {
    pub(in crate::shared) fn add(&mut self, other: Sum) {
        let sum = self.high + other.high;
        if !sum.is_finite() {
            *self = Sum {
                high: sum,
                low: 0.0,
            };
            return;
        }
        // Knuth's two-sum: the rounding error, exactly.
        let part = sum - self.high;
        let error = (self.high - (sum - part)) + (other.high - part);
        let low = error + self.low + other.low;
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }

    pub(in crate::shared) fn value(self) -> f64 {
        self.high + self.low
    }
}

impl From<f64> for Sum {
    fn from(high: f64) -> Self {
        Sum { high, low: 0.0 }
    }
}

impl Total {
    pub(super) fn add(&mut self, scalar: Scalar, low: f64) {
        match scalar {
            Scalar::Unsigned(value) => self.integers += i128::from(value),
            Scalar::Signed(value) => {
                self.integers += i128::from(value);
                self.has_signed = true;
            }
            Scalar::Float(high) => {
                self.floats.add(Sum { high, low });
                self.has_floats = true;
            }
        }
    }

    /// The sum as a float, precisely.
    pub(in crate::shared) fn sum(&self) -> Sum {
        let mut sum = self.floats;
        sum.add((self.integers as f64).into());
        sum
    }

    /// The sum in the narrowest type that all parts have. Integers saturate.
    pub(in crate::shared) fn scalar(&self) -> Scalar {
        if self.has_floats {
            Scalar::Float(self.sum().value())
        } else if self.has_signed {
            let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
            Scalar::Signed(self.integers.clamp(*range.start(), *range.end()) as i64)
        } else {
            Scalar::Unsigned(self.integers.clamp(0, i128::from(u64::MAX)) as u64)
        }
    }
}

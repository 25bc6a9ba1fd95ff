//! Bucket bounds: their validation, and lists for LLM serving.

use std::sync::Arc;

use crate::format::number::write_le;

/// The default bounds of Prometheus client libraries, in seconds.
pub const DEFAULT_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Bounds for the time to first token, in seconds: from a cached prefix on an idle worker to minutes in
/// a queue.
pub const TTFT_BUCKETS: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 320.0, 600.0,
];

/// Bounds for inter-token latency, in seconds: dense from 5 to 100 ms, and up to a stalled decode.
pub const ITL_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15,
    0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0,
];

/// Bounds for the duration of a request, in seconds: up to ten minutes, since a generation takes longer
/// than the 10 s of [`DEFAULT_BUCKETS`].
pub const REQUEST_DURATION_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
    600.0,
];

/// An alias of [`DEFAULT_BUCKETS`].
pub const DEFAULT: &[f64] = DEFAULT_BUCKETS;
/// An alias of [`TTFT_BUCKETS`].
pub const TTFT: &[f64] = TTFT_BUCKETS;
/// An alias of [`ITL_BUCKETS`].
pub const ITL: &[f64] = ITL_BUCKETS;
/// An alias of [`REQUEST_DURATION_BUCKETS`].
pub const REQUEST_DURATION: &[f64] = REQUEST_DURATION_BUCKETS;

/// Why bounds cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketsError {
    /// There is no bound below `+Inf`.
    #[error(
        "buckets are empty: give at least one finite upper bound, or omit buckets for the default ones"
    )]
    Empty,
    /// A bound is infinite or NaN.
    #[error(
        "bucket bound {bound} at position {position} is not a finite number: give finite bounds; +Inf is added automatically"
    )]
    NotFinite {
        /// The bound.
        bound: f64,
        /// Its index in the list.
        position: usize,
    },
    /// A bound is not greater than the previous one.
    #[error(
        "bucket bound {bound} at position {position} does not exceed the previous one, {previous}: bounds must be strictly increasing"
    )]
    NotIncreasing {
        /// The bound.
        bound: f64,
        /// Its index in the list.
        position: usize,
        /// The previous bound.
        previous: f64,
    },
    /// An argument of [`linear_buckets`] or [`exponential_buckets`] is out of range.
    #[error("{function}: {argument}={value} is out of range: {rule}")]
    Argument {
        /// The function called.
        function: &'static str,
        /// The name of the argument.
        argument: &'static str,
        /// The value given.
        value: f64,
        /// The values that are possible.
        rule: &'static str,
    },
}

/// Checked bounds, with the rendered `le` label of each one.
#[derive(Debug)]
pub struct Buckets {
    bounds: Box<[f64]>,
    /// `le="0.005"` for each bound and, last, `le="+Inf"`.
    labels: Box<[Box<[u8]>]>,
}

impl Buckets {
    /// Checks the upper bounds of a histogram; they include their own value (`le`).
    ///
    /// A `+Inf` at the end is allowed and redundant.
    ///
    /// # Errors
    /// [`BucketsError`] if there is no bound, if one is not finite, or if they are not strictly increasing.
    pub fn new(bounds: &[f64]) -> Result<Arc<Self>, BucketsError> {
        let finite = match bounds {
            [rest @ .., last] if *last == f64::INFINITY => rest,
            all => all,
        };
        if finite.is_empty() {
            return Err(BucketsError::Empty);
        }
        for (position, &bound) in finite.iter().enumerate() {
            if !bound.is_finite() {
                return Err(BucketsError::NotFinite { bound, position });
            }
            if position > 0 && bound <= finite[position - 1] {
                return Err(BucketsError::NotIncreasing {
                    bound,
                    position,
                    previous: finite[position - 1],
                });
            }
        }
        // Adding zero turns -0.0 into 0.0.
        Ok(Arc::new(Self::of(
            finite.iter().map(|bound| bound + 0.0).collect(),
        )))
    }

    fn of(bounds: Box<[f64]>) -> Self {
        let labels = bounds
            .iter()
            .chain(&[f64::INFINITY])
            .map(|&bound| {
                let mut label = b"le=\"".to_vec();
                write_le(bound, &mut label);
                label.push(b'"');
                label.into_boxed_slice()
            })
            .collect();
        Buckets { bounds, labels }
    }

    /// No bound: a single bucket for all observations.
    pub(crate) fn none() -> Arc<Self> {
        Arc::new(Self::of(Box::default()))
    }

    /// The finite upper bounds.
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    pub(crate) fn labels(&self) -> &[Box<[u8]>] {
        &self.labels
    }

    /// The index of the bucket of `value`; the number of bounds if `value` exceeds all of them.
    #[inline]
    pub(crate) fn index(&self, value: f64) -> usize {
        // A scan is faster than a binary search up to some dozens of bounds, and more are rare.
        let mut index = 0;
        while index < self.bounds.len() && value > self.bounds[index] {
            index += 1;
        }
        index
    }
}

/// `count` bounds from `start`, `width` apart.
///
/// # Errors
/// [`BucketsError`] if `count` is 0 or above 10,000, `width` is not above 0, or a bound is not finite.
pub fn linear_buckets(start: f64, width: f64, count: usize) -> Result<Vec<f64>, BucketsError> {
    const FUNCTION: &str = "linear_buckets";
    require_count(FUNCTION, count)?;
    require(
        FUNCTION,
        "width",
        width,
        width > 0.0,
        "give a width above 0",
    )?;
    checked((0..count).map(|step| start + width * step as f64).collect())
}

/// `count` bounds from `start`, each `factor` times the one before.
///
/// # Errors
/// [`BucketsError`] if `count` is 0 or above 10,000, `start` is not above 0, `factor` not above 1, or a bound is
/// not finite.
pub fn exponential_buckets(
    start: f64,
    factor: f64,
    count: usize,
) -> Result<Vec<f64>, BucketsError> {
    const FUNCTION: &str = "exponential_buckets";
    require_count(FUNCTION, count)?;
    require(
        FUNCTION,
        "start",
        start,
        start > 0.0,
        "give a start above 0",
    )?;
    require(
        FUNCTION,
        "factor",
        factor,
        factor > 1.0,
        "give a factor above 1",
    )?;
    checked(
        std::iter::successors(Some(start), |bound| Some(bound * factor))
            .take(count)
            .collect(),
    )
}

/// Every series of a histogram has all its buckets, so that a larger count is most likely a mistake.
fn require_count(function: &'static str, count: usize) -> Result<(), BucketsError> {
    let possible = (1..=10_000).contains(&count);
    require(function, "count", count as f64, possible, "give 1 to 10000")
}

fn require(
    function: &'static str,
    argument: &'static str,
    value: f64,
    holds: bool,
    rule: &'static str,
) -> Result<(), BucketsError> {
    if holds {
        return Ok(());
    }
    Err(BucketsError::Argument {
        function,
        argument,
        value,
        rule,
    })
}

fn checked(bounds: Vec<f64>) -> Result<Vec<f64>, BucketsError> {
    match bounds
        .iter()
        .enumerate()
        .find(|(_, bound)| !bound.is_finite())
    {
        Some((position, &bound)) => Err(BucketsError::NotFinite { bound, position }),
        None => Buckets::new(&bounds).map(|_| bounds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_equal_to_a_bound_counts_in_its_bucket() {
        let buckets = Buckets::new(&[1.0, 2.0]).unwrap();
        let found: Vec<_> = [0.5, 1.0, 1.5, 2.0, 2.5, f64::INFINITY, f64::NEG_INFINITY]
            .map(|value| buckets.index(value))
            .into();
        assert_eq!(found, [0, 0, 1, 1, 2, 2, 0]);
    }

    #[test]
    fn invalid_bounds_are_refused_with_the_bound_and_its_index() {
        assert_eq!(Buckets::new(&[]).unwrap_err(), BucketsError::Empty);
        assert_eq!(
            Buckets::new(&[f64::INFINITY]).unwrap_err(),
            BucketsError::Empty
        );
        let error = Buckets::new(&[1.0, 1.0]).unwrap_err();
        assert!(
            error.to_string().contains("bucket bound 1 at position 1"),
            "{error}"
        );
        assert!(matches!(
            Buckets::new(&[1.0, f64::NAN]).unwrap_err(),
            BucketsError::NotFinite { position: 1, .. }
        ));
        assert!(Buckets::new(&[f64::NEG_INFINITY, 1.0]).is_err());
    }

    #[test]
    fn a_trailing_infinity_is_redundant() {
        let buckets = Buckets::new(&[1.0, f64::INFINITY]).unwrap();
        assert_eq!(buckets.bounds(), [1.0]);
        assert_eq!(&*buckets.labels()[1], b"le=\"+Inf\"");
    }

    #[test]
    fn the_bucket_lists_are_valid() {
        for list in [
            DEFAULT_BUCKETS,
            TTFT_BUCKETS,
            ITL_BUCKETS,
            REQUEST_DURATION_BUCKETS,
        ] {
            Buckets::new(list).unwrap();
        }
    }

    #[test]
    fn bucket_functions_refuse_arguments_out_of_range() {
        assert_eq!(linear_buckets(0.0, 5.0, 3).unwrap(), [0.0, 5.0, 10.0]);
        assert_eq!(exponential_buckets(1.0, 2.0, 3).unwrap(), [1.0, 2.0, 4.0]);
        assert!(linear_buckets(0.0, 0.0, 3).is_err());
        assert!(linear_buckets(0.0, 1.0, 0).is_err());
        assert!(linear_buckets(0.0, 1.0, usize::MAX).is_err());
        assert!(exponential_buckets(0.0, 2.0, 3).is_err());
        assert!(exponential_buckets(1.0, 1.0, 3).is_err());
        assert!(exponential_buckets(1.0, 1e200, 3).is_err());
        assert!(exponential_buckets(1.0, 1.0 + f64::EPSILON, usize::MAX).is_err());
    }
}

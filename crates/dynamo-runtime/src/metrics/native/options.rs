//! The options of native histograms, and their check.

use std::fmt;

use super::SCHEMAS;

/// The native buckets of a histogram. By default, bucket widths grow by 9 % (schema 3), a series has up
/// to 160 buckets, and values within 2^-128 of zero count as zero.
///
/// The options are checked when a metric is created with them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NativeOptions {
    resolution: Resolution,
    zero_threshold: f64,
    max_buckets: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Resolution {
    Schema(i64),
    GrowthFactor(f64),
}

/// An option of native histograms that is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{argument}={value} of a native histogram is out of range: {rule}")]
pub struct NativeError {
    /// The name of the option.
    pub argument: &'static str,
    /// The value given.
    pub value: f64,
    /// The values that are possible.
    pub rule: &'static str,
}

impl Default for NativeOptions {
    fn default() -> Self {
        NativeOptions {
            resolution: Resolution::Schema(3),
            zero_threshold: 2.0_f64.powi(-128),
            max_buckets: 160,
        }
    }
}

impl NativeOptions {
    /// Sets the growth factor to 2^(2^-schema). Schemas reach from -4 (a factor of 65,536) to 8 (0.27 %).
    pub fn schema(self, schema: i64) -> Self {
        NativeOptions {
            resolution: Resolution::Schema(schema),
            ..self
        }
    }

    /// Sets the coarsest schema whose growth factor is at most `factor`, which is above 1; at the finest, 8.
    pub fn growth_factor(self, factor: f64) -> Self {
        NativeOptions {
            resolution: Resolution::GrowthFactor(factor),
            ..self
        }
    }

    /// Sets the distance from zero, 0 or more, within which values count as zero.
    pub fn zero_threshold(self, threshold: f64) -> Self {
        NativeOptions {
            zero_threshold: threshold,
            ..self
        }
    }

    /// Sets the bucket limit, at least 1, not counting the zero bucket. A series that exceeds it halves its
    /// resolution: neighbouring buckets are merged and no observation is lost. At the coarsest schema
    /// the limit does not apply; there are 270 buckets at most.
    pub fn max_buckets(self, count: i64) -> Self {
        NativeOptions {
            max_buckets: count,
            ..self
        }
    }

    pub(in crate::metrics) fn check(self) -> Result<NativeLayout, NativeError> {
        require(
            "zero_threshold",
            self.zero_threshold,
            self.zero_threshold >= 0.0 && self.zero_threshold.is_finite(),
            "give a number >= 0",
        )?;
        require(
            "max_buckets",
            self.max_buckets as f64,
            self.max_buckets > 0,
            "give at least 1; 160 is the default",
        )?;
        Ok(NativeLayout {
            schema: self.resolution.schema()?,
            zero_threshold: self.zero_threshold,
            max_buckets: usize::try_from(self.max_buckets).unwrap_or(usize::MAX),
        })
    }
}

impl Resolution {
    fn schema(self) -> Result<i8, NativeError> {
        match self {
            Resolution::Schema(schema) => {
                let known = SCHEMAS
                    .into_iter()
                    .find(|known| i64::from(*known) == schema);
                known.ok_or(NativeError {
                    argument: "schema",
                    value: schema as f64,
                    rule: "give a whole number from -4 to 8",
                })
            }
            Resolution::GrowthFactor(factor) => {
                require(
                    "growth_factor",
                    factor,
                    factor > 1.0 && factor.is_finite(),
                    "give a number above 1, such as 1.1 for buckets that grow by 10 % or less",
                )?;
                let exact = -factor.log2().log2().floor();
                let (coarsest, finest) = (f64::from(*SCHEMAS.start()), f64::from(*SCHEMAS.end()));
                Ok(exact.clamp(coarsest, finest) as i8)
            }
        }
    }
}

fn require(
    argument: &'static str,
    value: f64,
    holds: bool,
    rule: &'static str,
) -> Result<(), NativeError> {
    if holds {
        return Ok(());
    }
    Err(NativeError {
        argument,
        value,
        rule,
    })
}

/// Checked [`NativeOptions`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NativeLayout {
    pub(super) schema: i8,
    pub(super) zero_threshold: f64,
    pub(super) max_buckets: usize,
}

impl fmt::Display for NativeLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "native buckets of schema {}, zero threshold {:?}, at most {}",
            self.schema, self.zero_threshold, self.max_buckets
        )
    }
}

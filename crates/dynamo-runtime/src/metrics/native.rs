//! Native histograms: bucket widths grow by a constant factor, and only buckets with observations exist.
//!
//! The model is Prometheus': bucket `i` of schema `s` ends, inclusively, at 2^(i / 2^s). Values near
//! zero have a bucket of their own. See <https://prometheus.io/docs/specs/native_histograms/>.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::snapshot::{NativeSide as Side, NativeSnapshot};
use super::storage::{NativeBucket, SeriesStorage};

/// The schemas of Prometheus, from the coarsest to the finest resolution.
const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

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

    pub(super) fn check(self) -> Result<NativeLayout, NativeError> {
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
    schema: i8,
    zero_threshold: f64,
    max_buckets: usize,
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

/// The native buckets of one histogram, without synchronisation: the histogram holds them in a lock.
pub(super) struct NativeBuckets {
    schema: i8,
    /// The bounds of the schema, if it is above 0; see [`bounds`].
    bounds: &'static [f64],
    zero_threshold: f64,
    max_buckets: usize,
    zero_count: u64,
    positive: Side,
    negative: Side,
    /// The schema of a new histogram.
    first_schema: i8,
    shared: Option<Arc<dyn SeriesStorage>>,
}

impl fmt::Debug for NativeBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NativeBuckets({:?})", self.read())
    }
}

impl NativeBuckets {
    pub(super) fn new(options: &NativeLayout) -> Self {
        NativeBuckets {
            schema: options.schema,
            bounds: bounds(options.schema),
            zero_threshold: options.zero_threshold,
            max_buckets: options.max_buckets,
            zero_count: 0,
            positive: Side::new(),
            negative: Side::new(),
            first_schema: options.schema,
            shared: None,
        }
    }

    /// Keeps the buckets in shared storage as well, from now on.
    pub(super) fn share(&mut self, storage: &Arc<dyn SeriesStorage>) {
        if self.shared.is_none() {
            storage.replace_native(&self.read());
            self.shared = Some(Arc::clone(storage));
        }
    }

    /// Removes all observations.
    pub(super) fn clear(&mut self) {
        self.schema = self.first_schema;
        self.bounds = bounds(self.schema);
        self.zero_count = 0;
        self.positive.clear();
        self.negative.clear();
        if let Some(shared) = &self.shared {
            shared.replace_native(&self.read());
        }
    }

    /// Marks the start of an update of native and classic buckets.
    #[inline]
    pub(super) fn begin(&self) {
        if let Some(shared) = &self.shared {
            shared.begin_update();
        }
    }

    /// Marks the end of an update.
    #[inline]
    pub(super) fn end(&self) {
        if let Some(shared) = &self.shared {
            shared.end_update();
        }
    }

    /// Counts one observation, which is not NaN.
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        let magnitude = value.abs();
        if magnitude <= self.zero_threshold {
            self.zero_count += 1;
            if let Some(shared) = &self.shared {
                shared.count_native(NativeBucket::Zero);
            }
            return;
        }
        let index = index_of(magnitude, self.schema, self.bounds);
        let schema = self.schema;
        self.count(index, value > 0.0);
        if let Some(shared) = &self.shared {
            if self.schema != schema {
                shared.replace_native(&self.read());
            } else if value > 0.0 {
                shared.count_native(NativeBucket::Positive(index));
            } else {
                shared.count_native(NativeBucket::Negative(index));
            }
        }
    }

    #[inline]
    fn count(&mut self, index: i32, is_positive: bool) {
        let side = if is_positive {
            &mut self.positive
        } else {
            &mut self.negative
        };
        // Mostly there are no gaps. Then the first index gives the position.
        let first = side.first().map_or(index, |(first, _)| *first);
        if let Ok(position) = usize::try_from(index - first)
            && let Some((found, count)) = side.get_mut(position)
            && *found == index
        {
            *count += 1;
            return;
        }
        match side.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => side[position].1 += 1,
            Err(position) => {
                side.insert(position, (index, 1));
                self.limit();
            }
        }
    }

    pub(super) fn read(&self) -> NativeSnapshot {
        NativeSnapshot {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            positive: self.positive.clone(),
            negative: self.negative.clone(),
        }
    }

    /// Halves the resolution until the limit holds.
    #[cold]
    fn limit(&mut self) {
        while self.positive.len() + self.negative.len() > self.max_buckets
            && self.schema > *SCHEMAS.start()
        {
            self.schema -= 1;
            self.bounds = bounds(self.schema);
            merge_neighbours(&mut self.positive);
            merge_neighbours(&mut self.negative);
        }
    }
}

impl NativeSnapshot {
    /// Adds the observations of another histogram. The result has the coarser schema and the wider zero
    /// bucket.
    pub(crate) fn merge(&mut self, mut other: NativeSnapshot) {
        self.lower_schema(other.schema);
        other.lower_schema(self.schema);
        let threshold = self.zero_threshold.max(other.zero_threshold);
        self.widen_zero(threshold);
        other.widen_zero(threshold);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        add_side(&mut self.positive, &other.positive);
        add_side(&mut self.negative, &other.negative);
    }

    /// The number of observations.
    pub(crate) fn count(&self) -> u64 {
        let sides = self.positive.iter().chain(&self.negative);
        sides.fold(self.zero_count, |sum, (_, count)| {
            sum.saturating_add(*count)
        })
    }

    /// Moves the buckets that begin below the threshold into the zero bucket.
    fn widen_zero(&mut self, threshold: f64) {
        if threshold <= self.zero_threshold {
            return;
        }
        let base = 2.0_f64.powi(-i32::from(self.schema));
        let mut upper = threshold;
        for side in [&mut self.positive, &mut self.negative] {
            side.retain(|(index, count)| {
                let lower = (f64::from(*index - 1) * base).exp2();
                if lower < threshold {
                    self.zero_count = self.zero_count.saturating_add(*count);
                    upper = upper.max((f64::from(*index) * base).exp2());
                }
                lower >= threshold
            });
        }
        self.zero_threshold = upper;
    }
}

fn add_side(side: &mut Side, other: &Side) {
    for &(index, count) in other {
        match side.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => side[position].1 = side[position].1.saturating_add(count),
            Err(position) => side.insert(position, (index, count)),
        }
    }
}

impl NativeSnapshot {
    /// Merges neighbouring buckets until the resolution is that of `schema`, a coarser one.
    pub(crate) fn lower_schema(&mut self, schema: i8) {
        while self.schema > schema {
            self.schema -= 1;
            merge_neighbours(&mut self.positive);
            merge_neighbours(&mut self.negative);
        }
    }
}

/// Halves the resolution of one side.
fn merge_neighbours(side: &mut Side) {
    side.iter_mut().for_each(|(index, _)| *index = half(*index));
    side.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        same
    });
}

/// The index of the bucket at half the resolution that contains this bucket.
fn half(index: i32) -> i32 {
    (index + 1) >> 1
}

/// The index of the bucket of `magnitude`, which is above 0.
#[inline]
fn index_of(magnitude: f64, schema: i8, bounds: &[f64]) -> i32 {
    if magnitude.is_infinite() {
        return index_of(f64::MAX, schema, bounds) + 1;
    }
    let (fraction, exponent) = split(magnitude);
    if schema > 0 {
        let position = bounds.partition_point(|bound| *bound < fraction);
        return position as i32 + (exponent - 1) * bounds.len() as i32;
    }
    let exponent = if fraction == 0.5 {
        exponent - 1
    } else {
        exponent
    };
    let shift = -schema;
    (exponent + (1 << shift) - 1) >> shift
}

/// `value`, finite and above 0, as `fraction * 2^exponent` with a fraction from 0.5 up to below 1.
#[inline]
fn split(value: f64) -> (f64, i32) {
    const FRACTION_BITS: u32 = 52;
    const BIAS: i32 = 1022;
    const HALF: u64 = (BIAS as u64) << FRACTION_BITS;
    const FRACTION: u64 = (1 << FRACTION_BITS) - 1;
    if value < f64::MIN_POSITIVE {
        // A subnormal number has no leading one. Scale it to a normal number.
        let (fraction, exponent) = split(value * 2.0_f64.powi(64));
        return (fraction, exponent - 64);
    }
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION_BITS) as i32 - BIAS;
    (f64::from_bits(bits & FRACTION | HALF), exponent)
}

/// The bounds between 0.5 and 1 of a schema above 0: 0.5 * 2^(i / 2^schema).
fn bounds(schema: i8) -> &'static [f64] {
    static BOUNDS: LazyLock<Vec<Vec<f64>>> = LazyLock::new(|| {
        (0..=*SCHEMAS.end())
            .map(|schema| {
                let count = 1_u32 << schema;
                (0..count)
                    .map(|step| 0.5 * (f64::from(step) / f64::from(count)).exp2())
                    .collect()
            })
            .collect()
    });
    usize::try_from(schema).map_or(&[], |schema| &BOUNDS[schema])
}

/// Native buckets in the form that the formats write: runs of neighbouring buckets, and their counts.
pub(crate) struct Spans {
    /// For each run, the number of empty buckets before it (for the first run, its index) and its
    /// length.
    pub(crate) spans: Vec<(i32, u32)>,
    pub(crate) counts: Vec<u64>,
}

impl Spans {
    /// Up to two empty buckets are shorter than a new run.
    const SMALL_GAP: i32 = 2;

    pub(crate) fn new(side: &[(i32, u64)]) -> Self {
        let mut spans: Vec<(i32, u32)> = Vec::new();
        let mut counts = Vec::with_capacity(side.len());
        let mut next = 0;
        for &(index, count) in side {
            let gap = index - next;
            match spans.last_mut() {
                Some((_, length)) if gap <= Self::SMALL_GAP => {
                    *length += gap.unsigned_abs() + 1;
                    counts.extend(std::iter::repeat_n(0, gap.unsigned_abs() as usize));
                }
                _ => spans.push((gap, 1)),
            }
            counts.push(count);
            next = index + 1;
        }
        Spans { spans, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(value: f64, schema: i8) -> i32 {
        index_of(value, schema, bounds(schema))
    }

    /// The upper bound of a bucket, by the definition.
    fn upper(index: i32, schema: i8) -> f64 {
        (f64::from(index) * 2.0_f64.powi(-i32::from(schema))).exp2()
    }

    #[test]
    fn an_observation_counts_in_the_bucket_whose_bounds_enclose_it() {
        for schema in SCHEMAS {
            for value in [
                1e-300, 0.004, 0.5, 0.99, 1.0, 1.01, 2.0, 3.0, 4.0, 1e5, 7e300,
            ] {
                let found = index(value, schema);
                let slack = 1.0 + 1e-12;
                assert!(value <= upper(found, schema) * slack, "{value} {schema}");
                assert!(value * slack > upper(found - 1, schema), "{value} {schema}");
            }
        }
    }

    #[test]
    fn a_power_of_two_belongs_to_the_bucket_that_ends_there() {
        for schema in 0..=8 {
            for exponent in [-1074, -1073, -1022, -3, 0, 1, 10, 1023] {
                assert_eq!(
                    index(f64::from(exponent).exp2(), schema),
                    exponent << schema
                );
            }
        }
        assert_eq!(index(65_536.0, -4), 1);
        assert_eq!(index(65_537.0, -4), 2);
    }

    #[test]
    fn infinity_counts_in_the_bucket_after_the_last_finite_one() {
        assert_eq!(index(f64::INFINITY, 3), (1024 << 3) + 1);
        assert_eq!(index(f64::MAX, 3), 1024 << 3);
    }

    #[test]
    fn exceeding_the_bucket_limit_lowers_the_resolution_and_loses_no_observation() {
        let options = NativeOptions::default().max_buckets(20);
        let mut buckets = NativeBuckets::new(&options.check().unwrap());
        for step in 1..=1000 {
            buckets.add(f64::from(step) / 100.0);
            buckets.add(-f64::from(step));
            buckets.add(0.0);
        }
        let snapshot = buckets.read();
        assert!(snapshot.schema < 3);
        assert!(snapshot.positive.len() + snapshot.negative.len() <= 20);
        let total = |side: &Side| side.iter().map(|(_, count)| count).sum::<u64>();
        assert_eq!(
            (
                total(&snapshot.positive),
                total(&snapshot.negative),
                snapshot.zero_count
            ),
            (1000, 1000, 1000)
        );
        // The merged buckets equal those that the coarser schema counts from the start.
        let mut coarse =
            NativeBuckets::new(&options.schema(i64::from(snapshot.schema)).check().unwrap());
        (1..=1000).for_each(|step| coarse.add(f64::from(step) / 100.0));
        assert_eq!(coarse.read().positive, snapshot.positive);
    }

    #[test]
    fn a_growth_factor_becomes_the_coarsest_schema_within_it() {
        let check = |factor| NativeOptions::default().growth_factor(factor).check();
        for (factor, schema) in [(1.1, 3), (2.0, 0), (1.000_001, 8), (1e30, -4)] {
            assert_eq!(check(factor).unwrap().schema, schema);
        }
        for factor in [1.0, 0.5, f64::NAN, f64::INFINITY] {
            assert!(check(factor).is_err());
        }
    }

    #[test]
    fn runs_include_small_gaps_as_empty_buckets() {
        let spans = Spans::new(&[(-3, 1), (-2, 2), (0, 3), (10, 4)]);
        assert_eq!(spans.spans, [(-3, 4), (9, 1)]);
        assert_eq!(spans.counts, [1, 2, 0, 3, 4]);
        assert!(Spans::new(&[]).spans.is_empty());
    }

    #[test]
    fn options_that_prometheus_does_not_support_are_refused() {
        let options = NativeOptions::default();
        for wrong in [
            options.schema(9),
            options.schema(-5),
            options.zero_threshold(-1.0),
            options.zero_threshold(f64::NAN),
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        let error = options.max_buckets(0).check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "max_buckets=0 of a native histogram is out of range: give at least 1; 160 is the default"
        );
    }
}

//! The bucket of a value.

use std::sync::LazyLock;

use super::SCHEMAS;

/// The index of the bucket of `magnitude`, which is above 0.
#[inline]
pub(super) fn index_of(magnitude: f64, schema: i8, bounds: &[f64]) -> i32 {
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
pub(super) fn bounds(schema: i8) -> &'static [f64] {
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

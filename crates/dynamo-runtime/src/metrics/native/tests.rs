use super::super::snapshot::NativeSide as Side;
use super::index::{bounds, index_of};
use super::{NativeBuckets, NativeOptions, SCHEMAS, Spans};

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

//! Updates from Rust: of one series, and of a series found by its label values.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dynamo_benchmarks::{
    COUNTERS, HELP, HISTOGRAMS, MEASURED, NAMES, OURS, PROMETHEUS, Series, endpoint,
    measured_counters, prometheus_options,
};
use measured::metric::histogram::Thresholds;

const BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const SECONDS: f64 = 0.3;

fn counters(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("updates");
    let case = "IntCounter.inc()";
    let metrics = endpoint();
    let counter = metrics
        .create_intcounter("requests_total", HELP, &[])
        .expect("a metric");
    group.bench_function(BenchmarkId::new(OURS, case), |bencher| {
        bencher.iter(|| black_box(&counter).inc());
    });
    let options = prometheus_options(COUNTERS);
    let counter = prometheus::IntCounter::with_opts(options).expect("a metric");
    group.bench_function(BenchmarkId::new(PROMETHEUS, case), |bencher| {
        bencher.iter(|| black_box(&counter).inc());
    });
    let counter = measured::Counter::new();
    group.bench_function(BenchmarkId::new(MEASURED, case), |bencher| {
        bencher.iter(|| black_box(&counter).inc());
    });
}

fn histograms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("updates");
    let case = "Histogram.observe(f64)";
    let metrics = endpoint();
    let buckets = Some(BUCKETS.to_vec());
    let histogram = metrics
        .create_histogram("request_seconds", HELP, &[], buckets)
        .expect("a metric");
    group.bench_function(BenchmarkId::new(OURS, case), |bencher| {
        bencher.iter(|| black_box(&histogram).observe(black_box(SECONDS)));
    });
    let options = prometheus::HistogramOpts {
        common_opts: prometheus_options(HISTOGRAMS),
        buckets: BUCKETS.to_vec(),
    };
    let histogram = prometheus::Histogram::with_opts(options).expect("a metric");
    group.bench_function(BenchmarkId::new(PROMETHEUS, case), |bencher| {
        bencher.iter(|| black_box(&histogram).observe(black_box(SECONDS)));
    });
    let histogram = measured::Histogram::with_metadata(Thresholds::with_buckets(BUCKETS));
    group.bench_function(BenchmarkId::new(MEASURED, case), |bencher| {
        bencher.iter(|| black_box(&histogram).observe(black_box(SECONDS)));
    });
}

fn vecs(criterion: &mut Criterion) {
    const LABELS: [&str; 2] = ["m-0001", "w-001"];
    let [model, worker] = LABELS;
    let mut group = criterion.benchmark_group("updates");
    let case = "with_label_values(&[a, b]).inc()";
    let metrics = endpoint();
    let vec = metrics
        .create_intcountervec("requests_total", HELP, &NAMES, &[])
        .expect("a vec");
    group.bench_function(BenchmarkId::new(OURS, case), |bencher| {
        bencher.iter(|| vec.with_label_values(black_box(&LABELS)).inc());
    });
    let options = prometheus_options(COUNTERS);
    let vec = prometheus::IntCounterVec::new(options, &NAMES).expect("a vec");
    group.bench_function(BenchmarkId::new(PROMETHEUS, case), |bencher| {
        bencher.iter(|| vec.with_label_values(black_box(&LABELS)).inc());
    });
    let vec = measured_counters();
    group.bench_function(BenchmarkId::new(MEASURED, case), |bencher| {
        bencher.iter(|| vec.inc(Series::new(black_box(model), black_box(worker))));
    });
}

criterion_group!(benches, counters, histograms, vecs);
criterion_main!(benches);

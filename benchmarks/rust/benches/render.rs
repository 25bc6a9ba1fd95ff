//! An exposition of many series as text, gather included.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dynamo_benchmarks::{
    COUNTERS, HELP, HISTOGRAMS, MEASURED, NAMES, OURS, PROMETHEUS, Series, count, endpoint,
    label_sets, measured_counters, prometheus_options,
};
use measured::metric::MetricFamilyEncoding;
use measured::metric::group::Encoding;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;

/// Twelve bounds, in seconds.
const BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

fn counters(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    for size in [1_000, 10_000, 100_000, 1_000_000] {
        let case = format!("{size} counters");
        let metrics = endpoint();
        let vec = metrics
            .create_countervec("requests_total", HELP, &NAMES, &[])
            .expect("a vec");
        for (index, labels) in label_sets(size).enumerate() {
            vec.with_label_values(&labels).inc_by(count(index) as f64);
        }
        group.bench_function(BenchmarkId::new(OURS, &case), |bencher| {
            bencher.iter(|| metrics.prometheus_expfmt());
        });
        if size != 100_000 {
            continue;
        }

        let registry = prometheus::Registry::new();
        let vec = prometheus::CounterVec::new(prometheus_options(COUNTERS), &NAMES).expect("a vec");
        registry
            .register(Box::new(vec.clone()))
            .expect("a new name");
        for (index, labels) in label_sets(size).enumerate() {
            vec.with_label_values(&labels).inc_by(count(index) as f64);
        }
        let exposition = encode(&registry);
        assert_eq!(
            sorted(&metrics.prometheus_expfmt()),
            sorted(&exposition),
            "the same exposition"
        );
        group.bench_function(BenchmarkId::new(PROMETHEUS, &case), |bencher| {
            bencher.iter(|| encode(&registry));
        });

        let vec = measured_counters();
        for (index, [model, worker]) in label_sets(size).enumerate() {
            vec.inc_by(Series::new(&model, &worker), count(index));
        }
        let render = || {
            let mut encoder = BufferedTextEncoder::new();
            let name = MetricName::from_str(COUNTERS);
            encoder
                .write_help(name, HELP)
                .expect("memory is never full");
            vec.collect_family_into(name, &mut encoder)
                .expect("memory is never full");
            encoder.finish()
        };
        let exposition = String::from_utf8(render().to_vec()).expect("text");
        assert_eq!(
            sorted(&metrics.prometheus_expfmt()),
            sorted(exposition.trim_start()),
            "the same exposition"
        );
        group.bench_function(BenchmarkId::new(MEASURED, &case), |bencher| {
            bencher.iter(render)
        });
    }
}

fn histograms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    let case = "10000 histograms";
    let metrics = endpoint();
    let buckets = Some(BUCKETS.to_vec());
    let vec = metrics
        .create_histogramvec("request_seconds", HELP, &NAMES, &[], buckets)
        .expect("a vec");
    let options = prometheus::HistogramOpts {
        common_opts: prometheus_options(HISTOGRAMS),
        buckets: BUCKETS.to_vec(),
    };
    let registry = prometheus::Registry::new();
    let peer = prometheus::HistogramVec::new(options, &NAMES).expect("a vec");
    registry
        .register(Box::new(peer.clone()))
        .expect("a new name");
    for (index, labels) in label_sets(10_000).enumerate() {
        for repeat in 0..10 {
            let seconds = count(index * 10 + repeat) as f64 / 100_000.0;
            vec.with_label_values(&labels).observe(seconds);
            peer.with_label_values(&labels).observe(seconds);
        }
    }
    group.bench_function(BenchmarkId::new(OURS, case), |bencher| {
        bencher.iter(|| metrics.prometheus_expfmt());
    });
    group.bench_function(BenchmarkId::new(PROMETHEUS, case), |bencher| {
        bencher.iter(|| encode(&registry));
    });
}

fn encode(registry: &prometheus::Registry) -> String {
    let families = registry.gather();
    prometheus::TextEncoder::new()
        .encode_to_string(&families)
        .expect("valid families")
}

/// The lines of an exposition, whatever order its series have.
fn sorted(exposition: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = exposition.lines().collect();
    lines.sort_unstable();
    lines
}

criterion_group!(benches, counters, histograms);
criterion_main!(benches);

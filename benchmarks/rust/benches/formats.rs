//! One exposition in each format, gather included.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dynamo_benchmarks::{HELP, NAMES, OURS, count, endpoint, label_sets};

const FORMATS: [(&str, &str); 3] = [
    ("text", "text/plain"),
    ("openmetrics", "application/openmetrics-text"),
    (
        "protobuf",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
];

fn counters(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("formats");
    let metrics = endpoint();
    let vec = metrics
        .create_countervec("requests_total", HELP, &NAMES, &[])
        .expect("a vec");
    for (index, labels) in label_sets(100_000).enumerate() {
        vec.with_label_values(&labels).inc_by(count(index) as f64);
    }
    for (format, accept) in FORMATS {
        group.bench_function(BenchmarkId::new(OURS, format), |bencher| {
            bencher.iter(|| metrics.exposition(accept, "", None).expect("an exposition"));
        });
    }
}

criterion_group!(benches, counters);
criterion_main!(benches);

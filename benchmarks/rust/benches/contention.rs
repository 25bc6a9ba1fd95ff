//! What two threads lose when they update the same series: nanoseconds per update of each.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dynamo_benchmarks::{COUNTERS, HELP, OURS, PROMETHEUS, endpoint, prometheus_options};

fn contention(criterion: &mut Criterion) {
    let metrics = endpoint();
    let counter = metrics
        .create_intcounter("requests_total", HELP, &[])
        .expect("a metric");
    let float = metrics
        .create_counter("seconds_total", HELP, &[])
        .expect("a metric");
    let histogram = metrics
        .create_histogram("request_seconds", HELP, &[], None)
        .expect("a metric");
    compare(criterion, OURS, "IntCounter.inc()", || counter.inc());
    compare(criterion, OURS, "Counter.inc()", || float.inc());
    compare(criterion, OURS, "Histogram.observe(f64)", || {
        histogram.observe(0.3)
    });
    compare(
        criterion,
        OURS,
        "IntCounter.inc() and 100 ns of work",
        || {
            counter.inc();
            work();
        },
    );
    let options = prometheus_options(COUNTERS);
    let peer = prometheus::IntCounter::with_opts(options).expect("a metric");
    compare(criterion, PROMETHEUS, "IntCounter.inc()", || peer.inc());
}

/// Times an update by one thread, and by two at once.
fn compare(criterion: &mut Criterion, contender: &str, case: &str, update: impl Fn() + Sync) {
    let mut group = criterion.benchmark_group("contention");
    for (threads, number) in [(1, "one thread"), (2, "two threads")] {
        group.bench_function(
            BenchmarkId::new(contender, format!("{case}, {number}")),
            |bencher| {
                bencher.iter_custom(|iterations| timed(threads, iterations, &update));
            },
        );
    }
}

/// How long the slower one of `threads` takes for as many updates of its own.
fn timed(threads: usize, iterations: u64, update: &(impl Fn() + Sync)) -> Duration {
    let start = Barrier::new(threads);
    let run = || {
        start.wait();
        let started = Instant::now();
        for _ in 0..iterations {
            update();
        }
        started.elapsed()
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let times = running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        times.max().unwrap_or_default()
    })
}

/// About 100 ns in which nothing shared is touched: as many multiplications, each waiting for the last.
fn work() {
    let mut state = black_box(1_u64);
    for _ in 0..170 {
        state = state.wrapping_mul(6_364_136_223_846_793_005) ^ (state >> 7);
    }
    black_box(state);
}

criterion_group!(benches, contention);
criterion_main!(benches);

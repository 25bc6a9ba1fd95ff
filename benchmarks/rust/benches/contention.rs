//! What two threads lose when they update the same series: nanoseconds per update of each.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dynamo_benchmarks::{COUNTERS, HELP, OURS, PROMETHEUS, endpoint, prometheus_options};
use rustix::time::{ClockId, clock_gettime};

/// Updates of a thread in one run, short enough that most runs are not interrupted.
const UPDATES: u32 = 5_000;
/// Runs for one measurement at most.
const RUNS: usize = 20_000;

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
    let options = prometheus_options(COUNTERS);
    let peer = prometheus::IntCounter::with_opts(options).expect("a metric");
    compare(criterion, OURS, "IntCounter.inc()", || counter.inc());
    compare(criterion, PROMETHEUS, "IntCounter.inc()", || peer.inc());
    compare(criterion, OURS, "Counter.inc()", || float.inc());
    compare(criterion, OURS, "Histogram.observe(f64)", || {
        histogram.observe(0.3);
    });
    compare(criterion, OURS, "IntCounter.inc() every 100 ns", || {
        counter.inc();
        work();
    });
    compare(criterion, OURS, "Counter.inc() every 100 ns", || {
        float.inc();
        work();
    });
}

/// Times an update by one thread, and by two at once.
fn compare(criterion: &mut Criterion, contender: &str, case: &str, update: impl Fn() + Sync) {
    let mut group = criterion.benchmark_group("contention");
    for (threads, number) in [(1, "one thread"), (2, "two threads")] {
        let id = BenchmarkId::new(contender, format!("{case}, {number}"));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|iterations| timed(threads, iterations, &update));
        });
    }
}

/// How long a thread takes for so many updates while `threads` make them: of runs in which each had
/// a core throughout, since a thread that waits for one contends with nobody.
fn timed(threads: usize, iterations: u64, update: &(impl Fn() + Sync)) -> Duration {
    let wanted = iterations.div_ceil(u64::from(UPDATES)) as usize;
    let runs = (0..RUNS).filter_map(|_| run(threads, update));
    let times: Vec<Duration> = runs.take(wanted).collect();
    assert_eq!(times.len(), wanted, "{threads} idle cores are needed");
    times.iter().sum::<Duration>() / wanted as u32 * iterations as u32 / UPDATES
}

/// The time of a thread's updates, on average; `None` if one was interrupted or began late.
fn run(threads: usize, update: &(impl Fn() + Sync)) -> Option<Duration> {
    let waiting = AtomicUsize::new(threads);
    let updates = || {
        waiting.fetch_sub(1, SeqCst);
        while waiting.load(SeqCst) > 0 {
            spin_loop();
        }
        let (started, cpu) = (Instant::now(), cpu_time());
        for _ in 0..UPDATES {
            update();
        }
        (started, started.elapsed(), cpu_time() - cpu)
    };
    let ran: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(updates)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    let first = ran.iter().map(|(started, ..)| *started).min()?;
    let undisturbed = |(started, wall, cpu): &(Instant, Duration, Duration)| {
        *cpu >= *wall * 19 / 20 && *started - first <= *wall / 20
    };
    let total: Duration = ran.iter().map(|(_, wall, _)| *wall).sum();
    ran.iter().all(undisturbed).then(|| total / threads as u32)
}

/// How long this thread has run.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// About 100 ns in which nothing shared is touched: multiplications that wait for each other.
fn work() {
    let mut state = black_box(1_u64);
    for _ in 0..140 {
        state = state.wrapping_mul(6_364_136_223_846_793_005) ^ (state >> 7);
    }
    black_box(state);
}

criterion_group!(benches, contention);
criterion_main!(benches);

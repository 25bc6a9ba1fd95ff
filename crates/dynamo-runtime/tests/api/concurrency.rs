//! Concurrent updates and scrapes.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{endpoint, exposition_of};

const WRITERS: usize = 4;
const READERS: usize = 2;
const UPDATES: usize = 5_000;
const MODELS: [&str; 3] = ["llama", "qwen", "mistral"];

/// [`Exposition::parse`](super::Exposition::parse) checks that no series is duplicate and that
/// each histogram's `+Inf` bucket equals its count.
#[test]
fn no_update_is_lost_and_every_exposition_is_consistent() {
    let endpoint = endpoint();
    let metrics = endpoint.metrics();
    let counter = metrics.create_counter("counter", "C", &[]).unwrap();
    let intcounter = metrics.create_intcounter("intcounter", "C", &[]).unwrap();
    let gauge = metrics.create_gauge("gauge", "G", &[]).unwrap();
    let intgauge = metrics.create_intgauge("intgauge", "G", &[]).unwrap();
    let histogram = metrics
        .create_histogram("histogram", "H", &[], Some(vec![1.0, 2.0]))
        .unwrap();
    let by_model = metrics
        .create_intcountervec("by_model", "C", &["model"], &[])
        .unwrap();
    let timed = metrics
        .create_histogramvec("timed", "H", &["model"], &[], None)
        .unwrap();

    let start = Barrier::new(WRITERS + READERS);
    let writing = AtomicUsize::new(WRITERS);
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                start.wait();
                for update in 0..UPDATES {
                    counter.inc_by(0.5);
                    intcounter.inc();
                    gauge.add(2.0);
                    intgauge.dec();
                    histogram.observe((update % 3) as f64 + 0.5);
                    let model = [MODELS[update % MODELS.len()]];
                    by_model.with_label_values(&model).inc();
                    timed.with_label_values(&model).observe(0.25);
                }
                writing.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for _ in 0..READERS {
            scope.spawn(|| {
                start.wait();
                let mut last = [0.0; 3];
                while writing.load(Ordering::SeqCst) > 0 {
                    let exposition = exposition_of(&endpoint);
                    let value = |name: &str| exposition.value(name, &[]).unwrap_or_default();
                    let now = [
                        value("ns_comp_gen_counter"),
                        value("ns_comp_gen_intcounter"),
                        value("ns_comp_gen_histogram_count"),
                    ];
                    assert!(
                        now.iter().zip(&last).all(|(now, last)| now >= last),
                        "{last:?} {now:?}"
                    );
                    last = now;
                }
            });
        }
    });

    let all = (WRITERS * UPDATES) as f64;
    let exposition = exposition_of(&endpoint);
    let value = |name: &str| {
        exposition
            .value(&format!("ns_comp_gen_{name}"), &[])
            .unwrap()
    };
    assert_eq!(value("counter"), all / 2.0);
    assert_eq!(value("intcounter"), all);
    assert_eq!(value("gauge"), all * 2.0);
    assert_eq!(value("intgauge"), -all);
    assert_eq!(value("histogram_count"), all);
    assert_eq!(value("histogram_sum"), histogram_sum());
    let sum_of = |name: &str| -> f64 {
        let of_model =
            |model| exposition.value(&format!("ns_comp_gen_{name}"), &[("model", model)]);
        MODELS.iter().filter_map(|&model| of_model(model)).sum()
    };
    assert_eq!(sum_of("by_model"), all);
    assert_eq!(sum_of("timed_count"), all);
    assert_eq!(sum_of("timed_sum"), all / 4.0);
}

/// Sums of halves are exact in any order.
fn histogram_sum() -> f64 {
    let one: f64 = (0..UPDATES).map(|update| (update % 3) as f64 + 0.5).sum();
    one * WRITERS as f64
}

#[test]
fn threads_that_create_the_same_metric_concurrently_share_it() {
    let endpoint = endpoint();
    let start = Barrier::new(WRITERS);
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                start.wait();
                for round in 0..100 {
                    let name = format!("metric_{round}");
                    endpoint
                        .metrics()
                        .create_intcounter(&name, "C", &[])
                        .unwrap()
                        .inc();
                }
            });
        }
    });
    let exposition = exposition_of(&endpoint);
    assert_eq!(exposition.0.len(), 100);
    for (name, family) in &exposition.0 {
        assert_eq!(family.samples[0].value, WRITERS as f64, "{name}");
    }
}

#[test]
fn series_removed_and_created_again_during_a_scrape_are_shown_at_most_once() {
    let endpoint = endpoint();
    let vec = endpoint
        .metrics()
        .create_intgaugevec("churn", "G", &["id"], &[])
        .unwrap();
    let writing = AtomicUsize::new(WRITERS);
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                for round in 0..UPDATES {
                    let id = (round % 7).to_string();
                    vec.with_label_values(&[&id]).inc();
                    vec.remove_label_values(&[&id]).unwrap();
                }
                writing.fetch_sub(1, Ordering::SeqCst);
            });
        }
        scope.spawn(|| {
            while writing.load(Ordering::SeqCst) > 0 {
                exposition_of(&endpoint);
            }
        });
    });
    assert_eq!(endpoint.metrics().prometheus_expfmt(), "");
}

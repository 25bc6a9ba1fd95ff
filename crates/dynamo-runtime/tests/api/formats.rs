//! Formats other than text.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use dynamo_runtime::{
    Description, Endpoint, HistogramOptions, MetricsError, Misuse, NativeOptions,
};

use super::endpoint;
use super::proto::{self, LabelPair, MetricFamily};

const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

fn text_in(endpoint: &Endpoint, accept: &str) -> String {
    let exposition = endpoint.metrics().exposition(accept, "", None).unwrap();
    String::from_utf8(exposition.body).unwrap()
}

fn families(endpoint: &Endpoint) -> Vec<MetricFamily> {
    let exposition = endpoint.metrics().exposition(PROTOBUF, "", None).unwrap();
    proto::families(&exposition.body)
}

fn only(endpoint: &Endpoint) -> MetricFamily {
    let mut families = families(endpoint);
    assert_eq!(families.len(), 1);
    families.remove(0)
}

fn pair(name: &str, value: &str) -> LabelPair {
    LabelPair {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[test]
fn native_buckets_agree_with_the_count_while_threads_observe() {
    let endpoint = endpoint();
    let options = HistogramOptions::default()
        .buckets(vec![1.0])
        .native(NativeOptions::default().max_buckets(20));
    let histograms = endpoint
        .metrics()
        .create_histogramvec_with("h", "Help", &["thread"], &[], options)
        .unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..2 {
            let histogram = histograms.with_label_values(&["shared"]);
            let done = &done;
            scope.spawn(move || {
                let mut value = 0.001 + f64::from(thread);
                while !done.load(Relaxed) {
                    value = (value * 1.7) % 1000.0;
                    histogram.observe(value - 1.0);
                }
            });
        }
        let mut before = 0;
        for _ in 0..500 {
            let shown = only(&endpoint).metric.remove(0).histogram.unwrap();
            assert_eq!(shown.native_count(), shown.sample_count);
            let infinite = shown.bucket.last().unwrap();
            assert_eq!(infinite.cumulative_count, shown.sample_count);
            assert!(shown.sample_count >= before);
            before = shown.sample_count;
        }
        done.store(true, Relaxed);
    });
}

#[test]
fn exemplars_are_shown_with_their_samples() {
    let endpoint = endpoint();
    let metrics = endpoint.metrics();
    let trace = [("trace_id", "abc")];
    let counted = metrics
        .create_counter("counted_total", "Help", &[])
        .unwrap();
    counted.inc_by_with_exemplar(2.0, &trace).unwrap();
    let buckets = Some(vec![1.0, 10.0]);
    let observed = metrics
        .create_histogram("observed", "Help", &[], buckets)
        .unwrap();
    observed.observe_with_exemplar(5.0, &trace).unwrap();

    let [counted, observed] = families(&endpoint).try_into().unwrap();
    let counter = counted.metric[0].counter.clone().unwrap();
    let histogram = observed.metric[0].histogram.clone().unwrap();
    for (exemplar, value) in [
        (counter.exemplar, 2.0),
        (histogram.bucket[1].exemplar.clone(), 5.0),
    ] {
        let exemplar = exemplar.unwrap();
        assert_eq!(
            (exemplar.label, exemplar.value),
            (vec![pair("trace_id", "abc")], value)
        );
        let born = counter.created_timestamp.unwrap();
        assert!(exemplar.timestamp.unwrap().seconds >= born.seconds);
    }
    let exposition = text_in(&endpoint, "application/openmetrics-text");
    assert!(
        exposition.contains(" 2 # {trace_id=\"abc\"} 2 "),
        "{exposition}"
    );
    assert!(
        exposition.contains("le=\"10.0\"} 1 # {trace_id=\"abc\"} 5 "),
        "{exposition}"
    );
    assert!(!text_in(&endpoint, "").contains(" # {"));
}

#[test]
fn an_exemplar_that_is_refused_changes_nothing() {
    let endpoint = endpoint();
    let metrics = endpoint.metrics();
    let counter = metrics
        .create_intcounter("counted_total", "Help", &[])
        .unwrap();
    let long = "x".repeat(200);
    let error = counter
        .inc_by_with_exemplar(1, &[("trace_id", &long)])
        .unwrap_err();
    assert_eq!(error.reason, Misuse::ExemplarTooLong { chars: 208 });
    assert_eq!(error.metric, "ns_comp_gen_counted_total");
    assert_eq!(counter.get(), 0);
    let histogram = metrics.create_histogram("h", "Help", &[], None).unwrap();
    let error = histogram.observe_with_exemplar(f64::NAN, &[]).unwrap_err();
    assert_eq!(error.reason, Misuse::ObservedNaN);
}

#[test]
fn a_name_ends_in_its_unit() {
    let metrics = endpoint().metrics();
    let described = |unit| Description::new("Help").unit(unit);
    metrics
        .create_gauge("a_seconds", described("seconds"), &[])
        .unwrap();
    metrics
        .create_counter("b_seconds_total", described("seconds"), &[])
        .unwrap();
    assert!(matches!(
        metrics.create_gauge("c", described("seconds"), &[]),
        Err(MetricsError::Unit { .. })
    ));
}

//! Vecs, and values that metrics refuse.

use dynamo_runtime::{Misuse, UseError};

use super::endpoint;

#[test]
#[should_panic(
    expected = "metric \"ns_comp_gen_requests\": label values: 1 given, 2 expected, for [\"model\", \"size\"]"
)]
fn with_label_values_panics_if_the_count_of_values_is_wrong() {
    let metrics = endpoint().metrics();
    let requests = metrics.create_countervec("requests", "Requests", &["model", "size"], &[]);
    requests.unwrap().with_label_values(&["llama"]);
}

#[test]
fn get_metric_with_label_values_returns_the_error_instead_and_creates_nothing() {
    let endpoint = endpoint();
    let metrics = endpoint.metrics();
    let requests = metrics
        .create_countervec("requests", "Requests", &["model", "size"], &[])
        .unwrap();
    assert_eq!(
        requests
            .get_metric_with_label_values(&["llama", "7b", "x"])
            .map(drop),
        Err(UseError {
            metric: "ns_comp_gen_requests".to_owned(),
            reason: Misuse::LabelCount {
                expected: vec!["model".to_owned(), "size".to_owned()],
                given: 3,
            },
        })
    );
    assert_eq!(metrics.prometheus_expfmt(), "");
}

#[test]
fn a_vec_has_its_name_and_its_labels_in_the_order_given() {
    let metrics = endpoint().metrics();
    let labels = [("region", "us-west")];
    let memory = metrics
        .create_gaugevec("memory", "Memory", &["gpu", "type"], &labels)
        .unwrap();
    assert_eq!(memory.name(), "ns_comp_gen_memory");
    assert_eq!(memory.description(), "Memory");
    assert_eq!(memory.variable_labels(), ["gpu", "type"]);
    let last = memory.const_labels().last().unwrap();
    assert_eq!((last.0.as_str(), last.1.as_str()), labels[0]);
}

#[test]
fn debug_output_shows_the_type_and_the_name() {
    let metrics = endpoint().metrics();
    let counter = metrics.create_intcounter("counted", "C", &[]).unwrap();
    assert_eq!(format!("{counter:?}"), "IntCounter(ns_comp_gen_counted)");
    let timed = metrics
        .create_histogramvec("timed", "T", &["model"], &[], None)
        .unwrap();
    assert_eq!(format!("{timed:?}"), "HistogramVec(ns_comp_gen_timed)");
    assert_eq!(format!("{metrics:?}"), "Metrics(endpoint ns/comp/gen)");
}

#[test]
fn a_counter_refuses_negative_increments_and_a_histogram_refuses_nan() {
    let metrics = endpoint().metrics();
    let counter = metrics.create_counter("bytes", "Bytes", &[]).unwrap();
    counter.inc_by(1.5);
    let error = counter.try_inc_by(-1.0).unwrap_err();
    assert_eq!(error.reason, Misuse::BadIncrement { value: -1.0 });
    assert_eq!(
        error.to_string(),
        "metric \"ns_comp_gen_bytes\": a counter cannot be increased by -1: give a number >= 0, or use a gauge for a value that goes down"
    );
    assert!(counter.try_inc_by(f64::NAN).is_err());
    counter.inc_by(-1.0);
    assert_eq!(counter.get(), 1.5);

    let latency = metrics
        .create_histogram("latency", "Latency", &[], None)
        .unwrap();
    latency.observe(0.5);
    let error = latency.try_observe(f64::NAN).unwrap_err();
    assert_eq!(error.reason, Misuse::ObservedNaN);
    assert_eq!(error.metric, "ns_comp_gen_latency");
    latency.observe(f64::NAN);
    assert_eq!(
        (latency.get_sample_count(), latency.get_sample_sum()),
        (1, 0.5)
    );
}

#[test]
fn a_timer_observes_when_it_is_dropped() {
    let metrics = endpoint().metrics();
    let latency = metrics
        .create_histogram("latency", "Latency", &[], None)
        .unwrap();
    let fails = || -> Result<(), String> {
        let _timer = latency.start_timer();
        Err("an early way out".to_owned())
    };
    assert!(fails().is_err());
    assert_eq!(latency.get_sample_count(), 1);
    assert!(latency.get_sample_sum() >= 0.0);
}

#[test]
fn integers_saturate_at_their_limits() {
    let metrics = endpoint().metrics();
    let counter = metrics.create_intcounter("big", "Big", &[]).unwrap();
    counter.inc_by(u64::MAX);
    counter.inc();
    assert_eq!(counter.get(), u64::MAX);
    let gauge = metrics.create_intgauge("low", "Low", &[]).unwrap();
    gauge.set(i64::MIN);
    gauge.dec();
    assert_eq!(gauge.get(), i64::MIN);
}

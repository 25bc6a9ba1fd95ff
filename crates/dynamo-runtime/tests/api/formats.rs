//! Formats other than text.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use dynamo_runtime::{
    Description, Endpoint, HistogramOptions, MetricsError, NativeOptions, UseError,
};

use super::proto::{self, LabelPair, MetricFamily, MetricType};
use super::{HIERARCHY, endpoint, exposition_of};

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
fn protobuf_and_text_have_the_same_content() {
    let endpoint = endpoint();
    let metrics = endpoint.metrics();
    let sent = metrics
        .create_countervec(
            "sent_bytes_total",
            Description::new("Sent \"bytes\"\n").unit("bytes"),
            &["peer"],
            &[("region", "us-west")],
        )
        .unwrap();
    sent.with_label_values(&["ä\"\\\n"]).inc_by(2.5);
    let level = metrics.create_intgauge("level", "Level", &[]).unwrap();
    level.set(-7);
    let latency = metrics.create_histogram("latency", "Latency", &[], Some(vec![0.1, 1.0]));
    latency.unwrap().observe(0.5);

    let families = families(&endpoint);
    let names: Vec<&str> = families.iter().map(|family| family.name.as_str()).collect();
    let exposition = exposition_of(&endpoint);
    assert_eq!(
        names,
        exposition.0.keys().map(String::as_str).collect::<Vec<_>>()
    );
    let [latency, level, sent] = families.as_slice() else {
        panic!("three families");
    };

    assert_eq!(sent.r#type(), MetricType::Counter);
    assert_eq!(
        (&*sent.help, sent.unit.as_deref()),
        ("Sent \"bytes\"\n", Some("bytes"))
    );
    let mut labels: Vec<LabelPair> = HIERARCHY
        .iter()
        .map(|(name, value)| pair(name, value))
        .collect();
    labels.extend([pair("peer", "ä\"\\\n"), pair("region", "us-west")]);
    assert_eq!(sent.metric[0].label, labels);
    assert_eq!(sent.metric[0].counter.as_ref().unwrap().value, 2.5);

    assert_eq!((level.r#type(), &level.unit), (MetricType::Gauge, &None));
    assert_eq!(level.metric[0].gauge.unwrap().value, -7.0);

    assert_eq!(latency.r#type(), MetricType::Histogram);
    let histogram = latency.metric[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.sample_count, histogram.sample_sum), (1, 0.5));
    let buckets: Vec<_> = histogram
        .bucket
        .iter()
        .map(|bucket| (bucket.upper_bound, bucket.cumulative_count))
        .collect();
    assert_eq!(buckets, [(0.1, 0), (1.0, 1), (f64::INFINITY, 1)]);
    assert_eq!(histogram.schema, None);
}

#[test]
fn a_native_histogram_has_classic_buckets_only_if_they_are_given() {
    for (options, bounds) in [
        (HistogramOptions::default(), 0),
        (HistogramOptions::default().buckets(vec![1.0]), 2),
    ] {
        let endpoint = endpoint();
        let options = options.native(NativeOptions::default().schema(0).zero_threshold(0.5));
        let metrics = endpoint.metrics();
        let histogram = metrics
            .create_histogram_with("h", "Help", &[], options)
            .unwrap();
        for value in [0.25, -3.0, 4.0, 5.0, 5.0] {
            histogram.observe(value);
        }
        let shown = only(&endpoint).metric.remove(0).histogram.unwrap();
        assert_eq!(shown.bucket.len(), bounds);
        assert_eq!((shown.schema, shown.zero_threshold), (Some(0), 0.5));
        assert_eq!(shown.zero_count, 1);
        // Bucket 2 ends at 4, bucket 3 at 8.
        let spans = |spans: &[proto::BucketSpan]| -> Vec<_> {
            spans
                .iter()
                .map(|span| (span.offset, span.length))
                .collect()
        };
        assert_eq!(spans(&shown.positive_span), [(2, 2)]);
        assert_eq!(shown.positive_delta, [1, 1]);
        assert_eq!(spans(&shown.negative_span), [(2, 1)]);
        assert_eq!(shown.negative_delta, [1]);
        assert_eq!((shown.sample_count, shown.native_count()), (5, 5));
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
    assert_eq!(
        counter.inc_by_with_exemplar(1, &[("trace_id", &long)]),
        Err(UseError::ExemplarTooLong { chars: 208 })
    );
    assert_eq!(counter.get(), 0);
    let histogram = metrics.create_histogram("h", "Help", &[], None).unwrap();
    assert_eq!(
        histogram.observe_with_exemplar(f64::NAN, &[]),
        Err(UseError::ObservedNaN)
    );
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

#[test]
fn responses_are_compressed_by_accept_encoding() {
    let endpoint = endpoint();
    endpoint
        .metrics()
        .create_gauge("level", "Level", &[])
        .unwrap();
    let exposition = |coding| endpoint.metrics().exposition("", coding, None).unwrap();
    let plain = exposition("");
    assert_eq!(
        plain.content_type,
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(plain.content_encoding, None);
    let packed = exposition("zstd");
    assert_eq!(packed.content_encoding, Some("zstd"));
    assert_eq!(
        zstd::decode_all(packed.body.as_slice()).unwrap(),
        plain.body
    );
    assert_eq!(exposition("gzip").content_encoding, Some("gzip"));
}

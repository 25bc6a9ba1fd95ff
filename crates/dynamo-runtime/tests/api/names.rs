//! The names of metrics, and their labels.

use dynamo_runtime::{MetricsError, Name, NameStyle};

use super::{HIERARCHY, endpoint, exposition_of, runtime_with};

#[test]
fn an_absolute_name_is_kept_in_both_styles_and_gets_the_labels() {
    for style in [NameStyle::Hierarchy, NameStyle::Component] {
        let runtime = runtime_with(|config| config.name_style = style);
        let endpoint = runtime.namespace("ns").component("comp").endpoint("gen");
        let name = Name::Absolute("vllm:num_requests_running");
        let gauge = endpoint
            .metrics()
            .create_intgauge(name, "Running", &[])
            .unwrap();
        assert_eq!(gauge.name(), "vllm:num_requests_running");
        assert_eq!(
            exposition_of(&endpoint).value(gauge.name(), &HIERARCHY),
            Some(0.0)
        );
    }
}

#[test]
fn nodes_with_the_same_path_are_equal_and_a_dotted_namespace_is_nested() {
    let runtime = runtime_with(|_| ());
    let nested = runtime.namespace("ns1").namespace("ns2").component("c");
    assert_eq!(runtime.namespace("ns1.ns2").component("c"), nested);
    assert_ne!(
        runtime.namespace("a_b").component("c"),
        runtime.namespace("a").component("b_c")
    );
    let gauge = nested.metrics().create_gauge("up", "Up", &[]).unwrap();
    assert_eq!(gauge.name(), "ns1_ns2_c_up");
    assert_eq!(
        gauge.const_labels()[0],
        ("dynamo_namespace".to_owned(), "ns1.ns2".to_owned())
    );
}

#[test]
fn an_empty_part_of_the_path_fails_the_first_metric_below_it() {
    let runtime = runtime_with(|_| ());
    let endpoint = runtime.namespace("ns").component("").endpoint("gen");
    let error = endpoint
        .metrics()
        .create_gauge("up", "Up", &[])
        .unwrap_err();
    assert_eq!(error, MetricsError::EmptyPathPart { level: "component" });
}

#[test]
fn reserved_repeated_and_invalid_labels_are_refused_by_name() {
    let metrics = endpoint().metrics();
    for label in ["dynamo_namespace", "le", "quantile", "__name__"] {
        let error = metrics
            .create_gauge("up", "Up", &[(label, "x")])
            .unwrap_err();
        assert!(
            matches!(&error, MetricsError::ReservedLabel { label: l, .. } if l == label),
            "{error}"
        );
        let error = metrics
            .create_gaugevec("up", "Up", &[label], &[])
            .unwrap_err();
        assert!(
            matches!(&error, MetricsError::ReservedLabel { label: l, .. } if l == label),
            "{error}"
        );
    }
    let error = metrics
        .create_gaugevec("up", "Up", &["a"], &[("a", "x")])
        .unwrap_err();
    assert!(
        matches!(error, MetricsError::DuplicateLabel { .. }),
        "{error}"
    );
    let error = metrics
        .create_gauge("up", "Up", &[("gpu-id", "x")])
        .unwrap_err();
    assert!(matches!(error, MetricsError::LabelName { .. }), "{error}");
    let error = metrics.create_gaugevec("up", "Up", &[], &[]).unwrap_err();
    assert!(
        matches!(error, MetricsError::NoLabelNames { .. }),
        "{error}"
    );
}

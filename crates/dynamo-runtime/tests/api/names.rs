//! The names of metrics, and their labels.

use dynamo_runtime::{MetricsError, Name, NameStyle};

use super::{HIERARCHY, endpoint, exposition_of, runtime_with};

#[test]
fn the_component_style_has_the_names_of_dynamo_0_8() {
    let runtime = runtime_with(|config| config.name_style = NameStyle::Component);
    let endpoint = runtime.namespace("ns").component("comp").endpoint("gen");
    let counter = endpoint
        .metrics()
        .create_counter("requests_total", "Requests", &[])
        .unwrap();
    assert_eq!(counter.name(), "dynamo_component_requests_total");
    assert_eq!(
        exposition_of(&endpoint).value("dynamo_component_requests_total", &HIERARCHY),
        Some(0.0)
    );
}

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
fn name_is_the_exposed_name_with_sanitised_parts_and_labels_have_the_names_as_given() {
    let runtime = runtime_with(|_| ());
    let endpoint = runtime
        .namespace("my-ns")
        .component("1gen")
        .endpoint("gen/v1");
    let counter = endpoint
        .metrics()
        .create_intcounter("requests total", "Requests", &[])
        .unwrap();
    assert_eq!(counter.name(), "my_ns__1gen_gen_v1_requests_total");
    let labels = [
        ("dynamo_namespace", "my-ns"),
        ("dynamo_component", "1gen"),
        ("dynamo_endpoint", "gen/v1"),
    ];
    assert_eq!(
        exposition_of(&endpoint).value(counter.name(), &labels),
        Some(0.0)
    );
}

#[test]
fn label_values_and_descriptions_parse_to_the_values_given() {
    let odd = "quote \" backslash \\ line\nfeed, é 漢 }";
    let endpoint = endpoint();
    let metrics = endpoint.metrics();
    let gauge = metrics
        .create_gaugevec("odd", odd, &["value"], &[("constant", odd)])
        .unwrap();
    gauge.with_label_values(&[odd]).set(f64::NEG_INFINITY);
    let exposition = exposition_of(&endpoint);
    assert_eq!(exposition.0["ns_comp_gen_odd"].help, odd);
    let labels = [("value", odd), ("constant", odd)];
    assert_eq!(
        exposition.value("ns_comp_gen_odd", &labels),
        Some(f64::NEG_INFINITY)
    );
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

//! Which metrics may share a name, and the errors of those that may not.

use dynamo_runtime::binding::RuntimeExt;
use dynamo_runtime::metrics::{Difference, Kind};
use dynamo_runtime::{Config, DistributedRuntime, Metrics, MetricsError, Name, NameStyle};

use super::{HIERARCHY, endpoint, runtime_with};

/// The difference in a conflict. Checks that the error names both owners.
fn difference<T>(created: Result<T, MetricsError>) -> Difference {
    match created.map(drop).unwrap_err() {
        MetricsError::Conflict {
            owner,
            other_owner,
            difference,
            ..
        } => {
            assert_eq!(
                [owner, other_owner],
                ["endpoint ns/comp/gen", "endpoint ns/comp/gen"]
            );
            *difference
        }
        other => panic!("no conflict: {other}"),
    }
}

fn taken_by_a_counter() -> Metrics {
    let metrics = endpoint().metrics();
    metrics.create_counter("taken", "Taken", &[]).unwrap();
    metrics
}

#[test]
fn another_kind_description_or_list_of_buckets_is_a_conflict() {
    let metrics = taken_by_a_counter();
    assert_eq!(
        difference(metrics.create_gauge("taken", "Taken", &[("a", "1")])),
        Difference::Kind {
            new: Kind::Gauge,
            existing: Kind::Counter
        }
    );
    assert_eq!(
        difference(metrics.create_counter("taken", "Other", &[("a", "1")])),
        Difference::Help {
            new: "Other".to_owned(),
            existing: "Taken".to_owned()
        }
    );
    metrics
        .create_histogram("timed", "Timed", &[], Some(vec![1.0, 2.0]))
        .unwrap();
    assert_eq!(
        difference(metrics.create_histogram("timed", "Timed", &[], Some(vec![1.0, 3.0]))),
        Difference::Buckets {
            new: "[1.0, 3.0]".to_owned(),
            existing: "[1.0, 2.0]".to_owned()
        }
    );
}

#[test]
fn two_metrics_that_could_write_the_same_series_conflict() {
    let metrics = taken_by_a_counter();
    assert_eq!(
        difference(metrics.create_intcounter("taken", "Taken", &[])),
        Difference::SameSeries {
            new: "IntCounter",
            existing: "Counter",
            label_names: HIERARCHY.map(|(name, _)| name.to_owned()).to_vec(),
        }
    );
    metrics
        .create_counter("by_model", "By model", &[("model", "llama")])
        .unwrap();
    metrics
        .create_counter("by_model", "By model", &[("model", "qwen")])
        .unwrap();
    let vec = metrics.create_countervec("by_model", "By model", &["model"], &[]);
    assert!(matches!(difference(vec), Difference::SameSeries { .. }));
}

#[test]
fn a_name_that_is_a_sample_name_of_a_histogram_conflicts_in_either_order() {
    for suffix in ["_bucket", "_sum", "_count"] {
        let taken = Difference::SampleName {
            kind: Kind::Histogram,
            family: "ns_comp_gen_timed".to_owned(),
            suffix,
        };
        let metrics = endpoint().metrics();
        metrics
            .create_histogram("timed", "Timed", &[], None)
            .unwrap();
        let name = format!("timed{suffix}");
        assert_eq!(difference(metrics.create_gauge(&name, "Late", &[])), taken);

        let metrics = endpoint().metrics();
        metrics.create_gauge(&name, "Early", &[]).unwrap();
        assert_eq!(
            difference(metrics.create_histogram("timed", "Timed", &[], None)),
            taken
        );
    }
}

#[test]
fn a_conflict_across_nodes_names_both_owners_and_the_remedy() {
    let runtime = runtime_with(|_| ());
    let name = Name::Absolute("shared");
    let namespace = runtime.namespace("ns");
    namespace
        .metrics()
        .create_counter(name, "Shared", &[])
        .unwrap();
    let error = namespace
        .component("comp")
        .metrics()
        .create_gauge(name, "Shared", &[])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "metric \"shared\" of component ns/comp conflicts with the one of namespace ns: \
         this is a gauge, that a counter; use another name"
    );
}

#[test]
fn a_reserved_name_is_refused_to_a_metric_and_to_its_samples() {
    let runtime = DistributedRuntime::with_config(Config::default()).unwrap();
    let metrics = runtime.metrics();
    let names = ["taken", "wait_count"].map(str::to_owned);
    runtime.reserve_names(names, "it is another program's; choose another name");
    let refused = metrics.create_counter("taken", "help", &[]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "metric \"taken\" of the runtime cannot be created: the name \"taken\" is reserved: it is another program's; choose another name"
    );
    let refused = metrics.create_histogram("wait", "help", &[], None);
    assert!(matches!(
        refused.unwrap_err(),
        MetricsError::Reserved { name, .. } if name == "wait_count"
    ));
    metrics.create_gauge("wait", "help", &[]).unwrap();
}

#[test]
fn constant_and_variable_labels_of_the_same_names_conflict_if_a_series_fits_both() {
    let metrics = endpoint().metrics();
    let vec = |names: &[&str], labels: &[(&str, &str)]| {
        metrics.create_countervec("x_total", "X", names, labels)
    };
    vec(&["b"], &[("a", "1"), ("c", "1")]).unwrap();
    vec(&["b"], &[("a", "2"), ("c", "1")]).unwrap();
    // Each of these has another set of constant labels.
    assert!(vec(&["a"], &[("b", "x"), ("c", "1")]).is_err());
    assert!(vec(&["a", "b"], &[("c", "1")]).is_err());
    let other = vec(&["a", "b"], &[("c", "2")]).unwrap();
    assert!(vec(&["a", "c"], &[("b", "x")]).is_err());
    assert!(vec(&["b"], &[("a", "3"), ("c", "2")]).is_err());
    // Once a metric is unregistered, its series are free.
    assert!(metrics.unregister(&other));
    vec(&["b"], &[("a", "3"), ("c", "2")]).unwrap();
}

#[test]
fn any_number_of_metrics_share_a_family_at_the_same_cost_each() {
    let runtime = runtime_with(|config| config.name_style = NameStyle::Component);
    let component = runtime.namespace("ns").component("comp");
    let times: Vec<_> = (0..40)
        .map(|block| {
            let began = std::time::Instant::now();
            for number in 0..500 {
                component
                    .endpoint(&format!("e{block}_{number}"))
                    .metrics()
                    .create_intcounter("requests_total", "Requests", &[])
                    .unwrap();
            }
            began.elapsed()
        })
        .collect();
    // The least of ten, so that other programs do not count. Each against all before it would take the
    // last ones sixty times as long as the first.
    let least = |blocks: &[std::time::Duration]| blocks.iter().min().copied().unwrap();
    assert!(least(&times[30..]) < 10 * least(&times[..10]));
}

#[test]
fn a_summary_has_sample_names_too_and_part_of_the_labels_removes_series() {
    let metrics = endpoint().metrics();
    let sizes = metrics
        .create_summaryvec("size", "Size", &["tenant", "route"], &[])
        .unwrap();
    assert!(metrics.create_gauge("size_sum", "Taken", &[]).is_err());
    for (tenant, route) in [("a", "x"), ("a", "y"), ("b", "x")] {
        sizes.with_label_values(&[tenant, route]).observe(2.0);
    }
    assert_eq!(sizes.remove_matching(&[("tenant", "a")]), Ok(2));
    assert_eq!(sizes.remove_matching(&[("tenant", "a")]), Ok(0));
    assert!(sizes.remove_matching(&[("model", "a")]).is_err());
    assert_eq!(sizes.with_label_values(&["b", "x"]).get_sample_sum(), 2.0);
}

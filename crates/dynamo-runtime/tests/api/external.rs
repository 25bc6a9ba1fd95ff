//! External expositions from Rust callbacks.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use dynamo_runtime::{ExternalOptions, MetricsError};

use super::{endpoint, runtime_with};

const ENGINE: &str = "\
# HELP vllm:tokens_total Tokens
# TYPE vllm:tokens_total counter
vllm:tokens_total{engine=\"0\"} 5
# HELP python_info Python
# TYPE python_info gauge
python_info 1
";

fn pairs(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    labels.iter().map(owned).collect()
}

#[test]
fn options_select_families_and_add_labels() {
    let endpoint = endpoint();
    let options = ExternalOptions::default()
        .prefixes(vec!["vllm:".into(), "python_".into()])
        .exclude(vec!["python_".into()])
        .labels(pairs(&[("engine", "added"), ("model", "llama")]));
    let metrics = endpoint.metrics();
    let callback = || ENGINE.to_owned();
    metrics
        .register_prometheus_expfmt_callback(callback, options)
        .unwrap();
    assert_eq!(
        metrics.prometheus_expfmt(),
        "# HELP vllm:tokens_total Tokens\n# TYPE vllm:tokens_total counter\nvllm:tokens_total{engine=\"0\",model=\"llama\"} 5\n"
    );
}

#[test]
fn labels_that_cannot_be_added_are_refused() {
    let metrics = endpoint().metrics();
    for label in ["le", "quantile", "__x", "a-b", ""] {
        let options = ExternalOptions::default().labels(pairs(&[(label, "x")]));
        let error = metrics
            .register_prometheus_expfmt_callback(String::new, options)
            .unwrap_err();
        assert_eq!(
            error,
            MetricsError::AddedLabel {
                label: label.to_owned()
            }
        );
    }
}

#[test]
fn the_last_exposition_of_a_callback_that_panics_is_shown() {
    let runtime = runtime_with(|_| ());
    let metrics = runtime.metrics();
    let calls = AtomicU32::new(0);
    let callback = move || match calls.fetch_add(1, Relaxed) {
        0 => "other 1\n".to_owned(),
        _ => panic!("on purpose"),
    };
    metrics
        .register_prometheus_expfmt_callback(callback, ExternalOptions::default())
        .unwrap();
    for errors in [0, 1] {
        let exposition = metrics.prometheus_expfmt();
        assert!(exposition.contains("\nother 1\n"), "{exposition}");
        let counted = format!("\ndynamo_runtime_callback_errors_total {errors}\n");
        assert!(exposition.contains(&counted), "{exposition}");
    }
}

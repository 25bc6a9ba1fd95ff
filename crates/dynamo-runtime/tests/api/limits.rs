//! Series limits and idle timeouts of vecs.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use super::{endpoint, exposition_of, runtime_with};

const OVERFLOW: &str = "__overflow__";

#[test]
fn updates_beyond_a_limit_are_counted_in_the_overflow_series() {
    let runtime = runtime_with(|config| config.max_series = 2);
    let requests = runtime
        .metrics()
        .create_intcountervec("requests", "Requests", &["model"], &[])
        .unwrap();
    for model in ["a", "b", "c", "d", "c"] {
        requests.with_label_values(&[model]).inc();
    }
    let exposition = super::Exposition::parse(&runtime.metrics().prometheus_expfmt()).unwrap();
    let value = |model| exposition.value("requests", &[("model", model)]);
    assert_eq!(
        (value("a"), value("b"), value("c")),
        (Some(1.0), Some(1.0), None)
    );
    assert_eq!(value(OVERFLOW), Some(3.0));
    assert_eq!(
        exposition.value(
            "dynamo_runtime_series_overflow_total",
            &[("metric", "requests")]
        ),
        Some(3.0)
    );
    requests.set_max_series(NonZeroUsize::new(3));
    requests.with_label_values(&["e"]).inc();
    requests.set_max_series(None);
    requests.with_label_values(&["f"]).inc();
    let exposition = super::Exposition::parse(&runtime.metrics().prometheus_expfmt()).unwrap();
    for model in ["e", "f"] {
        assert_eq!(exposition.value("requests", &[("model", model)]), Some(1.0));
    }
}

#[test]
fn an_idle_series_that_is_held_reappears_with_its_value() {
    let endpoint = endpoint();
    let levels = endpoint
        .metrics()
        .create_intgaugevec("level", "Level", &["room"], &[])
        .unwrap();
    levels.set_idle_timeout(Some(Duration::from_micros(1)));
    let held = levels.with_label_values(&["held"]);
    held.set(5);
    levels.with_label_values(&["let go"]).set(6);
    while !exposition_of(&endpoint).0.is_empty() {
        thread::yield_now();
    }
    held.inc();
    let exposition = exposition_of(&endpoint);
    assert_eq!(exposition.0["ns_comp_gen_level"].samples.len(), 1);
    assert_eq!(
        exposition.value("ns_comp_gen_level", &[("room", "held")]),
        Some(6.0)
    );
}

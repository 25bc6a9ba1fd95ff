//! How many series a vec may have, and for how long.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use super::{endpoint, page_of, runtime_with};

const OVERFLOW: &str = "__overflow__";

#[test]
fn what_comes_beyond_a_limit_is_counted_in_one_more_series() {
    let runtime = runtime_with(|config| config.max_series = 2);
    let requests = runtime
        .metrics()
        .create_intcountervec("requests", "Requests", &["model"], &[])
        .unwrap();
    for model in ["a", "b", "c", "d", "c"] {
        requests.with_label_values(&[model]).inc();
    }
    let page = super::Page::parse(&runtime.metrics().prometheus_expfmt()).unwrap();
    let value = |model| page.value("requests", &[("model", model)]);
    assert_eq!(
        (value("a"), value("b"), value("c")),
        (Some(1.0), Some(1.0), None)
    );
    assert_eq!(value(OVERFLOW), Some(3.0));
    assert_eq!(
        page.value(
            "dynamo_runtime_series_overflow_total",
            &[("metric", "requests")]
        ),
        Some(3.0)
    );
    requests.set_max_series(NonZeroUsize::new(3));
    requests.with_label_values(&["e"]).inc();
    requests.set_max_series(None);
    requests.with_label_values(&["f"]).inc();
    let page = super::Page::parse(&runtime.metrics().prometheus_expfmt()).unwrap();
    for model in ["e", "f"] {
        assert_eq!(page.value("requests", &[("model", model)]), Some(1.0));
    }
}

#[test]
fn a_series_held_comes_back_with_its_value() {
    let endpoint = endpoint();
    let levels = endpoint
        .metrics()
        .create_intgaugevec("level", "Level", &["room"], &[])
        .unwrap();
    levels.set_idle_timeout(Some(Duration::from_micros(1)));
    let held = levels.with_label_values(&["held"]);
    held.set(5);
    levels.with_label_values(&["let go"]).set(6);
    while !page_of(&endpoint).0.is_empty() {
        thread::yield_now();
    }
    held.inc();
    let page = page_of(&endpoint);
    assert_eq!(page.0["ns_comp_gen_level"].samples.len(), 1);
    assert_eq!(
        page.value("ns_comp_gen_level", &[("room", "held")]),
        Some(6.0)
    );
}

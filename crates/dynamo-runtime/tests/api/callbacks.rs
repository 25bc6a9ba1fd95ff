//! Update callbacks, on the Rust side.

use std::sync::{Arc, Mutex};

use super::{endpoint, page_of, runtime_with};

#[test]
fn callbacks_run_once_for_each_page_in_the_order_registered() {
    let endpoint = endpoint();
    let calls = Arc::new(Mutex::new(Vec::new()));
    for name in ["first", "second"] {
        let calls = Arc::clone(&calls);
        let call = move || calls.lock().unwrap().push(name);
        endpoint.metrics().register_callback(call).unwrap();
    }
    page_of(&endpoint);
    assert_eq!(*calls.lock().unwrap(), ["first", "second"]);
    page_of(&endpoint);
    assert_eq!(calls.lock().unwrap().len(), 4);
}

#[test]
fn what_a_callback_sets_is_on_the_page_that_it_ran_for() {
    let endpoint = endpoint();
    let pages = endpoint
        .metrics()
        .create_intgauge("pages", "Pages so far", &[])
        .unwrap();
    endpoint
        .metrics()
        .register_callback(move || pages.inc())
        .unwrap();
    for count in [1.0, 2.0] {
        assert_eq!(
            page_of(&endpoint).value("ns_comp_gen_pages", &[]),
            Some(count)
        );
    }
}

#[test]
fn a_page_of_a_node_runs_the_callbacks_of_what_is_below_it_and_no_others() {
    let runtime = runtime_with(|_| ());
    let calls = Arc::new(Mutex::new(Vec::new()));
    for name in ["a", "b"] {
        let calls = Arc::clone(&calls);
        let call = move || calls.lock().unwrap().push(name);
        let component = runtime.namespace("ns").component(name);
        component.metrics().register_callback(call).unwrap();
    }
    runtime
        .namespace("ns")
        .component("a")
        .metrics()
        .prometheus_expfmt();
    assert_eq!(*calls.lock().unwrap(), ["a"]);
    runtime.metrics().prometheus_expfmt();
    assert_eq!(*calls.lock().unwrap(), ["a", "a", "b"]);
}

#[test]
fn an_unregistered_callback_runs_no_more() {
    let endpoint = endpoint();
    let pages = endpoint
        .metrics()
        .create_intcounter("pages", "Pages so far", &[])
        .unwrap();
    let counted = pages.clone();
    let handle = endpoint
        .metrics()
        .register_callback(move || counted.inc())
        .unwrap();
    page_of(&endpoint);
    assert!(handle.unregister());
    assert!(!handle.unregister());
    page_of(&endpoint);
    assert_eq!(pages.get(), 1);
}

#[test]
fn a_callback_that_panics_is_counted_and_the_others_still_run() {
    let runtime = runtime_with(|_| ());
    let metrics = runtime.metrics();
    let after = metrics
        .create_intcounter("after", "Runs after the panic", &[])
        .unwrap();
    metrics.register_callback(|| panic!("on purpose")).unwrap();
    metrics.register_callback(move || after.inc()).unwrap();
    for count in [1.0, 2.0] {
        let text = metrics.prometheus_expfmt();
        let page = super::Page::parse(&text).unwrap();
        assert_eq!(page.value("after", &[]), Some(count));
        assert_eq!(
            page.value("dynamo_runtime_callback_errors_total", &[]),
            Some(count)
        );
    }
}

#[test]
fn a_page_asked_for_inside_a_callback_runs_no_callbacks() {
    let endpoint = endpoint();
    let inner = Arc::new(Mutex::new(None));
    let (seen, node) = (Arc::clone(&inner), endpoint.clone());
    let call = move || *seen.lock().unwrap() = Some(node.metrics().prometheus_expfmt());
    let handle = endpoint.metrics().register_callback(call).unwrap();
    page_of(&endpoint);
    assert_eq!(inner.lock().unwrap().take().as_deref(), Some(""));
    handle.unregister();
}

//! Callbacks that are Rust functions.

use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::{endpoint, exposition_of, runtime_with};

#[test]
fn an_unregistered_callback_does_not_run() {
    let endpoint = endpoint();
    let expositions = endpoint
        .metrics()
        .create_intcounter("expositions", "Expositions so far", &[])
        .unwrap();
    let counted = expositions.clone();
    let handle = endpoint
        .metrics()
        .register_callback(move || counted.inc())
        .unwrap();
    exposition_of(&endpoint);
    assert!(handle.unregister());
    assert!(!handle.unregister());
    exposition_of(&endpoint);
    assert_eq!(expositions.get(), 1);
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
        let exposition = super::Exposition::parse(&text).unwrap();
        assert_eq!(exposition.value("after", &[]), Some(count));
        assert_eq!(
            exposition.value("dynamo_runtime_callback_errors_total", &[]),
            Some(count)
        );
    }
}

#[test]
fn a_callback_that_hangs_starves_no_other() {
    let runtime = runtime_with(|config| config.callback_timeout = Duration::from_millis(100));
    let metrics = runtime.metrics();
    let calls = metrics
        .create_intcounter("calls", "Calls behind the one that hangs", &[])
        .unwrap();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    metrics
        .register_callback(move || {
            let _ = released.lock().unwrap().recv();
        })
        .unwrap();
    let counted = calls.clone();
    metrics.register_callback(move || counted.inc()).unwrap();
    metrics.prometheus_expfmt();
    while calls.get() == 0 {
        thread::yield_now();
    }
    for count in [2.0, 3.0] {
        let exposition = super::Exposition::parse(&metrics.prometheus_expfmt()).unwrap();
        assert_eq!(exposition.value("calls", &[]), Some(count));
        for (counter, expected) in [
            ("dynamo_runtime_callback_timeouts_total", count),
            ("dynamo_runtime_callback_not_reached_total", 1.0),
        ] {
            assert_eq!(exposition.value(counter, &[]), Some(expected), "{counter}");
        }
    }
    drop(release);
}

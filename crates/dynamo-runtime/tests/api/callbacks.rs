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
    let runtime = runtime_with(|config| config.callback_timeout = Duration::from_millis(300));
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
    let values = |timeout| {
        let body = metrics.exposition("", "", timeout).unwrap().body;
        let exposition = super::Exposition::parse(std::str::from_utf8(&body).unwrap()).unwrap();
        [
            "dynamo_runtime_callback_timeouts_total",
            "dynamo_runtime_callback_not_reached_total",
            "calls",
        ]
        .map(|name| exposition.value(name, &[]).unwrap())
    };
    let [timeouts, not_reached, _] = values(Some(Duration::from_millis(100)));
    assert_eq!(timeouts + not_reached, 2.0);
    while calls.get() == 0 {
        thread::yield_now();
    }
    // The one that hangs has lost its thread: the others have all of their time.
    for scrapes in [1.0, 2.0] {
        assert_eq!(
            values(None),
            [timeouts + scrapes, not_reached, 1.0 + scrapes]
        );
    }
    drop(release);
}

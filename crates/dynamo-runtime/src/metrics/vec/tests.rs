use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::super::children::OVERFLOW;
use super::super::collector::{Collector, Cursor};
use super::super::counter::CounterCell;
use super::super::desc::Desc;
use super::super::registry::Registry;
use super::*;

/// A vec and its registry.
fn vec() -> (VecCore<CounterCell<u64>>, Registry) {
    let registry = Registry::new(0, Vec::new());
    let desc = Arc::new(Desc::counter_vec());
    (VecCore::new(desc, (), &registry), registry)
}

/// Lists the series two at a time; `between` runs after the first two.
fn listed(vec: &VecCore<CounterCell<u64>>, between: impl FnOnce()) -> Vec<String> {
    let mut labels = Vec::new();
    let mut between = Some(between);
    let mut at = Some(Cursor::START);
    while let Some(cursor) = at {
        at = vec.visit(cursor, 2, &mut |point| {
            labels.push(String::from_utf8(point.labels.text().to_vec()).unwrap());
        });
        if let Some(between) = between.take() {
            between();
        }
    }
    labels
}

#[test]
fn a_series_removed_and_created_again_during_a_listing_is_listed_once() {
    let (vec, _registry) = vec();
    let create = || {
        for value in ["1", "2", "3"] {
            vec.find_or_create(&[value]);
        }
    };
    create();
    let recreate = || {
        drop(write(&vec.children).take());
        create();
    };
    assert_eq!(listed(&vec, recreate), ["a=\"1\"", "a=\"2\""]);
    assert_eq!(listed(&vec, || ()), ["a=\"1\"", "a=\"2\"", "a=\"3\""]);
}

#[test]
fn a_listing_ends_though_series_are_created_all_the_time() {
    let (vec, _registry) = vec();
    vec.find_or_create(&["1"]);
    vec.find_or_create(&["2"]);
    let create = || {
        vec.find_or_create(&["3"]);
    };
    assert_eq!(listed(&vec, create), ["a=\"1\"", "a=\"2\""]);
}

#[test]
fn a_full_vec_counts_further_updates_in_the_overflow_series() {
    let (vec, _registry) = vec();
    vec.max_series.store(2, Relaxed);
    for value in ["1", "2", "3", "4", "3"] {
        vec.find_or_create(&[value]).update().inc();
    }
    assert_eq!(
        listed(&vec, || ()),
        ["a=\"1\"", "a=\"2\"", "a=\"__overflow__\""]
    );
    let overflow = vec.find_or_create(&[OVERFLOW]);
    assert_eq!(overflow.cell().get(), 3);
    write(&vec.children).remove(&["1"]);
    vec.find_or_create(&["5"]);
    assert_eq!(listed(&vec, || ()).last().unwrap(), "a=\"5\"");
}

#[test]
fn idle_series_expire_and_held_ones_reappear_with_their_value() {
    let (vec, _registry) = vec();
    vec.idle_timeout.store(1, Relaxed);
    let held = vec.find_or_create(&["held"]);
    held.update().inc();
    vec.find_or_create(&["released"]).update().inc();
    assert_eq!(listed(&vec, || ()).len(), 2);
    // A listing leaves out idle series, and the next expiry removes those without a handle.
    let is_kept = || read(&vec.children).get(&["released"]).is_some();
    while is_kept() || !listed(&vec, || ()).is_empty() {
        std::thread::yield_now();
        vec.expire();
    }
    held.update().inc();
    vec.with(&["held"], |series| series.update().inc());
    assert_eq!(listed(&vec, || ()), ["a=\"held\""]);
    assert_eq!(held.cell().get(), 3);
}

#[test]
fn a_look_up_of_an_expired_series_creates_a_new_one() {
    let (vec, _registry) = vec();
    let value = |vec: &VecCore<CounterCell<u64>>| {
        vec.with(&["1"], |series| {
            series.update().inc();
            series.cell().get()
        })
    };
    assert_eq!((value(&vec), value(&vec)), (1, 2));
    vec.idle_timeout.store(1, Relaxed);
    // A listing measures the time. Nothing has been removed yet.
    while !listed(&vec, || ()).is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(value(&vec), 1);
}

#[test]
fn an_expired_series_of_a_full_vec_is_replaced_within_the_limit() {
    let (vec, _registry) = vec();
    vec.max_series.store(1, Relaxed);
    for value in ["1", "2"] {
        vec.find_or_create(&[value]).update().inc();
    }
    vec.idle_timeout.store(1, Relaxed);
    while !listed(&vec, || ()).is_empty() {
        std::thread::yield_now();
    }
    vec.with(&["1"], |series| series.update().inc());
    assert_eq!(listed(&vec, || ()), ["a=\"1\""]);
}

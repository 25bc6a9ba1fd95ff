//! What a view shows of the values of several members.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use super::{Folder, NoOwner, Random, registry, single, text, with};
use crate::metrics::histogram::{HistogramCell, HistogramOptions};
use crate::metrics::native::NativeOptions;
use crate::metrics::{
    Across, CounterCell, Cursor, Description, Exemplar, GaugeCell, KeepAlive, Metric, Path,
};
use crate::shared::directory::MEMBER;
use crate::shared::group::Group;
use crate::shared::table::Sum;

#[test]
fn counters_and_histograms_are_sums_and_survive_their_processes() {
    let folder = Folder::new();
    let (first, second) = (folder.join(), folder.join());
    for (group, by) in [(first, 2), (second, 3)] {
        let registry = registry(group);
        single::<CounterCell<u64>>(&registry, "c", ())
            .update()
            .add(by);
        single::<CounterCell<f64>>(&registry, "f", ())
            .update()
            .add(0.1);
        let histogram = single::<HistogramCell>(&registry, "h", Some(vec![1.0]).into());
        histogram.update().add(0.5);
        histogram.update().add(4.0);
        std::mem::forget(registry);
    }
    let expected = "c{a=\"b\"} 5\nf{a=\"b\"} 0.2\nh{a=\"b\"} [2, 4] 9.0 None\n";
    assert_eq!(text(first), expected);
    folder.kill(second);
    assert_eq!(text(first), expected, "not folded yet");
    folder.fold();
    assert_eq!(text(first), expected);
    assert_eq!(folder.files(MEMBER).len(), 1);
    folder.kill(first);
    folder.fold();
    folder.fold();
    assert!(folder.files(MEMBER).is_empty());
    let later = folder.join();
    assert_eq!(text(later), expected);
    assert_eq!(later.number(), 0);
}

#[test]
fn gauges_follow_their_rule_and_end_with_their_process() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join()];
    for (group, value) in groups.iter().zip([3.0, 5.0]) {
        let registry = registry(group);
        for (name, across) in Across::ALL {
            let description = Description::new("Help.").across(across);
            with::<GaugeCell<f64>>(&registry, name, description, ())
                .update()
                .set(value);
        }
        std::mem::forget(registry);
    }
    assert_eq!(
        text(groups[0]),
        "each{a=\"b\",dynamo_process=\"0\"} 3\neach{a=\"b\",dynamo_process=\"1\"} 5\nlast{a=\"b\"} 5\nmax{a=\"b\"} 5\nmin{a=\"b\"} 3\nsum{a=\"b\"} 8\n"
    );
    folder.kill(groups[1]);
    let expected = "each{a=\"b\",dynamo_process=\"0\"} 3\nlast{a=\"b\"} 3\nmax{a=\"b\"} 3\nmin{a=\"b\"} 3\nsum{a=\"b\"} 3\n";
    assert_eq!(text(groups[0]), expected);
    folder.fold();
    assert_eq!(text(groups[0]), expected);
}

#[test]
fn native_histograms_of_differing_schemas_are_merged() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join()];
    for (group, top) in groups.iter().zip([10, 1_000_000]) {
        let registry = registry(group);
        let native = NativeOptions::default().max_buckets(20);
        let options = HistogramOptions::default().native(native);
        let histogram = single::<HistogramCell>(&registry, "h", options);
        for step in 1..=100 {
            histogram.update().add(f64::from(step * top) / 100.0);
            histogram.update().add(0.0);
        }
        std::mem::forget(registry);
    }
    let expected = "h{a=\"b\"} [400] 50500505.0 Some(400)\n";
    assert_eq!(text(groups[0]), expected);
    folder.kill(groups[1]);
    folder.fold();
    assert_eq!(text(groups[0]), expected);
}

#[test]
fn the_newest_exemplar_of_all_processes_is_shown() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join()];
    for (group, trace) in groups.iter().zip(["old", "new"]) {
        let registry = registry(group);
        let core = single::<CounterCell<u64>>(&registry, "c", ());
        let metric = Metric::new(&core, KeepAlive::new(Arc::new(NoOwner)));
        for _ in 0..3 {
            let exemplar = Exemplar::new(&[("trace_id", trace)], 1.0).unwrap();
            metric.update_with_exemplar(exemplar, CounterCell::inc);
        }
        std::mem::forget((registry, metric));
    }
    // Also when they have ended.
    for _ in 0..2 {
        assert_eq!(trace_ids(groups[0]), ["new"]);
        folder.kill(groups[1]);
        folder.fold();
    }
}

/// The trace of the newest exemplar of each series.
fn trace_ids(group: &'static Group) -> Vec<String> {
    let gathered = group.gather(&Path::root()).unwrap();
    let mut shown = Vec::new();
    gathered.families[0]
        .1
        .visit(Cursor::START, 9, &mut |point| {
            let labels = &point.exemplars.unwrap().last().unwrap().labels;
            shown.push(labels[0].1.clone());
        });
    shown
}

#[test]
fn of_two_versions_of_a_metric_the_newest_is_shown() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join()];
    for (group, bound) in groups.iter().zip([1.0, 2.0]) {
        let registry = registry(group);
        single::<HistogramCell>(&registry, "h", Some(vec![bound]).into())
            .update()
            .add(1.5);
        std::mem::forget(registry);
        sleep(Duration::from_millis(5));
    }
    assert_eq!(text(groups[0]), "h{a=\"b\"} [1, 1] 1.5 None\n");
    assert_eq!(groups[0].gather(&Path::root()).unwrap().hidden, 1);
}

#[test]
fn the_order_of_members_does_not_change_a_sum_of_floats() {
    let mut random = Random(7);
    let mut values: Vec<f64> = (0..1000)
        .map(|_| random.next(1 << 50) as f64 / 1e4)
        .collect();
    let sum = |values: &[f64]| {
        let mut sum = Sum::default();
        values.iter().for_each(|value| sum.add((*value).into()));
        sum.value()
    };
    let expected = sum(&values);
    for _ in 0..50 {
        let at = random.next(1000) as usize;
        values.rotate_left(at);
        values.swap(0, 500);
        assert_eq!(sum(&values), expected);
    }
}

//! Members that start again: dropped runtimes, forked children, numbers.

use super::{Folder, registry, single, text};
use crate::metrics::histogram::{HistogramCell, HistogramOptions};
use crate::metrics::native::NativeOptions;
use crate::metrics::{CounterCell, GaugeCell};
use crate::shared::directory::MEMBER;

#[test]
fn a_dropped_runtime_goes_on_counting_and_continues() {
    let folder = Folder::new();
    let group = folder.join();
    for _ in 0..3 {
        let registry = registry(group);
        single::<CounterCell<u64>>(&registry, "c", ())
            .update()
            .inc();
        single::<GaugeCell<f64>>(&registry, "g", ())
            .update()
            .set(1.0);
    }
    assert_eq!(text(group), "c{a=\"b\"} 3\n");
}

#[test]
fn a_forked_child_starts_at_zero_behind_the_same_handles() {
    let folder = Folder::new();
    let group = folder.join();
    let registry = registry(group);
    let counter = single::<CounterCell<u64>>(&registry, "c", ());
    let native = HistogramOptions::default().native(NativeOptions::default());
    let histogram = single::<HistogramCell>(&registry, "h", native);
    counter.update().add(5);
    histogram.update().add(3.0);
    // What happens in a child, without the fork: the parent's file stays as it is.
    {
        let mut contents = crate::sync::lock(&group.member.contents);
        group.member.rejoin(&mut contents).unwrap();
    }
    registry.reset();
    assert_eq!(counter.update().get(), 0);
    counter.update().add(2);
    histogram.update().add(4.0);
    assert_eq!(folder.files(MEMBER).len(), 2);
    assert_eq!(text(group), "c{a=\"b\"} 7\nh{a=\"b\"} [2] 7.0 Some(2)\n");
}

#[test]
fn numbers_of_members_that_ended_are_used_again() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join(), folder.join()];
    folder.kill(groups[1]);
    assert_eq!(folder.join().number(), 1);
    assert_eq!(folder.join().number(), 3);
}

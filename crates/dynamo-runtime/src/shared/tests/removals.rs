//! Series that are removed or idle.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::{Folder, handle, registry, text};
use crate::metrics::{Path, Registry};
use crate::shared::directory::MEMBER;
use crate::shared::group::Group;
use crate::shared::removals::Removals;

/// What the thread of a member does a few times a second.
fn tick(group: &'static Group, registry: &Registry, removals: &mut Removals) {
    registry.apply(&group.new_removals(removals));
    for family in registry.gather(&Path::root()) {
        family.collectors.iter().for_each(|one| one.expire());
    }
}

#[test]
fn removed_series_disappear_and_their_space_is_used_again() {
    let folder = Folder::new();
    let group = folder.join();
    let registry = registry(group);
    let vec = handle(&registry);
    vec.with_label_values(&["kept"]).inc_by(7);
    for round in 0..5000 {
        let value = format!("{round:08}");
        vec.with_label_values(&[&value]).inc();
        if round % 1000 == 0 {
            assert_eq!(
                text(group),
                format!("c{{l=\"kept\"}} 7\nc{{l=\"{value}\"}} 1\n")
            );
        }
        assert!(vec.remove_label_values(&[&value]).unwrap());
    }
    assert_eq!(text(group), "c{l=\"kept\"} 7\n");
    let name = &folder.files(MEMBER)[0];
    assert_eq!(fs::metadata(folder.0.join(name)).unwrap().len(), 1 << 17);
}

#[test]
fn a_removed_series_is_removed_from_live_members_and_from_the_totals() {
    let folder = Folder::new();
    let (ended, own, other) = (folder.join(), folder.join(), folder.join());
    let registries = [ended, own, other].map(registry);
    let vecs = registries.each_ref().map(handle);
    for vec in &vecs {
        for label in ["a", "b", "c"] {
            vec.with_label_values(&[label]).inc();
        }
    }
    folder.kill(ended);
    folder.fold();
    sleep(Duration::from_millis(2));
    assert!(vecs[1].remove_label_values(&["a"]).unwrap());
    let kept = "c{l=\"b\"} 3\nc{l=\"c\"} 3\n";
    assert_eq!(text(own), kept);
    assert_eq!(text(other), kept);
    vecs[1].with_label_values(&["a"]).inc_by(5);
    assert_eq!(text(other), format!("c{{l=\"a\"}} 5\n{kept}"));
    let mut removals = Removals::default();
    tick(other, &registries[2], &mut removals);
    vecs[2].with_label_values(&["a"]).inc_by(10);
    folder.fold();
    // The totals have dropped it, so the removal can be deleted.
    fs::remove_file(folder.0.join("removals")).unwrap();
    assert_eq!(text(own), format!("c{{l=\"a\"}} 15\n{kept}"));
    vecs[2].clear();
    assert_eq!(text(own), "");
    folder.kill(own);
    folder.fold();
    assert_eq!(text(other), "");
    std::mem::forget((registries, vecs));
}

#[test]
fn an_idle_series_disappears_when_no_member_updates_it() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join()];
    let registries = groups.map(registry);
    let vecs = registries.each_ref().map(handle);
    let mut removals = [Removals::default(), Removals::default()];
    for vec in &vecs {
        vec.set_idle_timeout(Some(Duration::from_millis(1)));
        vec.with_label_values(&["a"]).inc_by(3);
    }
    let mut both_tick = |updated: &[usize]| {
        for _ in 0..3 {
            sleep(Duration::from_millis(3));
            for (index, removals) in removals.iter_mut().enumerate() {
                if updated.contains(&index) {
                    vecs[index].with_label_values(&["a"]).inc_by(1);
                }
                tick(groups[index], &registries[index], removals);
            }
        }
    };
    both_tick(&[1]);
    assert_eq!(text(groups[0]), "c{l=\"a\"} 9\n", "one of them is idle");
    both_tick(&[]);
    assert_eq!(text(groups[0]), "");
    both_tick(&[]);
    vecs[0].with_label_values(&["a"]).inc();
    assert_eq!(text(groups[1]), "c{l=\"a\"} 1\n", "both have started again");
    std::mem::forget(registries);
}

//! Members, views and totals in one process. Tests with processes are in `tests/processes` of the repository.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use super::directory::{Directory, MEMBER, TOTALS};
use super::error::SharedError;
use super::format::{HEADER, random_id};
use super::group::Group;
use super::refused::Refused;
use super::removals::Removals;
use super::table::{Sum, Table};
use super::view::View;
use super::{fold, format, records};
use crate::metrics::histogram::{HistogramCell, HistogramOptions};
use crate::metrics::native::NativeOptions;
use crate::metrics::{
    Across, CounterCell, Desc, Description, Exemplar, GaugeCell, Instrument, Kind, NameStyle, Path,
    Registry, SingleCore, Snapshot, Storage, VecCore,
};

/// A directory that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("dynamo-metrics-test-{}", format::hex(&random_id().unwrap()));
        let path = std::env::temp_dir().join(name);
        Directory::open(&path).unwrap();
        Folder(path)
    }

    fn directory(&self) -> Directory {
        Directory::open(&self.0).unwrap()
    }

    /// A member that is no other's: as if another process had joined.
    fn join(&self) -> &'static Group {
        Group::separate(self.directory()).unwrap()
    }

    fn files(&self, prefix: &str) -> Vec<String> {
        self.directory().names(prefix).unwrap()
    }

    fn fold(&self) {
        let refused = Refused::default();
        let _ = fs::remove_file(self.0.join("lock-fold"));
        fold::fold(&self.directory(), &refused).unwrap();
    }

    /// Ends a member as the kernel ends one: its lock is released.
    fn kill(&self, group: &'static Group) {
        group.member.unlock();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct NoOwner;

impl crate::metrics::MetricOwner for NoOwner {
    fn rejected(&self, _metric: &str, _reason: &'static str) {}
}

fn registry(group: &'static Group) -> Registry {
    Registry::with_storage(0, Vec::new(), Some(Arc::new(group) as Arc<dyn Storage>))
}

fn single<I: Instrument>(
    registry: &Registry,
    name: &str,
    options: I::Options,
) -> Arc<SingleCore<I>> {
    with::<I>(registry, name, Description::new("Help."), options)
}

fn with<I: Instrument>(
    registry: &Registry,
    name: &str,
    description: Description<'_>,
    options: I::Options,
) -> Arc<SingleCore<I>> {
    let root = Path::root();
    let desc = Desc::new(
        name.into(),
        description,
        I::KIND,
        &root,
        NameStyle::default(),
        &[("a", "b")],
        &[],
    )
    .unwrap();
    SingleCore::register(registry, desc, options).unwrap()
}

/// All series, one a line.
fn text(group: &'static Group) -> String {
    let mut lines = String::new();
    for (family, collector) in group.gather(&Path::root()).unwrap().families {
        collector.visit(crate::metrics::Cursor::START, usize::MAX, &mut |point| {
            let labels = String::from_utf8(point.labels.text().to_vec()).unwrap();
            let value = match point.value {
                Snapshot::Scalar(scalar) => format!("{}", scalar.to_f64()),
                Snapshot::Histogram(histogram) => {
                    let counts: Vec<u64> = histogram.cumulative().collect();
                    let native = histogram.native.map(|native| native.count());
                    format!("{counts:?} {:?} {native:?}", histogram.sum)
                }
                Snapshot::Summary(_) => unreachable!(),
            };
            lines += &format!("{}{{{labels}}} {value}\n", family.name);
        });
    }
    lines
}

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

fn vec(registry: &Registry, name: &str) -> Arc<VecCore<CounterCell<u64>>> {
    let (root, help) = (Path::root(), Description::new("Help."));
    let desc = Desc::new(
        name.into(),
        help,
        Kind::Counter,
        &root,
        NameStyle::default(),
        &[],
        &["l"],
    )
    .unwrap();
    VecCore::register(registry, desc, ()).unwrap()
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

type Vec64 = crate::metrics::MetricVec<CounterCell<u64>>;

/// The vec of `registry` with the name `c`, as a user has it.
fn handle(registry: &Registry) -> Vec64 {
    let keep_alive = crate::metrics::KeepAlive::new(Arc::new(NoOwner));
    crate::metrics::MetricVec::new(vec(registry, "c"), keep_alive)
}

/// What the thread of a member does a few times a second.
fn tick(group: &'static Group, registry: &Registry, removals: &mut Removals) {
    registry.apply(&group.new_removals(removals));
    for family in registry.gather(&Path::root()) {
        family.collectors.iter().for_each(|one| one.expire());
    }
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
    std::thread::sleep(std::time::Duration::from_millis(2));
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
        vec.set_idle_timeout(Some(std::time::Duration::from_millis(1)));
        vec.with_label_values(&["a"]).inc_by(3);
    }
    let mut both_tick = |updated: &[usize]| {
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(3));
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

#[test]
fn files_of_an_older_version_are_set_aside() {
    let folder = Folder::new();
    let group = folder.join();
    let mut old = FILE.clone();
    old[8..12].copy_from_slice(&1_u32.to_ne_bytes());
    for name in ["totals", "member-0123"] {
        fs::write(folder.0.join(name), &old).unwrap();
    }
    // The totals first, then the members.
    folder.fold();
    folder.fold();
    assert_eq!(text(group), "");
    assert_eq!(folder.files("damaged-").len(), 2);
    assert_eq!(folder.files(MEMBER).len(), 1);
}

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
fn many_series_need_several_parts_of_the_file() {
    let folder = Folder::new();
    let (group, other) = (folder.join(), folder.join());
    let registry = registry(group);
    let vec = handle(&registry);
    for number in 0..20_000 {
        vec.with_label_values(&[format!("{number}")]).inc_by(number);
        if number % 7000 == 0 {
            text(other);
        }
    }
    let lines = text(other);
    assert_eq!(lines.lines().count(), 20_000);
    assert!(lines.contains("c{l=\"19999\"} 19999\n"));
    folder.kill(group);
    folder.fold();
    assert_eq!(text(other).lines().count(), 20_000);
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
        let metric =
            crate::metrics::Metric::new(&core, crate::metrics::KeepAlive::new(Arc::new(NoOwner)));
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
        .visit(crate::metrics::Cursor::START, 9, &mut |point| {
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
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(text(groups[0]), "h{a=\"b\"} [1, 1] 1.5 None\n");
    assert_eq!(groups[0].gather(&Path::root()).unwrap().hidden, 1);
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
fn a_directory_that_others_may_write_to_is_refused() {
    let folder = Folder::new();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(
        Directory::open(&folder.0),
        Err(SharedError::Mode { mode: 0o770, .. })
    ));
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).unwrap();
    let file = folder.0.join("file");
    File::create(&file).unwrap();
    assert!(matches!(
        Directory::open(&file),
        Err(SharedError::Directory { .. })
    ));
}

/// A small generator of random numbers, the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }
}

/// A file with every kind of record.
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new();
    let group = folder.join();
    let registry = registry(group);
    let core = single::<CounterCell<f64>>(&registry, "c", ());
    let metric =
        crate::metrics::Metric::new(&core, crate::metrics::KeepAlive::new(Arc::new(NoOwner)));
    metric
        .inc_by_with_exemplar(1.0, &[("trace_id", "x")])
        .unwrap();
    let native = HistogramOptions::default().native(NativeOptions::default());
    single::<HistogramCell>(&registry, "h", native)
        .update()
        .add(3.0);
    let file = fs::read(folder.0.join(&folder.files(MEMBER)[0])).unwrap();
    std::mem::forget((registry, metric));
    file
});

fn read(bytes: &[u8]) -> bool {
    let folder = Folder::new();
    let path = folder.0.join("file");
    fs::write(&path, bytes).unwrap();
    match View::open(&path).unwrap() {
        Ok(mut view) => view.read(&mut Table::default()).is_ok(),
        Err(_) => false,
    }
}

#[test]
fn reading_damaged_files_never_panics() {
    assert!(read(&FILE));
    let mut random = Random(88_172_645_463_325_252);
    let used = 70_000;
    for round in 0..1500 {
        let mut bytes = FILE.clone();
        match round % 4 {
            // Truncated.
            0 => bytes.truncate(random.next(used) as usize),
            // Some bits flipped, mostly in the header and the log.
            1 | 2 => {
                for _ in 0..=random.next(4) {
                    let at = random.next(HEADER / 8 + 1200) as usize;
                    let at = if at < 512 {
                        at % 128
                    } else {
                        HEADER as usize + at - 512
                    };
                    bytes[at] ^= 1 << random.next(8);
                }
            }
            // A part of random or zero bytes.
            _ => {
                let start = random.next(6000) as usize;
                let zero = random.next(2) == 0;
                for byte in &mut bytes[start..start + 200] {
                    *byte = if zero { 0 } else { random.next(256) as u8 };
                }
            }
        }
        read(&bytes);
    }
    assert!(!read(&[]));
    assert!(!read(&vec![0; 100_000]));
}

#[test]
fn records_are_read_as_they_were_written() {
    let record = records::Record::Series(records::SeriesRecord {
        generation: 1,
        family: 4096,
        block: 65_536,
        words: 3,
        created: 5,
        labels: vec![("a".into(), "é\"\n".into()), ("b".into(), String::new())],
    });
    let bytes = record.to_bytes();
    assert_eq!(records::Record::read(&bytes), Some((record, bytes.len())));
    for end in 0..bytes.len() {
        assert_eq!(records::Record::read(&bytes[..end]), None);
    }
}

#[test]
fn damaged_files_are_set_aside_and_the_rest_goes_on() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join(), folder.join()];
    for group in &groups {
        let registry = registry(group);
        single::<CounterCell<u64>>(&registry, "c", ())
            .update()
            .inc();
        std::mem::forget(registry);
    }
    assert_eq!(text(groups[0]), "c{a=\"b\"} 3\n");
    let id = groups[2].id();
    let path = folder.0.join(format!("{MEMBER}{id}"));
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 64], HEADER).unwrap();
    // Parsed before the damage: the words are still good.
    assert_eq!(text(groups[0]), "c{a=\"b\"} 3\n");
    assert_eq!(text(groups[1]), "c{a=\"b\"} 2\n");
    folder.kill(groups[2]);
    folder.fold();
    assert_eq!(folder.files("damaged-").len(), 1);
    fs::write(folder.0.join(TOTALS), b"no totals").unwrap();
    assert_eq!(text(groups[1]), "c{a=\"b\"} 2\n");
    folder.fold();
    assert_eq!(folder.files("damaged-").len(), 2);
    folder.kill(groups[1]);
    folder.fold();
    assert_eq!(text(groups[0]), "c{a=\"b\"} 2\n");
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

#[test]
fn numbers_of_members_that_ended_are_used_again() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join(), folder.join()];
    folder.kill(groups[1]);
    assert_eq!(folder.join().number(), 1);
    assert_eq!(folder.join().number(), 3);
}

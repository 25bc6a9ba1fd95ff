//! Members, views and totals in one process. Tests with processes are in `tests/processes` of the repository.

#![allow(clippy::unwrap_used, reason = "tests")]

mod files;
mod members;
mod removals;
mod values;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::directory::Directory;
use super::format::random_id;
use super::group::Group;
use super::refused::Refused;
use super::{fold, format};
use crate::metrics::{
    CounterCell, Cursor, Desc, Description, Instrument, KeepAlive, Kind, MetricVec, NameStyle,
    Path, Registry, SingleCore, Snapshot, Storage, VecCore,
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

type Vec64 = MetricVec<CounterCell<u64>>;

/// The vec of `registry` with the name `c`, as a user has it.
fn handle(registry: &Registry) -> Vec64 {
    let keep_alive = KeepAlive::new(Arc::new(NoOwner));
    MetricVec::new(vec(registry, "c"), keep_alive)
}

/// All series, one a line.
fn text(group: &'static Group) -> String {
    let mut lines = String::new();
    for (family, collector) in group.gather(&Path::root()).unwrap().families {
        collector.visit(Cursor::START, usize::MAX, &mut |point| {
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

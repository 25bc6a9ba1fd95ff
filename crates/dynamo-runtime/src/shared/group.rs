//! The group of this process: its members, as a scrape reads them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::directory::{Directory, MEMBER, TOTALS};
use super::error::SharedError;
use super::fold;
use super::format::{Id, hex};
use super::member::{Contents, Member};
use super::refused::{Refused, RefusedGuard};
use super::table::{Entry, FamilyEntries, Table, Value};
use super::view::View;
use crate::metrics::{
    Buckets, Collector, Counts, Cursor, DataPoint, Exemplars, ExternalLabels, Family,
    HistogramSnapshot, Kind, Labels, NativeSnapshot, Path, Scalar, Snapshot, SummarySnapshot,
    Visitor,
};
use crate::sync::lock;

/// How often a scrape starts again because the totals were replaced meanwhile.
const TRIES: usize = 16;
/// A limit of series may be checked with values of this age.
const COUNT_AGE: Duration = Duration::from_millis(100);

/// A process's view of its group. It lives as long as the process.
pub(crate) struct Group {
    pub(super) member: Member,
    reader: Mutex<Reader>,
    refused: Refused,
    /// Whether it is logged that the directory was removed.
    removal_logged: AtomicBool,
}

/// The groups of this process.
static GROUPS: Mutex<Vec<&'static Group>> = Mutex::new(Vec::new());

#[derive(Default)]
struct Reader {
    table: Table,
    totals: Option<View>,
    members: BTreeMap<String, View>,
    /// The number of series of members whose files are gone, which are in the table still.
    stale: usize,
    read: Option<Instant>,
    /// The series that this process has added since the last read, by name.
    added: HashMap<String, HashSet<Vec<(String, String)>>>,
}

/// The families of a scrape.
pub(crate) struct Gathered {
    pub(crate) families: Vec<(Arc<Family>, Arc<dyn Collector>)>,
    /// The number of members that are alive.
    pub(crate) processes: u64,
    /// The number of metrics that differ from the newest one of their name.
    pub(crate) hidden: u64,
}

/// A member of the group.
#[derive(Clone, Debug)]
pub(crate) struct MemberInfo {
    pub(crate) id: Id,
    pub(crate) number: u64,
    pub(crate) is_own: bool,
    pub(crate) is_alive: bool,
    pub(crate) has_callbacks: bool,
    /// What the member has stored with [`Group::set_health`].
    pub(crate) health: Option<Vec<u8>>,
}

impl MemberInfo {
    /// The id as text.
    pub(crate) fn id(&self) -> String {
        hex(&self.id)
    }
}

impl Group {
    /// Joins the group of a directory. Joining again returns the same group.
    pub(crate) fn join(directory: Directory) -> Result<&'static Self, SharedError> {
        let mut groups = lock(&GROUPS);
        if let Some(group) = groups
            .iter()
            .find(|group| group.member.directory == directory)
        {
            return Ok(group);
        }
        let group = Self::separate(directory)?;
        groups.push(group);
        Ok(group)
    }

    /// Joins as a further member.
    pub(super) fn separate(directory: Directory) -> Result<&'static Self, SharedError> {
        let member = Member::join(directory.clone()).map_err(|error| directory.error(error))?;
        Ok(Box::leak(Box::new(Group {
            member,
            reader: Mutex::default(),
            refused: Refused::default(),
            removal_logged: AtomicBool::new(false),
        })))
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.member.directory
    }

    /// The number of this process in the group.
    pub(crate) fn number(&self) -> u64 {
        lock(&self.member.contents).number()
    }

    /// The id of this process, as text.
    pub(crate) fn id(&self) -> String {
        hex(&lock(&self.member.contents).id())
    }

    /// Whether scrapes must ask this process to run callbacks.
    pub(crate) fn set_has_callbacks(&self, has_callbacks: bool) {
        lock(&self.member.contents).set_has_callbacks(has_callbacks);
    }

    /// Stores the health of this process for the other members.
    pub(crate) fn set_health(&self, text: &[u8]) {
        lock(&self.member.contents).set_health(text);
    }

    /// The number of files that this process could not read.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.count()
    }

    /// The families of all members, sorted by name, with the series of `scope` and the nodes below it.
    pub(crate) fn gather(&self, scope: &Path) -> io::Result<Gathered> {
        let mut reader = lock(&self.reader);
        reader.read(&self.member.directory, &self.refused)?;
        let processes = reader.members.values().filter(|view| view.is_alive).count() as u64;
        let (families, hidden) = reader.table.families(scope);
        let families = families.into_iter().map(|family| {
            let collector = GroupFamily::new(&family, &reader.table.entries);
            (family.family, Arc::new(collector) as Arc<dyn Collector>)
        });
        Ok(Gathered {
            families: families.collect(),
            processes,
            hidden,
        })
    }

    /// The members whose files exist.
    pub(crate) fn members(&self) -> io::Result<Vec<MemberInfo>> {
        let own = lock(&self.member.contents).id();
        let mut reader = lock(&self.reader);
        reader.refresh(&self.member.directory, &self.refused)?;
        let members = reader.members.values_mut().map(|view| {
            view.refresh();
            MemberInfo {
                id: view.header.id,
                number: view.header.number,
                is_own: view.header.id == own,
                is_alive: view.is_alive,
                has_callbacks: view.header.has_callbacks,
                health: view.health(),
            }
        });
        Ok(members.collect())
    }

    /// Whether a series may be added; see [`FamilyStorage::admits`](crate::metrics::FamilyStorage::admits).
    pub(super) fn admits(&self, name: &str, labels: &[(&str, &str)], limit: usize) -> bool {
        let mut reader = lock(&self.reader);
        let is_recent = reader.read.is_some_and(|read| read.elapsed() < COUNT_AGE);
        if !is_recent && reader.read(&self.member.directory, &self.refused).is_err() {
            return true;
        }
        let (count, is_known) = reader.table.count(name, labels);
        let added = reader.added.get(name).map_or(0, HashSet::len);
        if is_known || count + added < limit {
            if !is_known {
                let labels = labels.iter();
                let owned = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                let added = reader.added.entry(name.to_owned()).or_default();
                added.insert(owned.collect());
            }
            return true;
        }
        false
    }

    /// Moves the values of members that have ended into the totals, unless another member does.
    pub(crate) fn fold(&self) {
        let directory = &self.member.directory;
        if let Err(error) = fold::fold(directory, &self.refused) {
            if error.kind() == io::ErrorKind::NotFound && !directory.path().exists() {
                if !self.removal_logged.swap(true, Relaxed) {
                    tracing::warn!(
                        "the shared directory {} was removed: processes that start from now on are not shown together with this one; start this process again",
                        directory.path().display()
                    );
                }
                return;
            }
            tracing::warn!(
                "the values of processes that have ended cannot be moved into the totals of {}: {error}; they stay in their files",
                directory.path().display()
            );
        }
    }
}

impl Reader {
    /// Reads all values of the group, from files that belong together.
    fn read(&mut self, directory: &Directory, refused: &Refused) -> io::Result<()> {
        for _ in 0..TRIES {
            self.refresh(directory, refused)?;
            self.table.clear_values();
            self.read_views(directory, refused);
            // A member may have been moved into new totals after the old ones were read.
            let totals = directory.file(TOTALS);
            let is_current = match &self.totals {
                Some(view) => view.is_at(&totals),
                None => inode(&totals).is_none_or(|inode| refused.contains(&totals, inode)),
            };
            if is_current {
                break;
            }
        }
        self.read = Some(Instant::now());
        self.added.clear();
        Ok(())
    }

    /// Opens files that are new, and closes those that are gone.
    fn refresh(&mut self, directory: &Directory, refused: &Refused) -> io::Result<()> {
        let totals = directory.file(TOTALS);
        if !self.totals.as_ref().is_some_and(|view| view.is_at(&totals)) {
            self.stale += self.totals.take().map_or(0, |view| view.len());
            if inode(&totals).is_some_and(|inode| !refused.contains(&totals, inode)) {
                self.totals = self.open(directory, TOTALS, refused)?;
            }
        }
        let names = directory.names(MEMBER)?;
        let (stale, members) = (&mut self.stale, &mut self.members);
        members.retain(|name, view| {
            let is_there = names.contains(name);
            *stale += if is_there { 0 } else { view.len() };
            is_there
        });
        for name in names {
            if !self.members.contains_key(&name)
                && let Some(view) = self.open(directory, &name, refused)?
            {
                self.members.insert(name, view);
            }
        }
        // The table keeps the series of files that are gone until they are more than the others.
        let used: usize = self.members.values().map(View::len).sum();
        if self.stale > 1000 + used {
            self.forget();
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.table = Table::default();
        self.stale = 0;
        self.members.values_mut().for_each(View::forget);
        self.totals.iter_mut().for_each(View::forget);
    }

    fn open(
        &self,
        directory: &Directory,
        name: &str,
        refused: &Refused,
    ) -> io::Result<Option<View>> {
        let path = directory.file(name);
        let Some(inode) = inode(&path).filter(|inode| !refused.contains(&path, *inode)) else {
            return Ok(None);
        };
        match View::open(&path) {
            Ok(Ok(view)) => Ok(Some(view)),
            Ok(Err(reason)) => {
                refused.add(&path, inode, reason);
                Ok(None)
            }
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_views(&mut self, directory: &Directory, refused: &Refused) {
        let mut damaged = Vec::new();
        let mut folded = HashSet::new();
        if let Some(view) = &mut self.totals {
            if let Err(reason) = view.read(&mut self.table) {
                damaged.push((TOTALS.to_owned(), reason));
            }
            folded.clone_from(&view.folded);
        }
        let mut members: Vec<_> = self.members.iter_mut().collect();
        members.sort_by_key(|(_, view)| (view.header.number, view.header.created));
        for (name, view) in members {
            if !folded.contains(&view.header.id)
                && let Err(reason) = view.read(&mut self.table)
            {
                damaged.push((name.clone(), reason));
            }
        }
        if damaged.is_empty() {
            return;
        }
        for (name, reason) in damaged {
            // The file may have been removed.
            let path = directory.file(&name);
            if let Some(inode) = inode(&path) {
                refused.add(&path, inode, reason);
            }
            self.members.remove(&name);
            if name == TOTALS {
                self.totals = None;
            }
        }
        // A part of the values may be in the table already.
        self.forget();
        self.read_views(directory, refused);
    }
}

fn inode(path: &FilePath) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// A family of the group, for the encoders.
struct GroupFamily {
    buckets: Option<Arc<Buckets>>,
    series: Vec<GroupSeries>,
}

struct GroupSeries {
    sequence: u64,
    labels: Arc<ExternalLabels>,
    value: GroupValue,
    created: Duration,
    exemplars: Option<Arc<Exemplars>>,
}

enum GroupValue {
    Scalar(Scalar),
    Summary(SummarySnapshot),
    Histogram {
        counts: Box<[u64]>,
        sum: f64,
        native: Option<NativeSnapshot>,
    },
}

impl GroupFamily {
    fn new(family: &FamilyEntries, entries: &[Entry]) -> Self {
        let indices = family.entries.iter();
        let series = indices.filter_map(|&index| {
            let entry = &entries[index as usize];
            Some(GroupSeries {
                sequence: index.into(),
                labels: Arc::clone(&entry.labels),
                value: match &entry.value {
                    Value::Empty => return None,
                    Value::Sum(total) => GroupValue::Scalar(total.scalar()),
                    Value::One(scalar, _) => GroupValue::Scalar(*scalar),
                    Value::Histogram(total) if family.family.kind == Kind::Summary => {
                        GroupValue::Summary(SummarySnapshot {
                            quantiles: Vec::new(),
                            sum: Some(total.sum.value()),
                            count: Some(total.counts.iter().sum::<u64>() as f64),
                        })
                    }
                    Value::Histogram(total) => GroupValue::Histogram {
                        counts: total.counts.as_slice().into(),
                        sum: total.sum.value(),
                        native: total.native.clone(),
                    },
                },
                created: Duration::from_millis(entry.created),
                exemplars: entry.exemplars.clone(),
            })
        });
        GroupFamily {
            buckets: family.buckets.clone(),
            series: series.collect(),
        }
    }
}

impl Collector for GroupFamily {
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let start = self
            .series
            .partition_point(|series| series.sequence < at.next);
        let mut rest = self.series[start..].iter();
        for series in rest.by_ref().take(limit) {
            let value = match (&series.value, &self.buckets) {
                (GroupValue::Scalar(scalar), _) => Snapshot::Scalar(*scalar),
                (GroupValue::Summary(summary), _) => Snapshot::Summary(summary),
                (
                    GroupValue::Histogram {
                        counts,
                        sum,
                        native,
                    },
                    Some(buckets),
                ) => Snapshot::Histogram(HistogramSnapshot {
                    buckets,
                    counts: Counts::Fixed(counts),
                    sum: *sum,
                    native: native.as_ref(),
                }),
                (GroupValue::Histogram { .. }, None) => continue,
            };
            visitor(&DataPoint {
                sequence: series.sequence,
                labels: Labels::External(&series.labels),
                value,
                created: Some(series.created),
                timestamp: None,
                exemplars: series.exemplars.as_deref(),
            });
        }
        rest.next().map(|series| Cursor {
            next: series.sequence,
            ..at
        })
    }
}

/// Holds the locks of all groups during a fork. The gate of [`sync`](crate::sync) is closed before: who holds one
/// of these locks never waits for the gate.
pub(crate) struct GroupForkGuard {
    groups: MutexGuard<'static, Vec<&'static Group>>,
    readers: Vec<MutexGuard<'static, Reader>>,
    refused: Vec<RefusedGuard<'static>>,
    contents: Vec<MutexGuard<'static, Contents>>,
}

impl GroupForkGuard {
    pub(crate) fn new() -> Self {
        let groups = lock(&GROUPS);
        let readers = groups.iter().map(|group| lock(&group.reader)).collect();
        let refused = groups.iter().map(|group| group.refused.lock()).collect();
        let contents = groups
            .iter()
            .map(|group| lock(&group.member.contents))
            .collect();
        GroupForkGuard {
            groups,
            readers,
            refused,
            contents,
        }
    }

    /// In the child: every group gets this process as a new member, with zeros.
    pub(crate) fn reset(&mut self) {
        for (group, contents) in self.groups.iter().zip(&mut self.contents) {
            if let Err(error) = group.member.rejoin(contents) {
                tracing::error!(
                    "a forked process cannot join the group of {}: {error}; scrapes do not show its metrics",
                    group.member.directory.path().display()
                );
            }
        }
        for reader in &mut self.readers {
            **reader = Reader::default();
        }
        self.readers.clear();
        self.refused.clear();
        self.contents.clear();
    }
}

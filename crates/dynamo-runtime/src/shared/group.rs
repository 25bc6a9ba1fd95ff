//! The group of this process: its members, as a scrape reads them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use super::directory::Directory;
use super::error::SharedError;
use super::exposed::GroupFamily;
use super::fold;
use super::format::{Id, hex};
use super::member::{Contents, Member};
use super::reader::Reader;
use super::refused::{Refused, RefusedGuard};
use super::removals::{self, Removals};
use crate::metrics::{Collector, Family, Path, Removal};
use crate::sync::lock;

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
        let families = families.collect();
        let expired = reader.table.expired();
        drop(reader);
        self.remove(expired);
        Ok(Gathered {
            families,
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
        reader.admits(&self.member.directory, &self.refused, (name, labels), limit)
    }

    /// Removes series in all processes.
    pub(super) fn remove(&self, mut removals: Vec<Removal>) {
        if removals.is_empty() {
            return;
        }
        if let Err(error) = removals::add(&self.member.directory, &mut removals) {
            let name = &removals[0].name;
            tracing::warn!(
                "series of metric {name:?} cannot be removed in the other processes of {}: {error}; they are removed in this one only",
                self.member.directory.path().display()
            );
        }
        lock(&self.member.contents).release_retained(&removals);
    }

    /// The removals since the last call with the same `seen`.
    pub(crate) fn new_removals(&self, seen: &mut Removals) -> Vec<Removal> {
        let new = seen.refresh(&self.member.directory).unwrap_or_default();
        if !new.is_empty() {
            lock(&self.member.contents).release_retained(&new);
        }
        new
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

//! The files of a group, as a scrape reads them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use super::directory::{Directory, MEMBER, TOTALS};
use super::refused::Refused;
use super::table::Table;
use super::view::View;

/// How often a scrape starts again because the totals were replaced meanwhile.
const TRIES: usize = 16;
/// A limit of series may be checked with values of this age.
const COUNT_AGE: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) table: Table,
    totals: Option<View>,
    pub(super) members: BTreeMap<String, View>,
    /// The number of series of members whose files are gone, which are in the table still.
    stale: usize,
    read: Option<Instant>,
    /// The series that this process has added since the last read, by name.
    added: HashMap<String, HashSet<Vec<(String, String)>>>,
}

impl Reader {
    /// Reads all values of the group, from files that belong together.
    pub(super) fn read(&mut self, directory: &Directory, refused: &Refused) -> io::Result<()> {
        for _ in 0..TRIES {
            self.refresh(directory, refused)?;
            self.table.clear_values();
            self.table.read_removals(directory);
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

    /// Whether a series may be added; see [`FamilyStorage::admits`](crate::metrics::FamilyStorage::admits).
    pub(super) fn admits(
        &mut self,
        directory: &Directory,
        refused: &Refused,
        (name, labels): (&str, &[(&str, &str)]),
        limit: usize,
    ) -> bool {
        let is_recent = self.read.is_some_and(|read| read.elapsed() < COUNT_AGE);
        if !is_recent && self.read(directory, refused).is_err() {
            return true;
        }
        let (count, is_known) = self.table.count(name, labels);
        let added = self.added.get(name).map_or(0, HashSet::len);
        if is_known || count + added < limit {
            if !is_known {
                let labels = labels.iter();
                let owned = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                let added = self.added.entry(name.to_owned()).or_default();
                added.insert(owned.collect());
            }
            return true;
        }
        false
    }

    /// Opens files that are new, and closes those that are gone.
    pub(super) fn refresh(&mut self, directory: &Directory, refused: &Refused) -> io::Result<()> {
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
            self.clear();
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.table.clear();
        self.stale = 0;
        self.members.values_mut().for_each(View::clear);
        self.totals.iter_mut().for_each(View::clear);
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
        self.clear();
        self.read_views(directory, refused);
    }
}

fn inode(path: &FilePath) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

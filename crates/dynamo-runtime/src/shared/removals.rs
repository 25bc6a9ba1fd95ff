//! Removals of series: what one process removes, all processes leave out.
//!
//! A removal is a line of a file. Readers leave out series that were created before it, the totals drop them, and
//! every process removes its own. After [`KEPT`] that is done, and the line is deleted.

use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::directory::{Directory, NEXT_REMOVALS, REMOVALS};
use super::format::now;
use crate::metrics::{LATEST_REMOVAL, Removal};

/// How long a removal is kept.
const KEPT: Duration = Duration::from_secs(60);

/// Labels that have a value, sorted by name.
type Pairs = Vec<(String, String)>;

/// The removals of a directory, as they were read last.
#[derive(Default)]
pub(crate) struct Removals {
    /// The inode and the length of the file.
    stamp: (u64, u64),
    all: HashSet<Removal>,
    by_name: HashMap<String, ByName>,
}

/// The removals of series of one name.
#[derive(Default)]
struct ByName {
    /// Of one series.
    exact: HashMap<Pairs, u64>,
    /// Of any series.
    others: Vec<Removal>,
}

impl Removals {
    /// Reads the file if it has changed. Returns the removals that are new.
    pub(super) fn refresh(&mut self, directory: &Directory) -> Option<Vec<Removal>> {
        let path = directory.file(REMOVALS);
        let stamp = fs::metadata(&path).map_or((0, 0), |file| (file.ino(), file.len()));
        if stamp == self.stamp {
            return None;
        }
        // Another program may have written anything.
        let text = fs::read(&path).unwrap_or_default();
        let lines = text.split(|byte| *byte == b'\n');
        let all: HashSet<Removal> = lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let new = all.difference(&self.all).cloned().collect();
        self.by_name.clear();
        for removal in &all {
            LATEST_REMOVAL.fetch_max(removal.before, Relaxed);
            let by_name = self.by_name.entry(removal.name.clone()).or_default();
            match removal.exact() {
                Some(pairs) => {
                    let before = by_name.exact.entry(pairs).or_default();
                    *before = removal.before.max(*before);
                }
                None => by_name.others.push(removal.clone()),
            }
        }
        self.stamp = stamp;
        self.all = all;
        Some(new)
    }

    /// The names of metrics with removals.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.by_name.keys()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Series with these labels that were created before this time are removed.
    pub(super) fn before(&self, name: &str, labels: &Pairs) -> u64 {
        let Some(by_name) = self.by_name.get(name) else {
            return 0;
        };
        let exact = by_name.exact.get(labels).copied();
        let others = by_name.others.iter();
        let others = others.filter(|removal| {
            let pairs = labels.iter();
            removal.matches(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
        });
        let others = others.map(|removal| removal.before);
        others.chain(exact).max().unwrap_or_default()
    }
}

/// Adds removals, of series that exist now.
pub(super) fn add(directory: &Directory, removals: &mut [Removal]) -> io::Result<()> {
    let mut text = Vec::new();
    let lock = directory.lock_removals()?;
    let before = now() + 1;
    let before = LATEST_REMOVAL.fetch_max(before, Relaxed).max(before);
    for removal in removals {
        removal.before = before;
        serde_json::to_writer(&mut text, &removal)?;
        text.push(b'\n');
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(directory.file(REMOVALS))?;
    file.write_all(&text)?;
    drop(lock);
    Ok(())
}

/// Deletes the removals that are done.
pub(super) fn prune(directory: &Directory, mut removals: Removals) -> io::Result<()> {
    let oldest = now().saturating_sub(KEPT.as_millis() as u64);
    if removals.all.iter().all(|removal| removal.before > oldest) {
        return Ok(());
    }
    let _lock = directory.lock_removals()?;
    removals.refresh(directory);
    removals.all.retain(|removal| removal.before > oldest);
    let mut text = Vec::new();
    for removal in &removals.all {
        serde_json::to_writer(&mut text, removal)?;
        text.push(b'\n');
    }
    directory.replace(REMOVALS, NEXT_REMOVALS, &text)
}

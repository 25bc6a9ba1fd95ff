//! The merged series of a group.

mod value;
mod variant;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use self::value::{HistogramTotal, Total};
pub(super) use self::value::{Sum, Value};
use self::variant::{Shape, Variant};
use super::directory::Directory;
use super::format::Usage;
use super::records::{FamilyRecord, SeriesRecord};
use super::removals::Removals;
use crate::metrics::{
    Across, Buckets, Exemplars, ExternalLabels, Family, Kind, NativeSnapshot, Path, Removal, Scalar,
};
use crate::prometheus_names::labels;

/// The series of all members. Members assign their series to entries once, and add their values at each
/// scrape.
#[derive(Default)]
pub(super) struct Table {
    variants: Vec<Variant>,
    by_name: BTreeMap<String, Vec<u32>>,
    pub(super) entries: Vec<Entry>,
    pub(super) removals: Removals,
    /// Whether the totals had a series that is removed.
    pub(super) has_removed_totals: bool,
}

/// One merged series.
pub(super) struct Entry {
    pub(super) variant: u32,
    pub(super) owner: Path,
    pub(super) labels: Arc<ExternalLabels>,
    /// Of the first of the values, in milliseconds since 1970.
    pub(super) created: u64,
    /// Values that are older are removed.
    removed_before: u64,
    /// Whether a process uses the series, has it idle, or holds it idle.
    is_live: bool,
    is_idle: bool,
    is_held: bool,
    pub(super) value: Value,
    pub(super) exemplars: Option<Arc<Exemplars>>,
}

impl Entry {
    /// Whether a process uses the series, or no process has it idle.
    fn is_shown(&self) -> bool {
        self.is_live || !self.is_idle
    }

    /// Whether there is a value to show.
    fn has_value(&self) -> bool {
        self.is_shown() && !matches!(self.value, Value::Empty)
    }
}

impl Table {
    /// The variant that a metric belongs to; `None` if it has bounds that are not valid.
    pub(super) fn variant(&mut self, record: &FamilyRecord) -> Option<u32> {
        let shape = Shape {
            kind: record.kind,
            across: record.across,
            bounds: record.bounds.clone(),
            native: record.native.clone(),
        };
        let known = self.by_name.get(&record.name).into_iter().flatten();
        let mut known = known.filter(|index| self.variants[**index as usize].shape == shape);
        if let Some(&index) = known.next() {
            let variant = &mut self.variants[index as usize];
            if record.created > variant.described {
                variant.described = record.created;
                variant.family = None;
                variant.help.clone_from(&record.help);
                variant.unit.clone_from(&record.unit);
            }
            return Some(index);
        }
        let buckets = match (record.kind, record.bounds.is_empty()) {
            (Kind::Histogram, true) => Some(Buckets::none()),
            (Kind::Histogram, false) => Some(Buckets::new(&record.bounds).ok()?),
            _ => None,
        };
        let index = self.variants.len() as u32;
        self.variants.push(Variant {
            name: record.name.clone(),
            shape,
            help: record.help.clone(),
            unit: record.unit.clone(),
            described: record.created,
            newest: 0,
            buckets,
            family: None,
            by_labels: HashMap::new(),
        });
        self.by_name
            .entry(record.name.clone())
            .or_default()
            .push(index);
        Some(index)
    }

    /// The entry of a series. One of each process gets the number of its process as a label.
    pub(super) fn entry(
        &mut self,
        variant_index: u32,
        owner: &Path,
        series: &SeriesRecord,
        process: u64,
    ) -> u32 {
        let variant = &mut self.variants[variant_index as usize];
        let mut pairs = series.labels.clone();
        if variant.shape.across == Across::Each {
            pairs.push((labels::PROCESS.to_owned(), process.to_string()));
        }
        pairs.sort_unstable();
        let key = (pairs, owner.clone());
        if let Some(&entry) = variant.by_labels.get(&key) {
            return entry;
        }
        let index = self.entries.len() as u32;
        self.entries.push(Entry {
            variant: variant_index,
            owner: owner.clone(),
            labels: Arc::new(ExternalLabels::new(key.0.clone())),
            created: u64::MAX,
            removed_before: self.removals.before(&variant.name, &series.labels),
            is_live: false,
            is_idle: false,
            is_held: false,
            value: Value::Empty,
            exemplars: None,
        });
        variant.by_labels.insert(key, index);
        index
    }

    /// Removes all series.
    pub(super) fn clear(&mut self) {
        *self = Table {
            removals: std::mem::take(&mut self.removals),
            ..Table::default()
        };
    }

    /// Removes all values, for the next scrape.
    pub(super) fn clear_values(&mut self) {
        for entry in &mut self.entries {
            entry.value = Value::Empty;
            entry.exemplars = None;
            entry.created = u64::MAX;
            (entry.is_live, entry.is_idle, entry.is_held) = (false, false, false);
        }
        for variant in &mut self.variants {
            variant.newest = 0;
        }
        self.has_removed_totals = false;
    }

    /// Reads the removals of a directory.
    pub(super) fn read_removals(&mut self, directory: &Directory) {
        if self.removals.refresh(directory).is_none() {
            return;
        }
        let names = self.removals.names();
        let variants: HashSet<u32> = names
            .filter_map(|name| self.by_name.get(name))
            .flatten()
            .copied()
            .collect();
        for entry in &mut self.entries {
            if variants.contains(&entry.variant) {
                let name = &self.variants[entry.variant as usize].name;
                let pairs = entry.labels.pairs.iter();
                let pairs = pairs.filter(|(name, _)| name != labels::PROCESS).cloned();
                let before = self.removals.before(name, &pairs.collect());
                entry.removed_before = before;
            }
        }
    }

    /// Whether a value counts: it is not removed.
    pub(super) fn holds(
        &mut self,
        entry: u32,
        created: u64,
        usage: Usage,
        is_totals: bool,
    ) -> bool {
        let entry = &mut self.entries[entry as usize];
        if created < entry.removed_before {
            self.has_removed_totals |= is_totals;
            return false;
        }
        entry.created = entry.created.min(created);
        match usage {
            // The totals do not know when a series was updated last.
            Usage::Live => entry.is_live |= !is_totals,
            Usage::Idle => (entry.is_idle, entry.is_held) = (true, true),
            Usage::Expired => entry.is_idle = true,
            Usage::Hidden => {}
        }
        true
    }

    /// The series that are past their idle timeout in all processes that have them.
    pub(super) fn expired(&self) -> Vec<Removal> {
        let entries = self
            .entries
            .iter()
            .filter(|entry| !entry.is_shown() && !entry.is_held);
        let removals = entries
            .filter(|entry| !matches!(entry.value, Value::Empty))
            .map(|entry| {
                let labels = entry.labels.pairs.iter();
                Removal {
                    before: 0,
                    name: self.variants[entry.variant as usize].name.clone(),
                    labels: labels
                        .map(|(name, value)| (name.clone(), Some(value.clone())))
                        .collect(),
                }
            });
        removals.collect()
    }

    /// Notes that a member has a metric.
    pub(super) fn note(&mut self, variant: u32, created: u64) {
        let variant = &mut self.variants[variant as usize];
        variant.newest = variant.newest.max(created);
    }

    /// Adds the value of a member to a series that is one number. `low` is the second word of a float of the
    /// totals, and `updated` the time of the last update.
    pub(super) fn add(&mut self, entry: u32, scalar: Scalar, low: f64, updated: u64) {
        let entry = &mut self.entries[entry as usize];
        let across = self.variants[entry.variant as usize].shape.across;
        let is_chosen = match (&entry.value, across) {
            (Value::Sum(_), _) => false,
            (Value::One(other, _), Across::Min) => scalar.to_f64() < other.to_f64(),
            (Value::One(other, _), Across::Max) => scalar.to_f64() > other.to_f64(),
            (Value::One(_, time), Across::Last) => updated > *time,
            _ => true,
        };
        match &mut entry.value {
            Value::Sum(total) => total.add(scalar, low),
            value if across == Across::Sum => {
                let mut total = Total::default();
                total.add(scalar, low);
                *value = Value::Sum(total);
            }
            value if is_chosen => *value = Value::One(scalar, updated),
            _ => {}
        }
    }

    /// Adds the value of a member to a histogram.
    pub(super) fn add_histogram(
        &mut self,
        entry: u32,
        counts: impl ExactSizeIterator<Item = u64>,
        sum: Sum,
        native: Option<NativeSnapshot>,
    ) {
        match &mut self.entries[entry as usize].value {
            Value::Histogram(total) if total.counts.len() == counts.len() => {
                for (total, count) in total.counts.iter_mut().zip(counts) {
                    *total = total.saturating_add(count);
                }
                total.sum.add(sum);
                match (&mut total.native, native) {
                    (Some(total), Some(native)) => total.merge(native),
                    (total, native) => *total = total.take().or(native),
                }
            }
            value => {
                *value = Value::Histogram(Box::new(HistogramTotal {
                    counts: counts.collect(),
                    sum,
                    native,
                }));
            }
        }
    }

    /// The number of series of a name that have a value, and whether one has these labels.
    pub(super) fn count(&self, name: &str, labels: &[(&str, &str)]) -> (usize, bool) {
        let indices = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let mut found = false;
        let mut distinct = HashSet::new();
        for entry in &self.entries {
            if indices.contains(&entry.variant) && entry.has_value() {
                let pairs = entry.labels.pairs.iter();
                let pairs: Vec<_> = pairs
                    .filter(|(name, _)| name != labels::PROCESS)
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let is_overflow = pairs.iter().any(|(_, value)| *value == "__overflow__");
                found |= pairs == labels;
                if !is_overflow {
                    distinct.insert(pairs);
                }
            }
        }
        (distinct.len(), found)
    }

    /// The families with a value: the newest variant of each name, with the indices of its entries. Also
    /// the number of variants that are hidden.
    pub(super) fn families(&mut self, scope: &Path) -> (Vec<FamilyEntries>, u64) {
        let mut entries: Vec<Vec<u32>> = vec![Vec::new(); self.variants.len()];
        for (entry, index) in self.entries.iter().zip(0..) {
            if entry.has_value() && scope.contains(&entry.owner) {
                entries[entry.variant as usize].push(index);
            }
        }
        let mut families = Vec::new();
        let mut hidden = 0;
        for (name, variants) in &self.by_name {
            let with_values = variants
                .iter()
                .copied()
                .filter(|variant| !entries[*variant as usize].is_empty());
            let newest = with_values
                .clone()
                .max_by_key(|variant| self.variants[*variant as usize].newest);
            hidden += with_values.count().saturating_sub(1) as u64;
            if let Some(newest) = newest {
                let variant = &mut self.variants[newest as usize];
                families.push(FamilyEntries {
                    family: variant.family(name),
                    buckets: variant.buckets.clone(),
                    entries: std::mem::take(&mut entries[newest as usize]),
                });
            }
        }
        (families, hidden)
    }

    /// All variants, with their names, for the totals.
    pub(super) fn variants(&self) -> impl Iterator<Item = (u32, &str, &Variant)> {
        let names = self.by_name.iter();
        names.flat_map(move |(name, variants)| {
            let all = variants.iter();
            all.map(move |index| (*index, name.as_str(), &self.variants[*index as usize]))
        })
    }
}

/// A family of a scrape.
pub(super) struct FamilyEntries {
    pub(super) family: Arc<Family>,
    pub(super) buckets: Option<Arc<Buckets>>,
    pub(super) entries: Vec<u32>,
}

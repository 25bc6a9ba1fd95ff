//! The table in which a vec keeps its series.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::instrument::Instrument;
use super::labels::key;
use super::series::Series;

/// The series of one vec: found by their label values, listed in order of creation.
///
/// A removed series leaves a gap in the list. The list is compacted when gaps outnumber series, so
/// that removal takes constant time on average and the order stays.
#[derive(Debug)]
pub(crate) struct Children<I> {
    table: HashTable<Entry>,
    slots: Slots<I>,
    gaps: usize,
    /// Whether the overflow series is in the table. The limit does not count it.
    has_overflow: bool,
    hasher: RandomState,
    /// Series that another metric of the family shows, by the key of the values here.
    aliases: HashMap<Box<[u8]>, Arc<Series<I>>>,
}

/// The label value of the overflow series, for every label.
pub(crate) const OVERFLOW: &str = "__overflow__";

/// The index of a series among the slots, and the hash of its values: a table that grows rehashes
/// without reading the series.
#[derive(Clone, Copy, Debug)]
struct Entry {
    position: u32,
    hash: u32,
}

impl Entry {
    /// The hash in the form the table needs, with all bits in use.
    #[inline]
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[derive(Debug)]
struct Slots<I>(Vec<Slot<I>>);

#[derive(Debug)]
struct Slot<I> {
    /// Orders the series of the registry by creation.
    sequence: u64,
    /// `None` for a gap.
    series: Option<Arc<Series<I>>>,
}

/// The unit in which memory is fetched.
const CACHE_LINE: usize = 64;

/// Up to this number of gaps, the list is not compacted.
const FEW: usize = 32;

impl<I: Instrument> Children<I> {
    pub(crate) fn new() -> Self {
        Children {
            table: HashTable::new(),
            slots: Slots(Vec::new()),
            gaps: 0,
            has_overflow: false,
            hasher: RandomState::default(),
            aliases: HashMap::new(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, values: &[&str]) -> Option<&Arc<Series<I>>> {
        let hash = hash_values(&self.hasher, values);
        let entry = self.table.find(Entry::spread(hash), |entry| {
            entry.hash == hash && self.slots.is(entry.position, values)
        });
        match entry {
            Some(entry) => self.slots.at(entry.position),
            None if self.aliases.is_empty() => None,
            None => self.aliases.get(&*key::of(values)),
        }
    }

    /// Has these values lead to a series that another metric shows.
    pub(crate) fn insert_alias(&mut self, values: &[&str], series: Arc<Series<I>>) {
        self.aliases.insert(key::of(values), series);
    }

    /// The series of these values, which another metric shows from now on.
    pub(crate) fn lend(&mut self, values: &[&str]) -> Option<Arc<Series<I>>> {
        let series = self.remove(values)?;
        self.insert_alias(values, Arc::clone(&series));
        Some(series)
    }

    /// Drops the series that other metrics show. Returns whether there were any.
    pub(crate) fn forget_aliases(&mut self) -> bool {
        !std::mem::take(&mut self.aliases).is_empty()
    }

    /// Drops the series of these values that another metric shows. Returns whether there was one.
    pub(crate) fn remove_alias(&mut self, values: &[&str]) -> bool {
        !self.aliases.is_empty() && self.aliases.remove(&*key::of(values)).is_some()
    }

    /// The keys of all series and aliases.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let own = self.all().map(|series| series.key());
        own.chain(self.aliases.keys().map(|key| &**key))
    }

    /// The number of series, without the overflow series.
    pub(crate) fn len(&self) -> usize {
        self.table.len() - usize::from(self.has_overflow)
    }

    /// Adds a series whose values are not in the table.
    pub(crate) fn insert(&mut self, values: &[&str], sequence: u64, series: Arc<Series<I>>) {
        let Children {
            table,
            slots,
            hasher,
            has_overflow,
            ..
        } = self;
        *has_overflow |= is_overflow(values);
        let position = slots.0.len() as u32;
        slots.0.push(Slot {
            sequence,
            series: Some(series),
        });
        let hash = hash_values(hasher, values);
        let entry = Entry { position, hash };
        table.insert_unique(Entry::spread(hash), entry, |entry| {
            Entry::spread(entry.hash)
        });
    }

    /// Removes a series, if it is in the table.
    pub(crate) fn remove(&mut self, values: &[&str]) -> Option<Arc<Series<I>>> {
        let Children {
            table,
            slots,
            hasher,
            has_overflow,
            ..
        } = self;
        let hash = hash_values(hasher, values);
        let occupied = table
            .find_entry(Entry::spread(hash), |entry| {
                entry.hash == hash && slots.is(entry.position, values)
            })
            .ok()?;
        let (Entry { position, .. }, _) = occupied.remove();
        *has_overflow &= !is_overflow(values);
        let series = slots.0[position as usize].series.take();
        self.gaps += 1;
        if self.gaps > FEW && self.gaps > self.table.len() {
            self.compact();
        }
        series
    }

    /// Removes all series and returns them.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    /// Removes the series that were not updated for `timeout` milliseconds and that no handle holds.
    /// Returns whether a handle holds an idle series; such a series is shown again after its next update.
    pub(crate) fn expire(&mut self, now: u32, timeout: u32) -> bool {
        let before = self.slots.0.len();
        let mut held = false;
        self.slots.0.retain(|slot| {
            let Some(series) = &slot.series else {
                return false;
            };
            let is_idle = series.is_idle(now, timeout);
            let is_held = Arc::strong_count(series) > 1;
            held |= is_idle && is_held;
            if is_idle && !is_held {
                series.retire();
            } else {
                series.show(!is_idle);
            }
            !is_idle || is_held
        });
        if self.slots.0.len() < before {
            self.rebuild();
        }
        held
    }

    /// A sequence number that no series exceeds; `None` without series.
    pub(crate) fn last_sequence(&self) -> Option<u64> {
        self.slots.0.last().map(|slot| slot.sequence)
    }

    /// Fetches up to `limit` series from this sequence number on into the cache, all at once. Fetched
    /// one by one, a large exposition spends most of its time waiting for memory.
    pub(crate) fn prefetch(&self, sequence: u64, limit: usize) {
        let start = self.first(sequence);
        let slots = self.slots.0[start..].iter().take(limit);
        let series = slots.filter_map(|slot| slot.series.as_deref());
        let lengths = series.clone().map(Series::key_length).max();
        let lines = series.flat_map(|series| series.text().iter().step_by(CACHE_LINE));
        black_box((lengths, lines.fold(0, |sum, byte| sum ^ byte)));
    }

    /// The series from this sequence number on, oldest first.
    pub(crate) fn since(&self, sequence: u64) -> impl Iterator<Item = (u64, &Series<I>)> {
        self.slots.0[self.first(sequence)..]
            .iter()
            .filter_map(|slot| Some((slot.sequence, slot.series.as_deref()?)))
    }

    /// All series.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Series<I>>> {
        self.slots.0.iter().filter_map(|slot| slot.series.as_ref())
    }

    /// The index of the first slot with at least this sequence number.
    fn first(&self, sequence: u64) -> usize {
        self.slots
            .0
            .partition_point(|slot| slot.sequence < sequence)
    }

    /// Removes the gaps from the list.
    fn compact(&mut self) {
        self.slots.0.retain(|slot| slot.series.is_some());
        self.rebuild();
    }

    /// Builds the table from slots without gaps.
    fn rebuild(&mut self) {
        let Children {
            table,
            slots,
            gaps,
            has_overflow,
            hasher,
            aliases: _,
        } = self;
        slots.0.shrink_to(slots.0.len() * 2);
        *gaps = 0;
        *has_overflow = slots
            .0
            .iter()
            .flat_map(|slot| &slot.series)
            .any(|series| key::parts(series.key()).all(|value| value == OVERFLOW.as_bytes()));
        *table = HashTable::with_capacity(slots.0.len());
        for (slot, position) in slots.0.iter().zip(0..) {
            if let Some(series) = &slot.series {
                let hash = hash(hasher, key::parts(series.key()));
                let entry = Entry { position, hash };
                table.insert_unique(Entry::spread(hash), entry, |entry| {
                    Entry::spread(entry.hash)
                });
            }
        }
    }
}

impl<I: Instrument> Slots<I> {
    #[inline]
    fn at(&self, position: u32) -> Option<&Arc<Series<I>>> {
        self.0[position as usize].series.as_ref()
    }

    #[inline]
    fn is(&self, position: u32, values: &[&str]) -> bool {
        self.at(position)
            .is_some_and(|series| key::matches(series.key(), values))
    }
}

fn is_overflow(values: &[&str]) -> bool {
    values.iter().all(|value| *value == OVERFLOW)
}

#[inline]
fn hash_values(hasher: &RandomState, values: &[&str]) -> u32 {
    hash(hasher, values.iter().map(|value| value.as_bytes()))
}

#[inline]
fn hash<'a>(hasher: &RandomState, values: impl Iterator<Item = &'a [u8]>) -> u32 {
    let mut hasher = hasher.build_hasher();
    for value in values {
        hasher.write_usize(value.len());
        hasher.write(value);
    }
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::counter::CounterCell;
    use crate::metrics::desc::Desc;

    fn children(count: u64) -> Children<CounterCell<u64>> {
        let desc = Desc::counter_vec();
        let mut children = Children::new();
        for number in 0..count {
            let value = number.to_string();
            let series = Series::new(&desc, &[&value], &());
            children.insert(&[&value], number, Arc::new(series));
        }
        children
    }

    fn labels(children: &Children<CounterCell<u64>>, since: u64) -> Vec<String> {
        children
            .since(since)
            .map(|(_, series)| String::from_utf8(series.labels().to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn every_series_is_found_after_growth_and_removals_and_the_order_stays() {
        let mut children = children(1000);
        for number in (0..1000).filter(|number| number % 10 != 3) {
            let value = number.to_string();
            assert!(children.remove(&[&value]).is_some());
            assert!(children.remove(&[&value]).is_none());
        }
        for number in 0..1000 {
            assert_eq!(
                children.get(&[&number.to_string()]).is_some(),
                number % 10 == 3
            );
        }
        let expected: Vec<_> = (0..1000)
            .filter(|n| n % 10 == 3)
            .map(|n| format!("a=\"{n}\""))
            .collect();
        assert_eq!(labels(&children, 0), expected);
        assert!(children.slots.0.len() < 300, "the list is compacted");
    }

    #[test]
    fn a_listing_resumes_at_a_sequence_number_after_series_were_removed() {
        let mut children = children(6);
        for value in ["0", "3", "4"] {
            children.remove(&[value]);
        }
        assert_eq!(labels(&children, 3), ["a=\"5\""]);
        assert_eq!(labels(&children, 1), ["a=\"1\"", "a=\"2\"", "a=\"5\""]);
        drop(children.take());
        assert!(labels(&children, 0).is_empty());
    }
}

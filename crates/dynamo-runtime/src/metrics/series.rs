//! Series, and the table in which a vec keeps its own.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::desc::Desc;
use super::kind::Instrument;
use super::labels::key;

/// One series: its labels, rendered when it is born, and its value.
#[derive(Debug)]
pub(crate) struct Series<I> {
    /// The key of its variable label values, then its labels as rendered.
    text: Box<[u8]>,
    key_length: u32,
    pub(crate) cell: I,
}

impl<I: Instrument> Series<I> {
    pub(crate) fn new(desc: &Desc, values: &[&str], options: &I::Options) -> Self {
        let mut text = Vec::new();
        key::write(values, &mut text);
        let key_length = text.len() as u32;
        desc.template.render(values, &mut text);
        Series {
            text: text.into(),
            key_length,
            cell: I::new(options),
        }
    }

    fn key(&self) -> &[u8] {
        &self.text[..self.key_length as usize]
    }

    pub(crate) fn labels(&self) -> &[u8] {
        &self.text[self.key_length as usize..]
    }
}

/// The series of one vec: found by their label values, listed in order of creation.
///
/// A removed series leaves a gap in the list. The gaps are closed when they outnumber the series,
/// so that removing costs constant time on average and the order stays.
#[derive(Debug)]
pub(crate) struct Children<I> {
    /// Positions in `slots`.
    table: HashTable<u32>,
    slots: Slots<I>,
    gaps: usize,
    hasher: RandomState,
}

#[derive(Debug)]
struct Slots<I>(Vec<Slot<I>>);

#[derive(Debug)]
struct Slot<I> {
    /// Places the series among all of the registry in order of creation.
    sequence: u64,
    series: Option<Arc<Series<I>>>,
}

/// Gaps that are not worth closing.
const FEW: usize = 32;

impl<I: Instrument> Children<I> {
    pub(crate) fn new() -> Self {
        Children {
            table: HashTable::new(),
            slots: Slots(Vec::new()),
            gaps: 0,
            hasher: RandomState::default(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, values: &[&str]) -> Option<&Arc<Series<I>>> {
        let hash = hash_values(&self.hasher, values);
        let position = *self
            .table
            .find(hash, |&position| self.slots.is(position, values))?;
        self.slots.at(position)
    }

    /// Adds a series whose values are not in the table yet.
    pub(crate) fn insert(&mut self, values: &[&str], sequence: u64, series: Arc<Series<I>>) {
        let Children {
            table,
            slots,
            hasher,
            ..
        } = self;
        let position = slots.0.len() as u32;
        slots.0.push(Slot {
            sequence,
            series: Some(series),
        });
        table.insert_unique(hash_values(hasher, values), position, |&position| {
            slots.hash(hasher, position)
        });
    }

    /// Takes a series out, if it is there.
    pub(crate) fn remove(&mut self, values: &[&str]) -> Option<Arc<Series<I>>> {
        let Children {
            table,
            slots,
            hasher,
            ..
        } = self;
        let entry = table
            .find_entry(hash_values(hasher, values), |&position| {
                slots.is(position, values)
            })
            .ok()?;
        let (position, _) = entry.remove();
        let series = slots.0[position as usize].series.take();
        self.gaps += 1;
        if self.gaps > FEW && self.gaps > self.table.len() {
            self.close_gaps();
        }
        series
    }

    pub(crate) fn clear(&mut self) {
        self.table = HashTable::new();
        self.slots.0 = Vec::new();
        self.gaps = 0;
    }

    /// A sequence number that no series exceeds; `None` if there is no series.
    pub(crate) fn last_sequence(&self) -> Option<u64> {
        self.slots.0.last().map(|slot| slot.sequence)
    }

    /// The series with at least this sequence number, oldest first.
    pub(crate) fn since(&self, sequence: u64) -> impl Iterator<Item = (u64, &Series<I>)> {
        let start = self
            .slots
            .0
            .partition_point(|slot| slot.sequence < sequence);
        self.slots.0[start..]
            .iter()
            .filter_map(|slot| Some((slot.sequence, slot.series.as_deref()?)))
    }

    fn close_gaps(&mut self) {
        let Children {
            table,
            slots,
            gaps,
            hasher,
        } = self;
        slots.0.retain(|slot| slot.series.is_some());
        slots.0.shrink_to(slots.0.len() * 2);
        *gaps = 0;
        *table = HashTable::with_capacity(slots.0.len());
        for position in 0..slots.0.len() as u32 {
            let hash = slots.hash(hasher, position);
            table.insert_unique(hash, position, |&position| slots.hash(hasher, position));
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

    fn hash(&self, hasher: &RandomState, position: u32) -> u64 {
        hash(
            hasher,
            self.at(position)
                .into_iter()
                .flat_map(|series| key::parts(series.key())),
        )
    }
}

#[inline]
fn hash_values(hasher: &RandomState, values: &[&str]) -> u64 {
    hash(hasher, values.iter().map(|value| value.as_bytes()))
}

#[inline]
fn hash<'a>(hasher: &RandomState, values: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut hasher = hasher.build_hasher();
    for value in values {
        hasher.write_usize(value.len());
        hasher.write(value);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hierarchy::Path;
    use crate::metrics::counter::CounterCell;
    use crate::metrics::kind::Kind;

    fn children(count: u64) -> Children<CounterCell<u64>> {
        let desc = Desc::new("m".into(), "", Kind::Counter, &Path::root(), &[], &["a"]).unwrap();
        let mut children = Children::new();
        for number in 0..count {
            let value = number.to_string();
            let series = Series::new(&desc, &[&value], &());
            children.insert(&[&value], number, Arc::new(series));
        }
        children
    }

    fn labels(children: &Children<CounterCell<u64>>, since: u64) -> Vec<String> {
        let text = |series: &Series<_>| String::from_utf8(series.labels().to_vec()).unwrap();
        children
            .since(since)
            .map(|(_, series)| text(series))
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
        assert!(children.slots.0.len() < 300, "gaps are closed");
    }

    #[test]
    fn a_listing_resumes_at_a_sequence_number_though_series_went_in_between() {
        let mut children = children(6);
        for value in ["0", "3", "4"] {
            children.remove(&[value]);
        }
        assert_eq!(labels(&children, 3), ["a=\"5\""]);
        assert_eq!(labels(&children, 1), ["a=\"1\"", "a=\"2\"", "a=\"5\""]);
        children.clear();
        assert!(labels(&children, 0).is_empty());
    }
}

//! Series, and the table in which a vec keeps its own.

use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::desc::Desc;
use super::exemplar::{Exemplars, unix_time};
use super::kind::Instrument;
use super::labels::{Labels, key};
use super::registry::{Point, Visitor};

/// One series: its labels, rendered when it is born, and its value.
#[derive(Debug)]
pub(crate) struct Series<I> {
    /// The key of its variable label values, then its labels as rendered.
    text: Box<[u8]>,
    key_length: u32,
    /// When [`Series::is_quiet`] first saw no update, as [`clock`] counts; [`UPDATED`] or [`QUIET`].
    quiet_since: AtomicU32,
    /// When it was born, in milliseconds since 1970.
    created: u64,
    exemplars: Exemplars,
    cell: I,
}

impl<I: Instrument> Series<I> {
    pub(crate) fn new(desc: &Desc, values: &[&str], options: &I::Options) -> Self {
        // Exactly as long as it gets, unless something has to be escaped.
        let length = key::len(values) + desc.template.len(values);
        let mut text = Vec::with_capacity(length);
        key::write(values, &mut text);
        let key_length = text.len() as u32;
        desc.template.render(values, &mut text);
        Series {
            text: text.into(),
            key_length,
            quiet_since: AtomicU32::new(UPDATED),
            created: unix_time().as_millis() as u64,
            exemplars: Exemplars::default(),
            cell: I::new(options),
        }
    }

    /// The value, to look at.
    #[inline]
    pub(crate) fn cell(&self) -> &I {
        &self.cell
    }

    /// The value, to update: the series is not idle.
    #[inline]
    pub(crate) fn update(&self) -> &I {
        self.quiet_since.store(UPDATED, Relaxed);
        &self.cell
    }

    pub(crate) fn exemplars(&self) -> &Exemplars {
        &self.exemplars
    }

    /// What a scrape sees of it.
    #[inline]
    pub(crate) fn show(&self, sequence: u64, desc: &Desc, visitor: &mut Visitor<'_>) {
        self.cell.read(|reading| {
            visitor(&Point {
                sequence,
                labels: Labels::Own {
                    template: &desc.template,
                    key: self.key(),
                    text: &self.text[self.key_length as usize..],
                },
                reading,
                created: Some(Duration::from_millis(self.created)),
                timestamp: None,
                exemplars: Some(&self.exemplars),
            });
        });
    }

    /// Whether there was no update for `timeout` milliseconds, as far as those who asked before
    /// can tell.
    pub(crate) fn is_quiet(&self, now: u32, timeout: u32) -> bool {
        // An update that comes between goes first or last; either way it is seen.
        let becomes = |old, new| {
            let change = self
                .quiet_since
                .compare_exchange(old, new, Relaxed, Relaxed);
            change.is_ok()
        };
        match self.quiet_since.load(Relaxed) {
            UPDATED => {
                becomes(UPDATED, now);
                false
            }
            QUIET => true,
            since => now.wrapping_sub(since) >= timeout && becomes(since, QUIET),
        }
    }

    fn key(&self) -> &[u8] {
        &self.text[..self.key_length as usize]
    }
}

/// There was an update since anybody looked.
const UPDATED: u32 = 0;
/// There was none for so long that the series is idle. A time would not do: after 49 days the clock
/// starts again.
const QUIET: u32 = 1;

/// Milliseconds since some moment, above [`QUIET`]. Differences are right for up to 49 days.
pub(crate) fn clock() -> u32 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    (START.elapsed().as_millis() as u32).max(QUIET + 1)
}

/// The series of one vec: found by their label values, listed in order of creation.
///
/// A removed series leaves a gap in the list. The gaps are closed when they outnumber the series,
/// so that removing costs constant time on average and the order stays.
#[derive(Debug)]
pub(crate) struct Children<I> {
    table: HashTable<Place>,
    slots: Slots<I>,
    gaps: usize,
    /// Whether one of them is the overflow series, which no limit counts.
    has_overflow: bool,
    hasher: RandomState,
}

/// Every label value of the series that takes what a vec's limit keeps out.
pub(crate) const OVERFLOW: &str = "__overflow__";

/// Where a series stands among the slots, and the hash of its values, so that a table that grows
/// needs to look at no series.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: u32,
    hash: u32,
}

impl Place {
    /// The hash as the table wants it, with all bits in use.
    #[inline]
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[derive(Debug)]
struct Slots<I>(Vec<Slot<I>>);

#[derive(Debug)]
struct Slot<I> {
    /// Places the series among all of the registry in order of creation.
    sequence: u64,
    series: Option<Arc<Series<I>>>,
}

/// The unit in which memory is fetched.
const CACHE_LINE: usize = 64;

/// Gaps that are not worth closing.
const FEW: usize = 32;

impl<I: Instrument> Children<I> {
    pub(crate) fn new() -> Self {
        Children {
            table: HashTable::new(),
            slots: Slots(Vec::new()),
            gaps: 0,
            has_overflow: false,
            hasher: RandomState::default(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, values: &[&str]) -> Option<&Arc<Series<I>>> {
        let hash = hash_values(&self.hasher, values);
        let place = self.table.find(Place::spread(hash), |place| {
            place.hash == hash && self.slots.is(place.position, values)
        })?;
        self.slots.at(place.position)
    }

    /// How many series a limit counts.
    pub(crate) fn len(&self) -> usize {
        self.table.len() - usize::from(self.has_overflow)
    }

    /// Adds a series whose values are not in the table yet.
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
        let place = Place { position, hash };
        table.insert_unique(Place::spread(hash), place, |place| {
            Place::spread(place.hash)
        });
    }

    /// Takes a series out, if it is there.
    pub(crate) fn remove(&mut self, values: &[&str]) -> Option<Arc<Series<I>>> {
        let Children {
            table,
            slots,
            hasher,
            has_overflow,
            ..
        } = self;
        let hash = hash_values(hasher, values);
        let entry = table
            .find_entry(Place::spread(hash), |place| {
                place.hash == hash && slots.is(place.position, values)
            })
            .ok()?;
        let (Place { position, .. }, _) = entry.remove();
        *has_overflow &= !is_overflow(values);
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
        self.has_overflow = false;
    }

    /// Takes out the series that were not updated for `timeout` milliseconds, unless somebody holds
    /// a handle: those come back with their next update. Says whether there are such.
    pub(crate) fn expire(&mut self, now: u32, timeout: u32) -> bool {
        let before = self.slots.0.len();
        let mut held = false;
        self.slots.0.retain(|slot| {
            let Some(series) = &slot.series else {
                return false;
            };
            let is_quiet = series.is_quiet(now, timeout);
            let is_held = Arc::strong_count(series) > 1;
            held |= is_quiet && is_held;
            !is_quiet || is_held
        });
        if self.slots.0.len() < before {
            self.rebuild();
        }
        held
    }

    /// A sequence number that no series exceeds; `None` if there is no series.
    pub(crate) fn last_sequence(&self) -> Option<u64> {
        self.slots.0.last().map(|slot| slot.sequence)
    }

    /// Fetches up to `limit` series with at least this sequence number into the cache, all at once:
    /// one by one, most of the time of a large page is spent waiting for memory.
    pub(crate) fn fetch(&self, sequence: u64, limit: usize) {
        let start = self.first(sequence);
        let slots = self.slots.0[start..].iter().take(limit);
        let series = slots.filter_map(|slot| slot.series.as_deref());
        let lengths = series.clone().map(|series| series.key_length).max();
        let lines = series.flat_map(|series| series.text.iter().step_by(CACHE_LINE));
        black_box((lengths, lines.fold(0, |sum, byte| sum ^ byte)));
    }

    /// The series with at least this sequence number, oldest first.
    pub(crate) fn since(&self, sequence: u64) -> impl Iterator<Item = (u64, &Series<I>)> {
        self.slots.0[self.first(sequence)..]
            .iter()
            .filter_map(|slot| Some((slot.sequence, slot.series.as_deref()?)))
    }

    /// The place of the first slot with at least this sequence number.
    fn first(&self, sequence: u64) -> usize {
        self.slots
            .0
            .partition_point(|slot| slot.sequence < sequence)
    }

    fn close_gaps(&mut self) {
        self.slots.0.retain(|slot| slot.series.is_some());
        self.rebuild();
    }

    /// Makes the table anew for slots that have no gaps.
    fn rebuild(&mut self) {
        let Children {
            table,
            slots,
            gaps,
            has_overflow,
            hasher,
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
                let place = Place { position, hash };
                table.insert_unique(Place::spread(hash), place, |place| {
                    Place::spread(place.hash)
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
    use crate::hierarchy::Path;
    use crate::metrics::counter::CounterCell;
    use crate::metrics::kind::Kind;

    fn children(count: u64) -> Children<CounterCell<u64>> {
        let desc = Desc::new(
            "m".into(),
            "".into(),
            Kind::Counter,
            &Path::root(),
            &[],
            &["a"],
        )
        .unwrap();
        let mut children = Children::new();
        for number in 0..count {
            let value = number.to_string();
            let series = Series::new(&desc, &[&value], &());
            children.insert(&[&value], number, Arc::new(series));
        }
        children
    }

    fn labels(children: &Children<CounterCell<u64>>, since: u64) -> Vec<String> {
        let text = |series: &Series<_>| {
            String::from_utf8(series.text[series.key_length as usize..].to_vec()).unwrap()
        };
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
    fn a_series_is_idle_when_nobody_has_seen_an_update_for_the_timeout() {
        let children = children(1);
        let series = children.get(&["0"]).unwrap();
        assert!(!series.is_quiet(1000, 50));
        assert!(!series.is_quiet(1049, 50));
        assert!(series.is_quiet(1050, 50));
        series.update();
        assert!(!series.is_quiet(2000, 50));
        // The clock starts again, between two looks and between an idle series' looks.
        assert!(series.is_quiet(49, 50));
        assert!(series.is_quiet(2001, 50));
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

//! Metrics and series in the file of this process.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::Release, fence};
use std::sync::{Arc, Mutex};

use super::format::{Usage, now};
use super::group::Group;
use super::member::{Member, Slot};
use super::records::{ExemplarWords, FamilyRecord, PartKind, PartRecord, Record, SeriesRecord};
use crate::metrics::{
    Across, Desc, Exemplar, FamilyStorage, Kind, NativeBucket, NativeSnapshot, Removal,
    SeriesStorage, SharedLayout, Slot as ExemplarSlot, Storage,
};
use crate::sync::lock;

/// The words of a block of native buckets, after its state; then a key and a count for each bucket.
pub(super) const NATIVE_SCHEMA: usize = 0;
pub(super) const NATIVE_THRESHOLD: usize = 1;
pub(super) const NATIVE_ZERO_COUNT: usize = 2;
pub(super) const NATIVE_USED: usize = 3;
pub(super) const NATIVE_BUCKETS: usize = 4;

/// The key of a bucket of negative values has this bit.
pub(super) const NEGATIVE: u64 = 1 << 32;

impl Storage for &'static Group {
    fn family(&self, desc: &Desc, layout: &SharedLayout) -> io::Result<Arc<dyn FamilyStorage>> {
        let buckets = layout.buckets.as_ref();
        let family = FamilyRecord {
            created: now(),
            kind: desc.kind,
            word_type: layout.word_type,
            across: desc.across,
            name: desc.name.clone(),
            help: desc.help.clone(),
            unit: desc.unit.clone(),
            owner: desc.owner.clone(),
            bounds: buckets.map_or_else(Vec::new, |buckets| buckets.bounds().to_vec()),
            native: layout.native.clone(),
        };
        let name = family.name.clone();
        let offset = lock(&self.member.contents).family(family)?;
        let stamps = desc.kind == Kind::Gauge && desc.across == Across::Last;
        Ok(Arc::new(SharedFamily {
            group: self,
            name,
            record: offset,
            is_kept: desc.outlives_process(),
            words: layout.words + usize::from(stamps),
            has_native: layout.native.is_some(),
        }))
    }
}

/// A metric in the file.
struct SharedFamily {
    group: &'static Group,
    name: String,
    record: u64,
    is_kept: bool,
    words: usize,
    has_native: bool,
}

impl FamilyStorage for SharedFamily {
    fn series(&self, labels: &[(&str, &str)], created: u64) -> io::Result<Arc<dyn SeriesStorage>> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let labels: Vec<_> = labels.collect();
        let member = &self.group.member;
        // Native histograms have a sequence number before their words.
        let skipped = 1 + usize::from(self.has_native);
        let words = self.words + skipped - 1;
        let mut contents = lock(&member.contents);
        let key = (self.record, labels);
        let resumed = match self.has_native {
            true => None,
            false => contents.resume(&key),
        };
        let slot = match resumed {
            Some(slot) => slot,
            None => {
                let make = |block, generation| {
                    Record::Series(SeriesRecord {
                        generation,
                        family: self.record,
                        block,
                        words: words as u32,
                        created,
                        labels: key.1.clone(),
                    })
                };
                contents.acquire(words, true, make, |_| {})?
            }
        };
        Ok(Arc::new(SharedSeries {
            member,
            slot,
            is_kept: self.is_kept,
            words: contents.words(slot),
            skipped,
            parts: Mutex::default(),
            is_removed: AtomicBool::new(false),
        }))
    }

    fn admits(&self, labels: &[(&str, &str)], limit: usize) -> bool {
        self.group.admits(&self.name, labels, limit)
    }

    fn remove(&self, labels: Vec<(String, Option<String>)>) {
        self.group.remove(vec![Removal {
            before: 0,
            name: self.name.clone(),
            labels,
        }]);
    }
}

/// A series in the file.
struct SharedSeries {
    member: &'static Member,
    slot: Slot,
    /// Whether the value counts when this object is dropped.
    is_kept: bool,
    /// The block, with its state.
    words: &'static [AtomicU64],
    /// The number of words before those of the metric.
    skipped: usize,
    parts: Mutex<Parts>,
    is_removed: AtomicBool,
}

/// The further blocks of a series.
#[derive(Default)]
struct Parts {
    native: Option<NativePart>,
    exemplars: HashMap<ExemplarSlot, (Slot, &'static [AtomicU64])>,
}

struct NativePart {
    slot: Slot,
    words: &'static [AtomicU64],
    /// The positions of the counts.
    positions: HashMap<NativeBucket, usize>,
}

impl Parts {
    fn slots(self) -> Vec<Slot> {
        let exemplars = self.exemplars.into_values().map(|(slot, _)| slot);
        let native = self.native.map(|native| native.slot);
        exemplars.chain(native).collect()
    }
}

/// Adds one to a word that no other thread updates.
fn count(word: &AtomicU64) {
    word.store(word.load(Relaxed).saturating_add(1), Relaxed);
}

fn key(bucket: NativeBucket) -> u64 {
    match bucket {
        NativeBucket::Negative(index) => NEGATIVE | u64::from(index.cast_unsigned()),
        NativeBucket::Positive(index) => index.cast_unsigned().into(),
        NativeBucket::Zero => 0,
    }
}

impl NativePart {
    /// Counts an observation. Returns whether there was room.
    fn count(&mut self, bucket: NativeBucket) -> bool {
        if bucket == NativeBucket::Zero {
            count(&self.words[NATIVE_ZERO_COUNT]);
            return true;
        }
        if let Some(position) = self.positions.get(&bucket) {
            count(&self.words[*position]);
            return true;
        }
        let used = self.positions.len();
        let Some([key_word, count_word]) = self
            .words
            .get(NATIVE_BUCKETS + 2 * used..)
            .and_then(|rest| rest.first_chunk())
        else {
            return false;
        };
        key_word.store(key(bucket), Relaxed);
        count_word.store(1, Relaxed);
        self.words[NATIVE_USED].store(used as u64 + 1, Release);
        self.positions.insert(bucket, NATIVE_BUCKETS + 2 * used + 1);
        true
    }

    fn snapshot(&self) -> NativeSnapshot {
        let words: Vec<u64> = self.words.iter().map(|word| word.load(Relaxed)).collect();
        super::view::native_snapshot(&words).unwrap_or(NativeSnapshot {
            schema: 0,
            zero_threshold: 0.0,
            zero_count: 0,
            positive: Vec::new(),
            negative: Vec::new(),
        })
    }
}

impl SharedSeries {
    /// Adds a block to the series.
    fn part(
        &self,
        kind: PartKind,
        words: usize,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> io::Result<(Slot, &'static [AtomicU64])> {
        let mut contents = lock(&self.member.contents);
        let series_generation = contents.generation(self.slot);
        let make = |block, generation| {
            Record::Part(PartRecord {
                generation,
                series: self.slot.record,
                series_generation,
                block,
                words: words as u32,
                kind,
            })
        };
        let slot = contents.acquire(words, false, make, fill)?;
        Ok((slot, &contents.words(slot)[1..]))
    }

    /// Writes the native buckets into a new block. On a full disk, the buckets that are there stay.
    fn replace(&self, parts: &mut Parts, buckets: &NativeSnapshot) {
        let positive = buckets.positive.iter();
        let positive = positive.map(|&(index, count)| (NativeBucket::Positive(index), count));
        let negative = buckets.negative.iter();
        let negative = negative.map(|&(index, count)| (NativeBucket::Negative(index), count));
        let all: Vec<_> = positive.chain(negative).collect();
        let capacity = (all.len() + 4).next_power_of_two().max(16);
        let added = self.part(PartKind::Native, NATIVE_BUCKETS + 2 * capacity, |words| {
            words[NATIVE_SCHEMA].store(i64::from(buckets.schema).cast_unsigned(), Relaxed);
            words[NATIVE_THRESHOLD].store(buckets.zero_threshold.to_bits(), Relaxed);
            words[NATIVE_ZERO_COUNT].store(buckets.zero_count, Relaxed);
            words[NATIVE_USED].store(all.len() as u64, Relaxed);
            let pairs = words[NATIVE_BUCKETS..].chunks_exact(2);
            for (pair, (bucket, count)) in pairs.zip(&all) {
                pair[0].store(key(*bucket), Relaxed);
                pair[1].store(*count, Relaxed);
            }
        });
        let Ok((slot, words)) = added else {
            return;
        };
        let positions = all.iter().enumerate();
        let positions =
            positions.map(|(index, (bucket, _))| (*bucket, NATIVE_BUCKETS + 2 * index + 1));
        let old = parts.native.replace(NativePart {
            slot,
            words,
            positions: positions.collect(),
        });
        if let Some(old) = old {
            lock(&self.member.contents).release(old.slot);
        }
    }
}

impl SeriesStorage for SharedSeries {
    fn words(&self) -> &'static [AtomicU64] {
        &self.words[self.skipped..]
    }

    fn store_exemplar(&self, slot: ExemplarSlot, exemplar: &Exemplar) {
        let words = ExemplarWords::new(slot, exemplar).to_words();
        let mut parts = lock(&self.parts);
        if let Some((_, block)) = parts.exemplars.get(&slot)
            && block.len() > words.len()
        {
            write_exemplar(block, &words);
            return;
        }
        // Exemplars of other traces have about the same length.
        let room = (words.len() + 1).next_multiple_of(8);
        let added = self.part(PartKind::Exemplar, room, |block| {
            write_exemplar(block, &words)
        });
        if let Ok(added) = added
            && let Some((old, _)) = parts.exemplars.insert(slot, added)
        {
            lock(&self.member.contents).release(old);
        }
    }

    fn count_native(&self, bucket: NativeBucket) {
        let mut parts = lock(&self.parts);
        let Some(native) = &mut parts.native else {
            return;
        };
        if !native.count(bucket) {
            let mut buckets = native.snapshot();
            let (side, index) = match bucket {
                NativeBucket::Negative(index) => (&mut buckets.negative, index),
                NativeBucket::Positive(index) => (&mut buckets.positive, index),
                NativeBucket::Zero => return,
            };
            let position = side.partition_point(|(other, _)| *other < index);
            side.insert(position, (index, 1));
            self.replace(&mut parts, &buckets);
        }
    }

    fn replace_native(&self, buckets: &NativeSnapshot) {
        self.replace(&mut lock(&self.parts), buckets);
    }

    fn begin_update(&self) {
        if let [_, sequence, ..] = self.words {
            sequence.store(sequence.load(Relaxed) | 1, Relaxed);
            fence(Release);
        }
    }

    fn end_update(&self) {
        if let [_, sequence, ..] = self.words {
            sequence.store((sequence.load(Relaxed) | 1).wrapping_add(1), Release);
        }
    }

    fn show(&self, shown: bool) {
        let usage = match shown {
            true => Usage::Live,
            false if self.is_kept => Usage::Idle,
            false => Usage::Hidden,
        };
        if !self.is_removed.load(Relaxed) {
            lock(&self.member.contents).set_usage(self.slot, usage);
        }
    }

    fn expire(&self) {
        match self.is_kept {
            true => lock(&self.member.contents).set_usage(self.slot, Usage::Expired),
            false => self.remove(),
        }
    }

    fn remove(&self) {
        self.is_removed.store(true, Relaxed);
        lock(&self.member.contents).set_usage(self.slot, Usage::Hidden);
    }

    fn reset(&self) {
        let parts = std::mem::take(&mut *lock(&self.parts)).slots();
        let mut contents = lock(&self.member.contents);
        parts.into_iter().for_each(|slot| contents.release(slot));
    }
}

impl Drop for SharedSeries {
    /// Counters and histograms go on counting for the group, unless they were removed.
    fn drop(&mut self) {
        let is_kept = self.is_kept && !self.is_removed.load(Relaxed);
        let parts = std::mem::take(&mut *lock(&self.parts)).slots();
        let mut contents = lock(&self.member.contents);
        if is_kept {
            contents.retain(self.slot, parts);
            return;
        }
        parts.into_iter().for_each(|slot| contents.release(slot));
        contents.release(self.slot);
    }
}

/// Writes an exemplar into its block, between two sequence numbers.
fn write_exemplar(block: &[AtomicU64], words: &[u64]) {
    let [sequence, block @ ..] = block else {
        return;
    };
    let odd = sequence.load(Relaxed) | 1;
    sequence.store(odd, Relaxed);
    fence(Release);
    for (word, value) in block.iter().zip(words) {
        word.store(*value, Relaxed);
    }
    sequence.store(odd + 1, Release);
}

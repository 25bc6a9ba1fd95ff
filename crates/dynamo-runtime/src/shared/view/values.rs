//! The values of a file: reads the words of its blocks into the table.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::super::format::{FileKind, State, Usage, u64_at};
use super::super::records::{ExemplarWords, MAX_RECORD, PartKind, Record};
use super::super::series::{
    NATIVE_BUCKETS, NATIVE_SCHEMA, NATIVE_THRESHOLD, NATIVE_USED, NATIVE_ZERO_COUNT, NEGATIVE,
};
use super::super::table::{Sum, Table};
use super::{Part, Series, View};
use crate::metrics::{Exemplar, NativeSnapshot, Scalar, WordType};

impl View {
    fn word(&self, position: usize) -> u64 {
        u64_at(&self.bytes, position).unwrap_or_default()
    }

    pub(super) fn add_values(&mut self, table: &mut Table, stable: &[bool]) {
        let is_ended = self.header.kind == FileKind::Member && !self.is_alive;
        for metric in self.metrics.values() {
            if !is_ended || metric.record.across.outlives_process(metric.record.kind) {
                table.note(metric.variant, metric.record.created);
            }
        }
        let mut stable = stable.iter();
        for index in 0..self.series.len() {
            // For native histograms, whether no update was in progress.
            let is_stable = match self.series[index].is_native {
                true => stable.next().copied(),
                false => None,
            };
            let state = State::of(self.word(self.series[index].position));
            if state.usage == Usage::Hidden
                || (is_ended && !self.series[index].is_kept)
                || (state.generation != self.series[index].generation
                    && !self.read_again(index, state.generation, table))
            {
                continue;
            }
            let is_totals = self.header.kind == FileKind::Totals;
            let series = &self.series[index];
            if table.holds(series.entry, series.created, state.usage, is_totals) {
                self.add_value(index, is_stable, table);
            }
        }
    }

    /// Reads the record of a slot that is in use for another series now. Returns whether the record is that
    /// of `generation`.
    fn read_again(&mut self, index: usize, generation: u64, table: &mut Table) -> bool {
        let offset = self.series[index].record;
        let Some(Record::Series(record)) = self.record_at(offset) else {
            return false;
        };
        if record.generation != generation || record.block != self.series[index].block {
            return false;
        }
        let Ok(mut series) = self.series(offset, &record, table) else {
            return false;
        };
        series.position = self.series[index].position;
        series.parts = std::mem::take(&mut self.series[index].parts);
        // The number of words of a slot never changes.
        let is_same = series.words == self.series[index].words
            && series.is_native == self.series[index].is_native;
        if is_same {
            self.series[index] = series;
        }
        is_same
    }

    fn record_at(&self, offset: u64) -> Option<Record> {
        let mut bytes = vec![0; 4];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
        if length > MAX_RECORD {
            return None;
        }
        bytes.resize(length, 0);
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(Record::read(&bytes)?.0)
    }

    fn add_value(&mut self, index: usize, is_stable: Option<bool>, table: &mut Table) {
        let series = &self.series[index];
        let (position, entry) = (series.position + 8, series.entry);
        let is_total = self.header.kind == FileKind::Totals;
        let second = self.word(position + 8);
        let low = match is_total {
            true => f64::from_bits(second),
            false => 0.0,
        };
        let updated = if series.words > 1 && !is_total {
            second
        } else {
            0
        };
        let word = self.word(position);
        match series.word_type {
            WordType::Float => table.add(entry, Scalar::Float(f64::from_bits(word)), low, updated),
            WordType::Unsigned => table.add(entry, Scalar::Unsigned(word), 0.0, updated),
            WordType::Signed => {
                table.add(entry, Scalar::Signed(word.cast_signed()), 0.0, updated);
            }
            WordType::Histogram => self.add_histogram(index, is_stable, table),
        }
        self.add_exemplars(index, table);
    }

    fn add_histogram(&mut self, index: usize, is_stable: Option<bool>, table: &mut Table) {
        let series = &self.series[index];
        let entry = series.entry;
        let Some(metric) = self.metrics.get(&series.metric) else {
            return;
        };
        let buckets = metric.record.bounds.len() + 1;
        let start = series.position + 8 + 8 * usize::from(series.is_native);
        let high = f64::from_bits(self.word(start + 8 * buckets));
        let low = match self.header.kind {
            FileKind::Totals => f64::from_bits(self.word(start + 8 * buckets + 8)),
            FileKind::Member => 0.0,
        };
        let sum = Sum { high, low };
        let counts = (0..buckets).map(|bucket| self.word(start + 8 * bucket));
        let Some(is_stable) = is_stable else {
            table.add_histogram(entry, counts, sum, None);
            return;
        };
        let mut counts: Vec<u64> = counts.collect();
        let mut sum = sum;
        let mut native = self.native(series);
        if !is_stable && let Some(last) = self.series[index].last.clone() {
            (counts, sum, native) = last;
        } else if let Some(native) = &mut native {
            // An update in progress has changed one of the two, the native buckets first.
            let total = counts
                .iter()
                .fold(0_u64, |sum, count| sum.saturating_add(*count));
            let of_native = native.count();
            if let Some(last) = counts.last_mut() {
                *last = last.saturating_add(of_native.saturating_sub(total));
            }
            native.zero_count += total.saturating_sub(of_native);
        }
        if is_stable && self.is_alive {
            self.series[index].last = Some((counts.clone(), sum, native.clone()));
        }
        table.add_histogram(entry, counts.into_iter(), sum, native);
    }

    /// The blocks of a series that are in use.
    fn parts(&self, series: &Series, kind: PartKind) -> impl Iterator<Item = &Part> {
        let parts = series.parts.iter().map(|part| &self.parts[*part]);
        parts.filter(move |part| {
            part.contents.kind == kind
                && part.contents.series_generation == series.generation
                && State::of(self.word(part.position))
                    == (State {
                        generation: part.contents.generation,
                        usage: Usage::Live,
                    })
        })
    }

    fn block(&self, part: &Part) -> Vec<u64> {
        let words = 1..=part.contents.words as usize;
        words
            .map(|word| self.word(part.position + 8 * word))
            .collect()
    }

    fn native(&self, series: &Series) -> Option<NativeSnapshot> {
        let last = self.parts(series, PartKind::Native).last()?;
        native_snapshot(&self.block(last))
    }

    fn add_exemplars(&mut self, index: usize, table: &mut Table) {
        if self.series[index].parts.is_empty() {
            return;
        }
        self.read_parts_again(index);
        let series = &self.series[index];
        for part in self.parts(series, PartKind::Exemplar) {
            let words = self.block(part);
            let Some(([sequence], words)) = words.split_first_chunk() else {
                continue;
            };
            // Odd while it is being written: another one follows soon.
            if sequence % 2 == 0
                && let Some(exemplar) = ExemplarWords::from_words(words)
            {
                let exemplars = table.entries[series.entry as usize]
                    .exemplars
                    .get_or_insert_default();
                exemplars.store_newest(
                    exemplar.slot,
                    Exemplar {
                        labels: exemplar.labels,
                        value: exemplar.value,
                        time: Duration::from_nanos(exemplar.nanos),
                        has_assumed_time: false,
                    },
                );
            }
        }
    }

    /// Reads the records of parts that are in use for something else now.
    fn read_parts_again(&mut self, index: usize) {
        for position in 0..self.series[index].parts.len() {
            let number = self.series[index].parts[position];
            let part = &self.parts[number];
            let state = State::of(self.word(part.position));
            if state.usage == Usage::Hidden || state.generation == part.contents.generation {
                continue;
            }
            if let Some(Record::Part(contents)) = self.record_at(part.record)
                && contents.block == part.contents.block
                && contents.words == part.contents.words
            {
                let other = self.by_record.get(&contents.series).copied();
                self.parts[number].contents = contents;
                if let Some(other) = other.filter(|other| *other != index) {
                    self.series[other].parts.push(number);
                }
            }
        }
    }
}

/// The native buckets in the words of a block, without its state.
pub(in crate::shared) fn native_snapshot(words: &[u64]) -> Option<NativeSnapshot> {
    let schema = i8::try_from(words.get(NATIVE_SCHEMA)?.cast_signed()).ok()?;
    if !(-4..=8).contains(&schema) {
        return None;
    }
    let used = usize::try_from(*words.get(NATIVE_USED)?).ok()?;
    let pairs = words.get(NATIVE_BUCKETS..)?.chunks_exact(2);
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    for pair in pairs.take(used) {
        let index = (pair[0] as u32).cast_signed();
        // The largest index is that of infinity at the finest schema.
        if index.unsigned_abs() > 1 << 20 {
            return None;
        }
        let side = match pair[0] & NEGATIVE {
            0 => &mut positive,
            _ => &mut negative,
        };
        side.push((index, pair[1]));
    }
    positive.sort_unstable();
    negative.sort_unstable();
    Some(NativeSnapshot {
        schema,
        zero_threshold: f64::from_bits(*words.get(NATIVE_THRESHOLD)?),
        zero_count: *words.get(NATIVE_ZERO_COUNT)?,
        positive,
        negative,
    })
}

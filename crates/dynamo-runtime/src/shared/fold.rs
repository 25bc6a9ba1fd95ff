//! Moves the values of members that have ended into the totals.
//!
//! The new totals name the members whose values they have. They replace the old ones at once, and only then
//! are the files of these members removed: killed at any point, no value is lost or counted twice.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path as FilePath;
use std::time::{Duration, SystemTime};

use super::directory::{DAMAGED, Directory, MEMBER, NEW, NEXT_TOTALS, TOTALS, is_alive};
use super::format::{FileKind, HEADER, Header, Id, State, Unreadable, Usage, now, random_id};
use super::records::{ExemplarWords, PartKind, PartRecord, Record, SeriesRecord};
use super::refused::Refused;
use super::removals;
use super::series::{NATIVE_BUCKETS, NEGATIVE};
use super::table::{Entry, Table, Value};
use super::view::View;
use crate::metrics::{NativeSnapshot, Path, Scalar, WordType};

/// All members look for members that have ended, one of them in this time.
const INTERVAL: Duration = Duration::from_millis(500);

/// Folds all members that have ended. Does nothing if another member is doing that, or has just done it.
pub(super) fn fold(directory: &Directory, refused: &Refused) -> io::Result<()> {
    let Some(lock) = directory.lock_fold()? else {
        return Ok(());
    };
    let file = &lock.0;
    let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
    let is_new = file.metadata()?.len() == 0;
    if age < INTERVAL && !is_new {
        return Ok(());
    }
    if is_new {
        { file }.write_all(b"\n")?;
    }
    file.set_modified(SystemTime::now())?;
    fold_locked(directory, refused)
}

fn fold_locked(directory: &Directory, refused: &Refused) -> io::Result<()> {
    remove_unfinished(directory)?;
    let mut table = Table::default();
    table.read_removals(directory);
    let path = directory.file(TOTALS);
    let totals = match View::open(&path) {
        Ok(Ok(view)) => Some(view),
        Ok(Err(reason)) => return set_aside(directory, TOTALS, reason, refused),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let ended = ended(directory, refused)?;
    if ended.is_empty() && table.removals.is_empty() {
        return Ok(());
    }
    let mut folded = Vec::new();
    let mut created = now();
    if let Some(mut view) = totals {
        if let Err(reason) = view.read(&mut table) {
            return set_aside(directory, TOTALS, reason, refused);
        }
        folded.extend(view.folded.iter().copied());
        created = view.header.created;
    }
    let mut done = Vec::new();
    for (name, mut view) in ended {
        let id = view.header.id;
        if !folded.contains(&id) {
            // A damaged file must not leave a part of its values: it is read into a table of its own first.
            if let Err(reason) = view.read(&mut Table::default()) {
                set_aside(directory, &name, reason, refused)?;
                continue;
            }
            view.clear();
            if let Err(reason) = view.read(&mut table) {
                set_aside(directory, &name, reason, refused)?;
                continue;
            }
        }
        done.push((name, id));
    }
    let ids: Vec<Id> = done.iter().map(|(_, id)| *id).collect();
    let has_new = ids.iter().any(|id| !folded.contains(id));
    if has_new || table.has_removed_totals {
        // The files of members that were folded before may be there still.
        let kept = if has_new { &ids } else { &folded };
        write_totals(directory, &table, kept, created)?;
    }
    for (name, _) in done {
        remove(&directory.file(&name))?;
    }
    removals::prune(directory, table.removals)
}

/// The members that have ended, by the names of their files.
fn ended(directory: &Directory, refused: &Refused) -> io::Result<Vec<(String, View)>> {
    let mut ended = Vec::new();
    for name in directory.names(MEMBER)? {
        match View::open(&directory.file(&name)) {
            Ok(Ok(view)) if view.is_alive => {}
            Ok(Ok(view)) => ended.push((name, view)),
            Ok(Err(reason)) => set_aside(directory, &name, reason, refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ended)
}

/// Replaces the totals.
fn write_totals(
    directory: &Directory,
    table: &Table,
    folded: &[Id],
    created: u64,
) -> io::Result<()> {
    let bytes = encode(table, folded, created)?;
    directory.replace(TOTALS, NEXT_TOTALS, &bytes)
}

/// The bytes of a file of totals: the header, the log, and the blocks.
fn encode(table: &Table, folded: &[Id], created: u64) -> io::Result<Vec<u8>> {
    // The offsets of blocks depend on the length of the log, which does not depend on the offsets.
    let length = log(table, folded, 0).0.len() as u64;
    let (log, blocks) = log(table, folded, HEADER + length);
    let header = Header {
        kind: FileKind::Totals,
        id: random_id()?,
        log_end: HEADER + length,
        created,
        number: 0,
        pid: 0,
        has_callbacks: false,
    };
    let mut bytes = header.to_bytes().to_vec();
    bytes.resize(HEADER as usize, 0);
    bytes.extend(log);
    bytes.extend(blocks.iter().flat_map(|word| word.to_ne_bytes()));
    Ok(bytes)
}

/// The log, and the words of the blocks, which begin at `blocks_start`.
fn log(table: &Table, folded: &[Id], blocks_start: u64) -> (Vec<u8>, Vec<u64>) {
    let mut log = Record::Folded(folded.to_vec()).to_bytes();
    let mut blocks: Vec<u64> = Vec::new();
    let mut families: HashMap<(u32, &Path, WordType), u64> = HashMap::new();
    let variants: HashMap<u32, _> = table
        .variants()
        .map(|(index, name, variant)| (index, (name, variant)))
        .collect();
    for entry in &table.entries {
        let Some((name, variant)) = variants.get(&entry.variant) else {
            continue;
        };
        let Some((word_type, words, native)) = words(entry) else {
            continue;
        };
        if !variant.outlives_process() {
            continue;
        }
        let offset = HEADER + log.len() as u64;
        let family = *families
            .entry((entry.variant, &entry.owner, word_type))
            .or_insert_with(|| {
                let record = variant.record(name, &entry.owner, word_type);
                log.extend(Record::Family(record).to_bytes());
                offset
            });
        let series = HEADER + log.len() as u64;
        let block = blocks_start + 8 * blocks.len() as u64;
        let record = Record::Series(SeriesRecord {
            generation: 0,
            family,
            block,
            words: words.len() as u32,
            created: entry.created,
            labels: entry.labels.pairs.clone(),
        });
        log.extend(record.to_bytes());
        let live = State {
            generation: 0,
            usage: Usage::Live,
        };
        blocks.push(live.to_word());
        blocks.extend(words);
        let mut add_part = |kind, words: Vec<u64>| {
            let record = Record::Part(PartRecord {
                generation: 0,
                series,
                series_generation: 0,
                block: blocks_start + 8 * blocks.len() as u64,
                words: words.len() as u32,
                kind,
            });
            log.extend(record.to_bytes());
            blocks.push(live.to_word());
            blocks.extend(words);
        };
        if let Some(native) = native {
            add_part(PartKind::Native, native_words(native));
        }
        for (slot, exemplar) in entry.exemplars.iter().flat_map(|all| all.with_slots()) {
            let exemplar = ExemplarWords::new(slot, &exemplar).to_words();
            // The sequence number comes first: 0, as the exemplar has no writer.
            add_part(
                PartKind::Exemplar,
                [0].into_iter().chain(exemplar).collect(),
            );
        }
    }
    (log, blocks)
}

/// The words of a merged series in the totals.
fn words(entry: &Entry) -> Option<(WordType, Vec<u64>, Option<&NativeSnapshot>)> {
    match &entry.value {
        Value::Empty | Value::One(..) => None,
        Value::Sum(total) => Some(match total.scalar() {
            Scalar::Unsigned(value) => (WordType::Unsigned, vec![value], None),
            Scalar::Signed(value) => (WordType::Signed, vec![value.cast_unsigned()], None),
            Scalar::Float(_) => {
                let sum = total.sum();
                let words = vec![sum.high.to_bits(), sum.low.to_bits()];
                (WordType::Float, words, None)
            }
        }),
        Value::Histogram(total) => {
            let sums = [total.sum.high.to_bits(), total.sum.low.to_bits()];
            let sequence = total.native.is_some().then_some(0);
            let words = sequence.into_iter().chain(total.counts.iter().copied());
            let words = words.chain(sums).collect();
            Some((WordType::Histogram, words, total.native.as_ref()))
        }
    }
}

fn native_words(native: &NativeSnapshot) -> Vec<u64> {
    let used = native.positive.len() + native.negative.len();
    let mut words = vec![
        i64::from(native.schema).cast_unsigned(),
        native.zero_threshold.to_bits(),
        native.zero_count,
        used as u64,
    ];
    debug_assert_eq!(words.len(), NATIVE_BUCKETS);
    for (side, sign) in [(&native.positive, 0), (&native.negative, NEGATIVE)] {
        for (index, count) in side {
            words.extend([sign | u64::from(index.cast_unsigned()), *count]);
        }
    }
    words
}

/// Removes the files of processes that were killed while they joined or folded.
fn remove_unfinished(directory: &Directory) -> io::Result<()> {
    for name in directory.names(NEW)? {
        let path = directory.file(&name);
        if let Ok(file) = File::open(&path) {
            let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
            // A process that joins has the lock, except for a moment.
            if age > Duration::from_secs(10) && !is_alive(&file)? {
                remove(&path)?;
            }
        }
    }
    remove(&directory.file(NEXT_TOTALS))
}

fn remove(path: &FilePath) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Renames a file that cannot be read, if its process has ended and no newer version can read it.
fn set_aside(
    directory: &Directory,
    name: &str,
    reason: Unreadable,
    refused: &Refused,
) -> io::Result<()> {
    let path = directory.file(name);
    let file = File::open(&path)?;
    refused.add(&path, file.metadata()?.ino(), reason);
    if is_alive(&file)? || reason == Unreadable::Newer {
        return Ok(());
    }
    fs::rename(&path, directory.file(&format!("{DAMAGED}{name}-{}", now())))
}

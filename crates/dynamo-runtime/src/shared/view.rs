//! A file as a scrape reads it. Its records are parsed once; later scrapes read the words only.
//!
//! Files are read and never mapped here: another process may truncate a file at any time.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path as FilePath;
use std::sync::Arc;

use super::directory::is_alive;
use super::format::{
    FileKind, HEADER, HEADER_READ, HEALTH_LENGTH, HEALTH_SEQUENCE, HEALTH_TEXT, Header, Id,
    Unreadable, u64_at,
};
use super::records::{FamilyRecord, MAX_RECORD, PartRecord, Record, SeriesRecord};
use super::table::{Sum, Table};
use crate::metrics::{NativeSnapshot, WordType};

mod values;

pub(super) use values::native_snapshot;

/// Gaps between blocks that are read along.
const GAP: u64 = 512;
/// How often values that are being updated are read again.
const TRIES: usize = 4;
/// Files of other programs may have any contents: no file is larger.
const MAX_FILE: u64 = 1 << 32;

/// A file of the group.
pub(super) struct View {
    file: File,
    inode: u64,
    pub(super) header: Header,
    pub(super) is_alive: bool,
    /// Where the next record is.
    at: u64,
    metrics: HashMap<u64, Metric>,
    series: Vec<Series>,
    by_record: HashMap<u64, usize>,
    parts: Vec<Part>,
    pub(super) folded: HashSet<Id>,
    /// The ranges of bytes to read, in order, and where they begin in `bytes`.
    ranges: Vec<(u64, usize, usize)>,
    bytes: Vec<u8>,
    has_new_blocks: bool,
}

#[derive(Clone)]
struct Metric {
    record: Arc<FamilyRecord>,
    variant: u32,
}

struct Series {
    record: u64,
    generation: u64,
    metric: u64,
    word_type: WordType,
    /// Whether the value counts after the end of the process.
    is_kept: bool,
    is_native: bool,
    block: u64,
    words: usize,
    entry: u32,
    /// In milliseconds since 1970.
    created: u64,
    /// The position of the block in the bytes that were read.
    position: usize,
    parts: Vec<usize>,
    /// The last values that were read while the series was not being updated.
    last: Option<(Vec<u64>, Sum, Option<NativeSnapshot>)>,
}

struct Part {
    record: u64,
    contents: PartRecord,
    position: usize,
}

impl View {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &FilePath) -> io::Result<Result<Self, Unreadable>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let is_alive = is_alive(&file)?;
        let header = match read_header(&file)? {
            Ok(header) if metadata.is_file() => header,
            Ok(_) => return Ok(Err(Unreadable::Damaged)),
            Err(unreadable) => return Ok(Err(unreadable)),
        };
        Ok(Ok(View {
            inode: metadata.ino(),
            file,
            header,
            is_alive,
            at: HEADER,
            metrics: HashMap::new(),
            series: Vec::new(),
            by_record: HashMap::new(),
            parts: Vec::new(),
            folded: HashSet::new(),
            ranges: Vec::new(),
            bytes: Vec::new(),
            has_new_blocks: false,
        }))
    }

    /// Whether `path` still leads to this file.
    pub(super) fn is_at(&self, path: &FilePath) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.ino() == self.inode)
    }

    /// Reads the header and whether the member is alive.
    pub(super) fn refresh(&mut self) {
        if self.is_alive {
            self.is_alive = is_alive(&self.file).unwrap_or(false);
        }
        if let Ok(Ok(header)) = read_header(&self.file) {
            self.header = header;
        }
    }

    /// Drops all records, to parse them again into a new table.
    pub(super) fn clear(&mut self) {
        self.at = HEADER;
        self.metrics.clear();
        self.series.clear();
        self.by_record.clear();
        self.parts.clear();
        self.has_new_blocks = true;
    }

    /// The number of series in the file, with those that are not in use.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Reads what is new, and adds all values to the table. Gauges of a member that has ended are left out.
    pub(super) fn read(&mut self, table: &mut Table) -> Result<(), Unreadable> {
        if self.header.kind == FileKind::Member && self.is_alive {
            // Before the values: after the end of its process they are final.
            self.is_alive = is_alive(&self.file).unwrap_or(false);
        }
        let header = read_header(&self.file).map_err(|_| Unreadable::Damaged)??;
        if header.id != self.header.id {
            return Err(Unreadable::Damaged);
        }
        self.header = header;
        self.parse(table)?;
        if self.has_new_blocks {
            self.lay_out()?;
        }
        let has_native = self.series.iter().any(|series| series.is_native);
        let mut stable = Vec::new();
        for _ in 0..if has_native { TRIES } else { 1 } {
            let before = self.sequences()?;
            for &(offset, start, end) in &self.ranges {
                self.file
                    .read_exact_at(&mut self.bytes[start..end], offset)
                    .map_err(|_| Unreadable::Damaged)?;
            }
            let after = self.sequences()?;
            stable = before
                .iter()
                .zip(&after)
                .map(|(before, after)| before == after && before % 2 == 0)
                .collect();
            if stable.iter().all(|is_stable| *is_stable) {
                break;
            }
        }
        self.add_values(table, &stable);
        Ok(())
    }

    /// The sequence numbers of native histograms, in the order of the series.
    fn sequences(&self) -> Result<Vec<u64>, Unreadable> {
        let native = self.series.iter().filter(|series| series.is_native);
        native
            .map(|series| {
                let mut word = [0; 8];
                self.file
                    .read_exact_at(&mut word, series.block + 8)
                    .map_err(|_| Unreadable::Damaged)?;
                Ok(u64::from_ne_bytes(word))
            })
            .collect()
    }

    /// Parses the records that were added since the last call.
    fn parse(&mut self, table: &mut Table) -> Result<(), Unreadable> {
        let mut bytes = Vec::new();
        while self.at != self.header.log_end {
            // The log may continue in another part: what follows this record is unknown.
            let left = self
                .header
                .log_end
                .checked_sub(self.at)
                .ok_or(Unreadable::Damaged)?;
            let part = usize::try_from(left.min(1 << 16)).map_err(|_| Unreadable::Damaged)?;
            bytes.resize(part, 0);
            let read = self
                .file
                .read_at(&mut bytes, self.at)
                .map_err(|_| Unreadable::Damaged)?;
            bytes.truncate(read);
            let first = bytes
                .first_chunk()
                .map(|length| u32::from_ne_bytes(*length) as usize);
            if let Some(length) =
                first.filter(|length| *length > bytes.len() && *length <= MAX_RECORD)
            {
                bytes.resize(length, 0);
                self.file
                    .read_exact_at(&mut bytes, self.at)
                    .map_err(|_| Unreadable::Damaged)?;
            }
            self.parse_part(&bytes, table)?;
        }
        Ok(())
    }

    /// Parses the whole records at the start of `bytes`: one at least.
    fn parse_part(&mut self, bytes: &[u8], table: &mut Table) -> Result<(), Unreadable> {
        let mut rest = bytes;
        let begin = self.at;
        while let Some((record, length)) = Record::read(rest) {
            let offset = self.at;
            self.at += length as u64;
            if self.at > self.header.log_end {
                return Err(Unreadable::Damaged);
            }
            if let Record::Jump { next, end } = record {
                if next < self.at || end > MAX_FILE || next > self.header.log_end {
                    return Err(Unreadable::Damaged);
                }
                self.at = next;
                return Ok(());
            }
            self.add_record(offset, record, table)?;
            if self.at == self.header.log_end {
                return Ok(());
            }
            rest = &rest[length..];
        }
        if self.at == begin {
            Err(Unreadable::Damaged)
        } else {
            Ok(())
        }
    }

    fn add_record(
        &mut self,
        offset: u64,
        record: Record,
        table: &mut Table,
    ) -> Result<(), Unreadable> {
        match record {
            Record::Family(record) => {
                let variant = table.variant(&record).ok_or(Unreadable::Damaged)?;
                let record = Arc::new(record);
                self.metrics.insert(offset, Metric { record, variant });
            }
            Record::Series(record) => {
                let series = self.series(offset, &record, table)?;
                self.by_record.insert(offset, self.series.len());
                self.series.push(series);
                self.has_new_blocks = true;
            }
            Record::Part(contents) => {
                check_block(contents.block, contents.words as usize)?;
                let series = self.by_record.get(&contents.series);
                let series = *series.ok_or(Unreadable::Damaged)?;
                self.series[series].parts.push(self.parts.len());
                self.parts.push(Part {
                    record: offset,
                    contents,
                    position: 0,
                });
                self.has_new_blocks = true;
            }
            Record::Folded(ids) => self.folded.extend(ids),
            Record::Jump { .. } => {}
        }
        Ok(())
    }

    /// Checks a record, and assigns the series to its entry.
    fn series(
        &self,
        offset: u64,
        record: &SeriesRecord,
        table: &mut Table,
    ) -> Result<Series, Unreadable> {
        let metric = self
            .metrics
            .get(&record.family)
            .ok_or(Unreadable::Damaged)?;
        let family = &metric.record;
        let words = record.words as usize;
        let is_native = family.native.is_some();
        let sums = 1 + usize::from(self.header.kind == FileKind::Totals);
        let needed = match family.word_type {
            WordType::Histogram => family.bounds.len() + 1 + sums + usize::from(is_native),
            WordType::Float => sums,
            WordType::Unsigned | WordType::Signed => 1,
        };
        check_block(record.block, words)?;
        if words < needed {
            return Err(Unreadable::Damaged);
        }
        let entry = table.entry(metric.variant, &family.owner, record, self.header.number);
        Ok(Series {
            record: offset,
            generation: record.generation,
            metric: record.family,
            word_type: family.word_type,
            is_kept: family.across.outlives_process(family.kind),
            is_native,
            block: record.block,
            words,
            entry,
            created: record.created,
            position: 0,
            parts: Vec::new(),
            last: None,
        })
    }

    /// Plans how to read the blocks of all series and parts.
    fn lay_out(&mut self) -> Result<(), Unreadable> {
        let series = self
            .series
            .iter()
            .map(|series| (series.block, series.words));
        let parts = self.parts.iter();
        let parts = parts.map(|part| (part.contents.block, part.contents.words as usize));
        let mut blocks: Vec<(u64, u64)> = series
            .chain(parts)
            .map(|(block, words)| (block, block + (words as u64 + 1) * 8))
            .collect();
        blocks.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (start, end) in blocks {
            match ranges.last_mut() {
                Some((_, last)) if start <= *last + GAP => *last = end.max(*last),
                _ => ranges.push((start, end)),
            }
        }
        let length = self.file.metadata().map_err(|_| Unreadable::Damaged)?.len();
        if ranges.last().is_some_and(|(_, end)| *end > length) {
            return Err(Unreadable::Damaged);
        }
        let mut used = 0;
        self.ranges = ranges
            .into_iter()
            .map(|(start, end)| {
                let begin = used;
                used += (end - start) as usize;
                (start, begin, used)
            })
            .collect();
        self.bytes = vec![0; used];
        let ranges = &self.ranges;
        let position = |block: u64| {
            let index = ranges.partition_point(|(start, _, _)| *start <= block);
            let (start, begin, _) = ranges[index.saturating_sub(1)];
            begin + (block - start) as usize
        };
        for series in &mut self.series {
            series.position = position(series.block);
        }
        for part in &mut self.parts {
            part.position = position(part.contents.block);
        }
        self.has_new_blocks = false;
        Ok(())
    }

    /// The health that the member has stored.
    pub(super) fn health(&self) -> Option<Vec<u8>> {
        for _ in 0..TRIES {
            let mut header = [0; HEADER as usize];
            self.file.read_exact_at(&mut header, 0).ok()?;
            let sequence = u64_at(&header, HEALTH_SEQUENCE * 8)?;
            let length = usize::try_from(u64_at(&header, HEALTH_LENGTH * 8)?).ok()?;
            let mut again = [0; 8];
            self.file
                .read_exact_at(&mut again, HEALTH_SEQUENCE as u64 * 8)
                .ok()?;
            if sequence % 2 == 0 && again == sequence.to_ne_bytes() {
                let text = header.get(HEALTH_TEXT * 8..)?.get(..length)?;
                return (!text.is_empty()).then(|| text.to_vec());
            }
        }
        None
    }
}

fn read_header(file: &File) -> io::Result<Result<Header, Unreadable>> {
    let mut bytes = [0; HEADER_READ];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Err(Unreadable::Damaged));
        }
        Err(error) => return Err(error),
    }
    Ok(Header::from_bytes(&bytes).and_then(|header| {
        let is_plausible = (HEADER..=MAX_FILE).contains(&header.log_end);
        is_plausible.then_some(header).ok_or(Unreadable::Damaged)
    }))
}

/// Refuses blocks that no file has.
fn check_block(block: u64, words: usize) -> Result<(), Unreadable> {
    let is_plausible = block.is_multiple_of(8)
        && (HEADER..=MAX_FILE).contains(&block)
        && words >= 1
        && (words as u64) < MAX_FILE / 8;
    is_plausible.then_some(()).ok_or(Unreadable::Damaged)
}

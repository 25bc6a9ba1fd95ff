//! The file of this process: the log that it appends to, and the blocks of words that its values live in.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::Release, fence};

use super::directory::{Directory, MEMBER, NEW, is_alive, try_lock};
use super::format::{
    FileKind, HAS_CALLBACKS, HEADER, HEADER_READ, HEALTH_LENGTH, HEALTH_SEQUENCE, HEALTH_TEXT,
    HEALTH_WORDS, Header, Id, LOG_END, State, Usage, hex, now, random_id,
};
use super::mapping;
use super::records::{FamilyRecord, JUMP, Record};
use crate::metrics::Removal;

/// The unit of parts of the file; no machine has larger pages.
const UNIT: u64 = 1 << 16;
/// The largest part that is added at once, unless a record or a block is larger.
const LARGEST: u64 = 1 << 20;

/// The file of this process.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) directory: Directory,
    pub(super) contents: Mutex<Contents>,
}

/// The state of the file; see [`Member`].
#[derive(Debug)]
pub(super) struct Contents {
    /// Holds the lock that shows that the process is alive.
    file: File,
    id: Id,
    number: u64,
    header: &'static [AtomicU64],
    length: u64,
    /// The parts of the log: their starts and ends.
    log: Vec<(u64, u64)>,
    /// Where the next record goes, and where its part of the log ends.
    at: u64,
    end: u64,
    chunks: Vec<Chunk>,
    blocks: Vec<Block>,
    /// Slots that are not in use, by the lengths of their records and blocks.
    free: HashMap<(usize, usize), Vec<Slot>>,
    /// The values of series that the process dropped and that still count, by metric and labels.
    retained: HashMap<SeriesKey, Vec<Retained>>,
    /// The offsets of the metrics' records.
    families: HashMap<Vec<u8>, u64>,
    /// The same by name.
    names: HashMap<String, Vec<u64>>,
}

/// A metric's record and the labels of a series.
pub(super) type SeriesKey = (u64, Vec<(String, String)>);

/// The slot of a dropped series, and those of its further blocks.
type Retained = (Slot, Vec<Slot>);

/// A mapped part of the file.
#[derive(Debug)]
struct Chunk {
    offset: u64,
    words: &'static [AtomicU64],
    used: usize,
}

/// A block of words; the first one is its [`State`].
#[derive(Clone, Copy, Debug)]
struct Block {
    offset: u64,
    words: &'static [AtomicU64],
    state: State,
    /// Whether a forked child keeps the block: that of a series, and no part of one.
    is_inherited: bool,
}

/// A record that can be rewritten, with its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) record: u64,
    length: usize,
    block: usize,
}

impl Member {
    /// Creates the file of this process.
    pub(super) fn join(directory: Directory) -> io::Result<Self> {
        let (file, id, name) = create(&directory)?;
        let header = mapping::grow(&file, 0, HEADER as usize)?;
        let words = mapping::grow(&file, UNIT, UNIT as usize)?;
        let mut contents = Contents {
            file,
            id,
            number: 0,
            header,
            length: 2 * UNIT,
            log: vec![(HEADER, HEADER)],
            at: HEADER,
            end: UNIT,
            chunks: vec![Chunk {
                offset: UNIT,
                words,
                used: 0,
            }],
            blocks: Vec::new(),
            free: HashMap::new(),
            retained: HashMap::new(),
            families: HashMap::new(),
            names: HashMap::new(),
        };
        contents.publish(&directory, &name)?;
        Ok(Member {
            directory,
            contents: Mutex::new(contents),
        })
    }

    /// Ends the member as the end of its process does.
    #[cfg(test)]
    pub(super) fn unlock(&self) {
        let contents = crate::sync::lock(&self.contents);
        rustix::fs::flock(&contents.file, rustix::fs::FlockOperation::Unlock).unwrap_or_default();
    }

    /// In a forked child: leaves the parent's file and creates one with the same series, at zero, behind the
    /// same references. If that fails, the values of the child are its own and no scrape shows them.
    pub(super) fn rejoin(&self, contents: &mut Contents) -> io::Result<()> {
        let result = contents.move_to_new_file(&self.directory);
        if result.is_err() {
            // Never count in the file of the parent.
            for chunk in &contents.chunks {
                mapping::detach(chunk.words)?;
            }
            mapping::detach(contents.header)?;
        }
        result
    }
}

/// Creates a file under a name that readers ignore, and locks it.
fn create(directory: &Directory) -> io::Result<(File, Id, String)> {
    let id = random_id()?;
    let name = format!("{NEW}{}", hex(&id));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(directory.file(&name))?;
    try_lock(&file)?;
    Ok((file, id, name))
}

impl Contents {
    /// Writes the header with the lowest free number, and gives the file its name.
    fn publish(&mut self, directory: &Directory, name: &str) -> io::Result<()> {
        // Without the lock, two members may choose one number, which is better than no metrics.
        let _lock = directory.lock_join()?;
        let taken = taken_numbers(directory)?;
        self.number = (0..)
            .find(|number| !taken.contains(number))
            .unwrap_or_default();
        let header = Header {
            kind: FileKind::Member,
            id: self.id,
            log_end: self.at,
            created: now(),
            number: self.number,
            pid: std::process::id().into(),
            has_callbacks: false,
        };
        self.file.write_all_at(&header.to_bytes(), 0)?;
        let published = directory.file(&format!("{MEMBER}{}", hex(&self.id)));
        fs::rename(directory.file(name), published)
    }

    fn move_to_new_file(&mut self, directory: &Directory) -> io::Result<()> {
        let (file, id, name) = create(directory)?;
        if let Some((_, end)) = self.log.last_mut() {
            *end = self.at;
        }
        let mut buffer = Vec::new();
        for &(start, end) in &self.log {
            buffer.resize((end - start) as usize, 0);
            self.file.read_exact_at(&mut buffer, start)?;
            file.write_all_at(&buffer, start)?;
        }
        file.set_len(self.length)?;
        for chunk in &self.chunks {
            mapping::replace(chunk.words, &file, chunk.offset)?;
        }
        mapping::replace(self.header, &file, 0)?;
        for block in &mut self.blocks {
            if !block.is_inherited {
                block.state.usage = Usage::Hidden;
            }
            block.words[0].store(block.state.to_word(), Relaxed);
        }
        // Closes the parent's file: the parent's lock is then its own.
        self.file = file;
        self.id = id;
        self.publish(directory, &name)
    }

    pub(super) fn id(&self) -> Id {
        self.id
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether scrapes must ask this process to run callbacks.
    pub(super) fn set_has_callbacks(&self, has_callbacks: bool) {
        self.header[HAS_CALLBACKS].store(has_callbacks.into(), Relaxed);
    }

    /// Stores the health of this process. A text that is too long is ignored.
    pub(super) fn set_health(&self, text: &[u8]) {
        if text.len() > HEALTH_WORDS * 8 {
            return;
        }
        let sequence = self.header[HEALTH_SEQUENCE].load(Relaxed) | 1;
        self.header[HEALTH_SEQUENCE].store(sequence, Relaxed);
        fence(Release);
        self.header[HEALTH_LENGTH].store(text.len() as u64, Relaxed);
        for (word, chunk) in self.header[HEALTH_TEXT..].iter().zip(text.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(bytes), Relaxed);
        }
        self.header[HEALTH_SEQUENCE].store(sequence + 1, Release);
    }

    /// The record of a metric; `record` is written if there is none.
    pub(super) fn family(&mut self, record: FamilyRecord) -> io::Result<u64> {
        let identity = record.identity();
        if let Some(offset) = self.families.get(&identity) {
            return Ok(*offset);
        }
        let name = record.name.clone();
        let offset = self.append(&Record::Family(record).to_bytes())?;
        self.families.insert(identity, offset);
        self.names.entry(name).or_default().push(offset);
        Ok(offset)
    }

    /// The slot of a series that was dropped and still counts. The native buckets of a series cannot be
    /// continued: its values are added up.
    pub(super) fn resume(&mut self, key: &SeriesKey) -> Option<Slot> {
        let (slot, parts) = self.retained.get_mut(key)?.pop()?;
        parts.into_iter().for_each(|part| self.release(part));
        self.set_usage(slot, Usage::Live);
        Some(slot)
    }

    /// Keeps the slot of a series that is dropped, and goes on counting its value.
    pub(super) fn retain(&mut self, slot: Slot, parts: Vec<Slot>) {
        let mut bytes = vec![0; slot.length];
        let is_read = self.file.read_exact_at(&mut bytes, slot.record).is_ok();
        if is_read && let Some((Record::Series(record), _)) = Record::read(&bytes) {
            let slots = self.retained.entry((record.family, record.labels));
            slots.or_default().push((slot, parts));
        }
    }

    /// Ends the use of the slots of dropped series that are removed.
    pub(super) fn release_retained(&mut self, removals: &[Removal]) {
        if self.retained.is_empty() {
            return;
        }
        for removal in removals {
            let family = self.names.get(&removal.name).cloned().unwrap_or_default();
            let keys: Vec<SeriesKey> = match removal.exact() {
                Some(labels) => family.into_iter().map(|at| (at, labels.clone())).collect(),
                None => {
                    let keys = self.retained.keys();
                    let removed = keys.filter(|(at, labels)| {
                        let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
                        family.contains(at) && removal.matches(pairs)
                    });
                    removed.cloned().collect()
                }
            };
            for key in keys {
                for (slot, parts) in self.retained.remove(&key).unwrap_or_default() {
                    parts.into_iter().for_each(|part| self.release(part));
                    self.release(slot);
                }
            }
        }
    }

    /// A slot with a block of `words` words after its state. `make` is given the offset of the block and the
    /// generation; `fill` writes the words, which are zero.
    pub(super) fn acquire(
        &mut self,
        words: usize,
        is_inherited: bool,
        make: impl Fn(u64, u64) -> Record,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> io::Result<Slot> {
        let words = words + 1;
        let length = make(0, 0).to_bytes().len();
        if let Some(slot) = self.free.get_mut(&(length, words)).and_then(Vec::pop) {
            let block = &mut self.blocks[slot.block];
            let generation = block.state.generation + 1;
            self.file
                .write_all_at(&make(block.offset, generation).to_bytes(), slot.record)?;
            block.words[1..]
                .iter()
                .for_each(|word| word.store(0, Relaxed));
            fill(&block.words[1..]);
            block.is_inherited = is_inherited;
            block.state = State {
                generation,
                usage: Usage::Live,
            };
            block.words[0].store(block.state.to_word(), Release);
            return Ok(slot);
        }
        let (offset, block) = self.allocate(words)?;
        fill(&block[1..]);
        let state = State {
            generation: 0,
            usage: Usage::Live,
        };
        block[0].store(state.to_word(), Release);
        let record = self.append(&make(offset, 0).to_bytes())?;
        self.blocks.push(Block {
            offset,
            words: block,
            state,
            is_inherited,
        });
        Ok(Slot {
            record,
            length,
            block: self.blocks.len() - 1,
        })
    }

    /// The words of a slot, with its state.
    pub(super) fn words(&self, slot: Slot) -> &'static [AtomicU64] {
        self.blocks[slot.block].words
    }

    pub(super) fn generation(&self, slot: Slot) -> u64 {
        self.blocks[slot.block].state.generation
    }

    /// Changes the use of a slot.
    pub(super) fn set_usage(&mut self, slot: Slot, usage: Usage) {
        let block = &mut self.blocks[slot.block];
        if block.state.usage != usage {
            block.state.usage = usage;
            block.words[0].store(block.state.to_word(), Release);
        }
    }

    /// Ends the use of a slot.
    pub(super) fn release(&mut self, slot: Slot) {
        self.set_usage(slot, Usage::Hidden);
        let key = (slot.length, self.blocks[slot.block].words.len());
        self.free.entry(key).or_default().push(slot);
    }

    /// Appends a record to the log. Returns its offset.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let length = bytes.len() as u64;
        if self.at + length + JUMP as u64 > self.end {
            let (start, size) = self.extend(length + JUMP as u64, self.log.len());
            let end = start + size;
            self.file.set_len(self.length.max(end))?;
            self.length = end;
            let jump = Record::Jump { next: start, end };
            self.file.write_all_at(&jump.to_bytes(), self.at)?;
            // The jump becomes visible with the record after it.
            if let Some((_, end)) = self.log.last_mut() {
                *end = self.at + JUMP as u64;
            }
            self.log.push((start, start));
            (self.at, self.end) = (start, end);
        }
        let offset = self.at;
        self.file.write_all_at(bytes, offset)?;
        self.at += length;
        self.header[LOG_END].store(self.at, Release);
        Ok(offset)
    }

    fn allocate(&mut self, words: usize) -> io::Result<(u64, &'static [AtomicU64])> {
        let has_room = |chunk: &Chunk| chunk.words.len() - chunk.used >= words;
        if !self.chunks.last().is_some_and(has_room) {
            let (offset, size) = self.extend(words as u64 * 8, self.chunks.len());
            let words = mapping::grow(&self.file, offset, size as usize)?;
            self.length = offset + size;
            self.chunks.push(Chunk {
                offset,
                words,
                used: 0,
            });
        }
        let Some(chunk) = self.chunks.last_mut() else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let start = chunk.used;
        chunk.used += words;
        let offset = chunk.offset + start as u64 * 8;
        Ok((offset, &chunk.words[start..start + words]))
    }

    /// The offset and the size of a new part for at least `needed` bytes, when there are `count` already.
    fn extend(&self, needed: u64, count: usize) -> (u64, u64) {
        let usual = (UNIT << count.min(8)).min(LARGEST);
        let offset = self.length.next_multiple_of(UNIT);
        (offset, needed.next_multiple_of(UNIT).max(usual))
    }
}

/// The numbers of the members that are alive.
fn taken_numbers(directory: &Directory) -> io::Result<Vec<u64>> {
    let mut taken = Vec::new();
    for name in directory.names(MEMBER)? {
        let mut bytes = [0; HEADER_READ];
        if let Ok(file) = File::open(directory.file(&name))
            && is_alive(&file).unwrap_or(false)
            && file.read_exact_at(&mut bytes, 0).is_ok()
            && let Ok(header) = Header::from_bytes(&bytes)
        {
            taken.push(header.number);
        }
    }
    Ok(taken)
}

//! The format of the files: a header, then a log of records with blocks of words between them.
//!
//! | bytes | header |
//! |---|---|
//! | 0 | [`MAGIC`] |
//! | 8 | [`VERSION`], then the kind of the file, as 32-bit numbers |
//! | 16 | the member's id |
//! | 32 | the end of the log; written last, so that a reader never sees a part of a record |
//! | 40 | the time of creation, in milliseconds since 1970 |
//! | 48 | the member's number |
//! | 56 | its process id, for people |
//! | 64 | whether it has callbacks |
//! | 128 | its health: a sequence number, a length, and JSON |
//!
//! All numbers are in the byte order of the machine. A record is its length and its type as 32-bit numbers,
//! and its contents; it is a multiple of 8 bytes long. The log continues where a record
//! [`Jump`](super::records::Record::Jump) leads.

use std::io;

use crate::metrics::unix_time;

pub(super) const MAGIC: [u8; 8] = *b"dyn-mtrs";
/// Version 2 has the kind summary, and the use of a block that is not used for now.
pub(super) const VERSION: u32 = 2;

/// The length of the header.
pub(super) const HEADER: u64 = 4096;
/// The part of the header that a scrape reads.
pub(super) const HEADER_READ: usize = 128;

/// The positions of words in the header.
pub(super) const LOG_END: usize = 32 / 8;
pub(super) const HAS_CALLBACKS: usize = 64 / 8;
pub(super) const HEALTH_SEQUENCE: usize = 128 / 8;
pub(super) const HEALTH_LENGTH: usize = HEALTH_SEQUENCE + 1;
pub(super) const HEALTH_TEXT: usize = HEALTH_SEQUENCE + 2;
/// The number of words for the text of the health.
pub(super) const HEALTH_WORDS: usize = HEADER as usize / 8 - HEALTH_TEXT;

/// The id of a member.
pub(super) type Id = [u8; 16];

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Member,
    /// Sums of floats have two words; see [`Sum`](super::table::Sum).
    Totals,
}

/// The start of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: FileKind,
    pub(super) id: Id,
    pub(super) log_end: u64,
    pub(super) created: u64,
    pub(super) number: u64,
    pub(super) pid: u64,
    pub(super) has_callbacks: bool,
}

/// Why a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is damaged, or was not written by this library.
    Damaged,
    /// It was written by a newer version of this library.
    Newer,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_READ] {
        let mut bytes = [0; HEADER_READ];
        let mut put = |at: usize, data: &[u8]| bytes[at..at + data.len()].copy_from_slice(data);
        put(0, &MAGIC);
        put(8, &VERSION.to_ne_bytes());
        put(12, &(self.kind as u32).to_ne_bytes());
        put(16, &self.id);
        put(32, &self.log_end.to_ne_bytes());
        put(40, &self.created.to_ne_bytes());
        put(48, &self.number.to_ne_bytes());
        put(56, &self.pid.to_ne_bytes());
        put(64, &u64::from(self.has_callbacks).to_ne_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; HEADER_READ]) -> Result<Self, Unreadable> {
        let word = |at: usize| u64_at(bytes, at).unwrap_or_default();
        if bytes[..8] != MAGIC {
            return Err(Unreadable::Damaged);
        }
        let (version, kind) = (word(8) as u32, word(8) >> 32);
        if version != VERSION {
            let is_newer = version > VERSION && version < 1000;
            return Err(if is_newer {
                Unreadable::Newer
            } else {
                Unreadable::Damaged
            });
        }
        let kind = match kind {
            0 => FileKind::Member,
            1 => FileKind::Totals,
            _ => return Err(Unreadable::Damaged),
        };
        let mut id = Id::default();
        id.copy_from_slice(&bytes[16..32]);
        Ok(Header {
            kind,
            id,
            log_end: word(32),
            created: word(40),
            number: word(48),
            pid: word(56),
            has_callbacks: word(64) != 0,
        })
    }
}

/// The number at a position, if there are enough bytes.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let (number, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u64::from_ne_bytes(*number))
}

/// A new id. Processes that were forked from one do not get the same.
pub(super) fn random_id() -> io::Result<Id> {
    let mut id = Id::default();
    let mut filled = 0;
    while filled < id.len() {
        filled +=
            rustix::rand::getrandom(&mut id[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(id)
}

pub(super) fn hex(id: &Id) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    unix_time().as_millis() as u64
}

/// The first word of a block: the generation of its use, and the use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) generation: u64,
    pub(super) usage: Usage,
}

/// The use of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// In no use, or hidden.
    Hidden,
    /// Shown.
    Live,
    /// Shown if another process has the series live: it is past its idle timeout here.
    Idle,
    /// As [`Usage::Idle`], and its process does not use it.
    Expired,
}

const USAGES: [Usage; 4] = [Usage::Hidden, Usage::Live, Usage::Idle, Usage::Expired];

impl State {
    pub(super) fn to_word(self) -> u64 {
        self.generation << 2 | self.usage as u64
    }

    pub(super) fn of(word: u64) -> Self {
        State {
            generation: word >> 2,
            usage: USAGES[(word & 3) as usize],
        }
    }
}

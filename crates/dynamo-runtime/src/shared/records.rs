//! The records of a log. Reading never panics, whatever the bytes are.

use super::format::Id;
use crate::metrics::{Across, Exemplar, Kind, Path, Slot, WordType};

/// The length and the type of a record.
pub(super) const RECORD_HEADER: usize = 8;
/// The length of a [`Record::Jump`].
pub(super) const JUMP: usize = RECORD_HEADER + 16;
/// No record is longer.
pub(super) const MAX_RECORD: usize = 1 << 24;

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Record {
    Family(FamilyRecord),
    Series(SeriesRecord),
    /// The log continues at `next` and reaches to `end`.
    Jump {
        next: u64,
        end: u64,
    },
    /// A block for the native buckets or for an exemplar of a series.
    Part(PartRecord),
    /// The members whose values are in the totals.
    Folded(Vec<Id>),
}

/// A metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FamilyRecord {
    /// In milliseconds since 1970.
    pub(super) created: u64,
    pub(super) kind: Kind,
    pub(super) word_type: WordType,
    pub(super) across: Across,
    pub(super) name: String,
    pub(super) help: String,
    pub(super) unit: Option<String>,
    pub(super) owner: Path,
    pub(super) bounds: Vec<f64>,
    /// A description of the native buckets.
    pub(super) native: Option<String>,
}

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SeriesRecord {
    pub(super) generation: u64,
    /// The offset of the metric's record.
    pub(super) family: u64,
    /// The offset of the block, and the number of its words.
    pub(super) block: u64,
    pub(super) words: u32,
    /// In milliseconds since 1970.
    pub(super) created: u64,
    /// Sorted by name.
    pub(super) labels: Vec<(String, String)>,
}

/// A further block of a series.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PartRecord {
    pub(super) generation: u64,
    /// The offset of the series' record, and its generation.
    pub(super) series: u64,
    pub(super) series_generation: u64,
    pub(super) block: u64,
    pub(super) words: u32,
    pub(super) kind: PartKind,
}

/// The use of a [`PartRecord`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PartKind {
    Native,
    Exemplar,
}

const KINDS: [Kind; 4] = [Kind::Counter, Kind::Gauge, Kind::Histogram, Kind::Summary];
const WORD_TYPES: [WordType; 4] = [
    WordType::Float,
    WordType::Unsigned,
    WordType::Signed,
    WordType::Histogram,
];

fn code<T: PartialEq>(all: &[T], value: &T) -> u64 {
    let position = all.iter().position(|one| one == value);
    position.unwrap_or_default() as u64
}

impl Record {
    /// The bytes, padded to a multiple of 32 so that a free record suits more series.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(vec![0; RECORD_HEADER]);
        let (type_code, unit) = match self {
            Record::Family(family) => {
                family.write(&mut out);
                (1, 8)
            }
            Record::Series(series) => {
                series.write(&mut out);
                (2, 32)
            }
            Record::Jump { next, end } => {
                out.number(*next);
                out.number(*end);
                (3, 8)
            }
            Record::Part(part) => {
                let numbers = [
                    part.generation,
                    part.series,
                    part.series_generation,
                    part.block,
                    part.words.into(),
                    part.kind as u64,
                ];
                numbers.into_iter().for_each(|number| out.number(number));
                (4, 8)
            }
            Record::Folded(ids) => {
                out.number(ids.len() as u64);
                ids.iter().for_each(|id| out.0.extend_from_slice(id));
                (5, 8)
            }
        };
        let mut bytes = out.0;
        bytes.resize(bytes.len().next_multiple_of(unit), 0);
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes[4..8].copy_from_slice(&u32::to_ne_bytes(type_code));
        bytes
    }

    /// The record at the start of `bytes`, and its length; `None` if the bytes are no record.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
        let type_code = u32::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
        if length < RECORD_HEADER || !length.is_multiple_of(8) || length > MAX_RECORD {
            return None;
        }
        let mut input = Reader(bytes.get(RECORD_HEADER..length)?);
        let record = match type_code {
            1 => Record::Family(FamilyRecord::read(&mut input)?),
            2 => Record::Series(SeriesRecord::read(&mut input)?),
            3 => Record::Jump {
                next: input.number()?,
                end: input.number()?,
            },
            4 => Record::Part(PartRecord {
                generation: input.number()?,
                series: input.number()?,
                series_generation: input.number()?,
                block: input.number()?,
                words: input.number()?.try_into().ok()?,
                kind: match input.number()? {
                    0 => PartKind::Native,
                    1 => PartKind::Exemplar,
                    _ => return None,
                },
            }),
            5 => {
                let count = input.count(size_of::<Id>())?;
                let ids = (0..count).map(|_| input.array());
                Record::Folded(ids.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some((record, length))
    }
}

impl FamilyRecord {
    fn write(&self, out: &mut Writer) {
        out.number(self.created);
        out.number(code(&KINDS, &self.kind));
        out.number(code(&WORD_TYPES, &self.word_type));
        out.number(code(&Across::ALL.map(|(_, across)| across), &self.across));
        out.text(&self.name);
        out.text(&self.help);
        out.option(self.unit.as_deref());
        let (namespace, component, endpoint) = self.owner.names();
        out.number(namespace.len() as u64);
        namespace.iter().for_each(|name| out.text(name));
        out.option(component);
        out.option(endpoint);
        out.number(self.bounds.len() as u64);
        self.bounds
            .iter()
            .for_each(|bound| out.number(bound.to_bits()));
        out.option(self.native.as_deref());
    }

    fn read(input: &mut Reader<'_>) -> Option<Self> {
        Some(FamilyRecord {
            created: input.number()?,
            kind: *KINDS.get(usize::try_from(input.number()?).ok()?)?,
            word_type: *WORD_TYPES.get(usize::try_from(input.number()?).ok()?)?,
            across: Across::ALL.get(usize::try_from(input.number()?).ok()?)?.1,
            name: input.text()?,
            help: input.text()?,
            unit: input.option()?,
            owner: {
                let count = input.count(8)?;
                let namespace = (0..count).map(|_| input.text()).collect::<Option<_>>()?;
                Path::of(namespace, input.option()?, input.option()?)
            },
            bounds: {
                let count = input.count(8)?;
                let bounds = (0..count).map(|_| input.number().map(f64::from_bits));
                bounds.collect::<Option<_>>()?
            },
            native: input.option()?,
        })
    }

    /// The record without the time, which identifies a metric of a member.
    pub(super) fn identity(&self) -> Vec<u8> {
        let timeless = FamilyRecord {
            created: 0,
            ..self.clone()
        };
        Record::Family(timeless).to_bytes()
    }
}

impl SeriesRecord {
    fn write(&self, out: &mut Writer) {
        let words = u64::from(self.words);
        for number in [
            self.generation,
            self.family,
            self.block,
            words,
            self.created,
        ] {
            out.number(number);
        }
        out.number(self.labels.len() as u64);
        for (name, value) in &self.labels {
            out.text(name);
            out.text(value);
        }
    }

    fn read(input: &mut Reader<'_>) -> Option<Self> {
        Some(SeriesRecord {
            generation: input.number()?,
            family: input.number()?,
            block: input.number()?,
            words: input.number()?.try_into().ok()?,
            created: input.number()?,
            labels: {
                let count = input.count(16)?;
                let labels = (0..count).map(|_| Some((input.text()?, input.text()?)));
                labels.collect::<Option<_>>()?
            },
        })
    }
}

/// An exemplar in its block, after the state: a sequence number, and then these words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExemplarWords {
    pub(super) slot: Slot,
    pub(super) nanos: u64,
    pub(super) value: f64,
    pub(super) labels: Vec<(String, String)>,
}

impl ExemplarWords {
    pub(super) fn new(slot: Slot, exemplar: &Exemplar) -> Self {
        ExemplarWords {
            slot,
            nanos: exemplar.time.as_nanos() as u64,
            value: exemplar.value,
            labels: exemplar.labels.clone(),
        }
    }

    pub(super) fn to_words(&self) -> Vec<u64> {
        let (kind, position) = match self.slot {
            Slot::Bucket(index) => (0, index as u64),
            Slot::Magnitude(magnitude) => (1, magnitude.into()),
        };
        let mut out = Writer(Vec::new());
        out.number(self.labels.len() as u64);
        for (name, value) in &self.labels {
            out.text(name);
            out.text(value);
        }
        let mut words = vec![kind, position, self.nanos, self.value.to_bits()];
        words.extend(out.0.chunks(8).map(|chunk| {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(bytes)
        }));
        words
    }

    pub(super) fn from_words(words: &[u64]) -> Option<Self> {
        let [kind, position, nanos, value, text @ ..] = words else {
            return None;
        };
        let bytes: Vec<u8> = text.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut input = Reader(&bytes);
        let count = input.count(16)?;
        let labels = (0..count).map(|_| Some((input.text()?, input.text()?)));
        Some(ExemplarWords {
            slot: match kind {
                0 => Slot::Bucket((*position).try_into().ok()?),
                1 => Slot::Magnitude((*position).try_into().ok()?),
                _ => return None,
            },
            nanos: *nanos,
            value: f64::from_bits(*value),
            labels: labels.collect::<Option<_>>()?,
        })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_ne_bytes());
    }

    /// A length, and the bytes padded to a multiple of 8.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }

    fn option(&mut self, text: Option<&str>) {
        self.number(text.is_some().into());
        if let Some(text) = text {
            self.text(text);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    /// A number of items that are at least `size` bytes long each.
    fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len() / size).then_some(count)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count(1)?;
        let padded = length.checked_next_multiple_of(8)?;
        let (text, rest) = self.0.split_at_checked(padded)?;
        self.0 = rest;
        String::from_utf8(text[..length].to_vec()).ok()
    }

    fn option(&mut self) -> Option<Option<String>> {
        match self.number()? {
            0 => Some(None),
            1 => self.text().map(Some),
            _ => None,
        }
    }
}

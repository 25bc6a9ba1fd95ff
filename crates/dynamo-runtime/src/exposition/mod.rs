//! What a scrape shows: one file for each format, and the walk over the families they share.

pub(crate) mod number;
mod text;

use crate::metrics::{Cursor, Family, Gathered, Reading};
use crate::sync;

pub(crate) use text::Text;

/// A format of the page.
pub(crate) trait Format {
    /// Begins a family that has at least one series.
    fn family(&self, family: &Family, out: &mut Vec<u8>);
    /// Writes the samples of one series, given its labels as rendered (`a="1",b="2"`).
    fn series(&self, family: &Family, labels: &[u8], reading: Reading<'_>, out: &mut Vec<u8>);
}

/// Series encoded while a metric's lock is held: some tens of microseconds.
const BATCH: usize = 256;

/// Writes the families in the order given, each one's series in order of creation. A family
/// without series is left out.
pub(crate) fn encode(format: &impl Format, families: &[Gathered], out: &mut Vec<u8>) {
    for Gathered { family, members } in families {
        let begin = out.len();
        format.family(family, out);
        let header_end = out.len();
        if let [member] = members.as_slice() {
            let mut at = Some(Cursor::START);
            while let Some(cursor) = at {
                let _section = sync::enter();
                at = member.visit(cursor, BATCH, &mut |_, labels, reading| {
                    format.series(family, labels, reading, out);
                });
            }
        } else {
            encode_interleaved(format, family, members, out);
        }
        if out.len() == header_end {
            out.truncate(begin);
        }
    }
}

/// Writes the series of several metrics of one name in the order of their creation.
fn encode_interleaved(
    format: &impl Format,
    family: &Family,
    members: &[std::sync::Arc<dyn crate::metrics::Member>],
    out: &mut Vec<u8>,
) {
    let mut encoded = Vec::new();
    let mut places = Vec::new();
    for member in members {
        let mut at = Some(Cursor::START);
        while let Some(cursor) = at {
            let _section = sync::enter();
            at = member.visit(cursor, BATCH, &mut |sequence, labels, reading| {
                let begin = encoded.len();
                format.series(family, labels, reading, &mut encoded);
                places.push((sequence, begin..encoded.len()));
            });
        }
    }
    places.sort_unstable_by_key(|(sequence, _)| *sequence);
    for (_, place) in places {
        out.extend_from_slice(&encoded[place]);
    }
}

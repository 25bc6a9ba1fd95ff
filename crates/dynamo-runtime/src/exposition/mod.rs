//! What a scrape shows: one file for each format, and the walk over the families they share.

mod dissolve;
pub(crate) mod encoding;
mod escape;
pub(crate) mod foreign;
mod merge;
mod negotiate;
pub(crate) mod number;
mod openmetrics;
mod openmetrics2;
mod parse;
mod plan;
mod protobuf;
mod text;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::metrics::{Cursor, Family, Gathered, Point, Reading, Scalar, Source};
use crate::sync;

pub(crate) use foreign::Part;
pub(crate) use merge::{Dropped, merge};
pub(crate) use negotiate::Exposition;
pub(crate) use parse::{Parsed, Rules, parse};

/// The share of a reader's patience that callbacks may use; the rest is for the answer itself.
pub(crate) const CALLBACK_SHARE: f64 = 0.8;

/// A family and all that a scrape shows of it, our own series and those of other libraries.
#[derive(Clone)]
pub(crate) struct Exposed {
    pub(crate) family: Arc<Family>,
    pub(crate) sources: Vec<Arc<dyn Source>>,
}

impl From<Gathered> for Exposed {
    fn from(Gathered { family, members }: Gathered) -> Self {
        Exposed {
            family,
            sources: members
                .into_iter()
                .map(|member| member as Arc<dyn Source>)
                .collect(),
        }
    }
}

/// A format of the page.
///
/// Families come in the order of the page; `position` is the place of one among those that
/// [`encode`] was given.
trait Format {
    /// Begins a family that has at least one series.
    fn begin(&mut self, position: usize, family: &Family, out: &mut Vec<u8>);
    /// Appends one series.
    fn series(&mut self, position: usize, family: &Family, point: &Point<'_>, out: &mut Vec<u8>);
    /// Ends the family that began at `start` of `out`.
    fn end_family(&mut self, _start: usize, _out: &mut Vec<u8>) {}
    /// Ends the page.
    fn end(&mut self, _out: &mut Vec<u8>) {}
}

/// Series encoded while a metric's lock is held: some tens of microseconds.
const BATCH: usize = 256;

/// Writes the families in the order given, each one's series in order of creation. A family
/// without series is left out.
fn encode(format: &mut impl Format, families: &[Exposed], out: &mut Vec<u8>) {
    for (position, Exposed { family, sources }) in families.iter().enumerate() {
        let start = out.len();
        format.begin(position, family, out);
        let header_end = out.len();
        if let [source] = sources.as_slice() {
            visit_all(&**source, &mut |point| {
                format.series(position, family, point, out);
            });
        } else {
            interleave(format, position, family, sources, out);
        }
        if out.len() == header_end {
            out.truncate(start);
        } else {
            format.end_family(start, out);
        }
    }
    format.end(out);
}

/// Writes the series of several sources in the order of their creation.
fn interleave(
    format: &mut impl Format,
    position: usize,
    family: &Family,
    sources: &[Arc<dyn Source>],
    out: &mut Vec<u8>,
) {
    let mut encoded = Vec::new();
    let mut places = Vec::new();
    for source in sources {
        visit_all(&**source, &mut |point| {
            let begin = encoded.len();
            format.series(position, family, point, &mut encoded);
            places.push((point.sequence, begin..encoded.len()));
        });
    }
    places.sort_unstable_by_key(|(sequence, _)| *sequence);
    for (_, place) in places {
        out.extend_from_slice(&encoded[place]);
    }
}

/// Calls `show` with each sample of a series, as formats write those that have a line for each: what
/// is added to the family's name, the label that stands after all others, and the value.
#[inline]
fn samples(reading: Reading<'_>, mut show: impl FnMut(&'static str, &[u8], Scalar)) {
    match reading {
        Reading::Scalar(value) => show("", b"", value),
        Reading::Histogram(histogram) => {
            let mut count = 0;
            let labels = histogram.buckets.labels().iter();
            for (le, cumulative) in labels.zip(histogram.cumulative()) {
                count = cumulative;
                show("_bucket", le, Scalar::Unsigned(count));
            }
            if let Some(sum) = histogram.sum {
                show("_sum", b"", Scalar::Float(sum));
            }
            show("_count", b"", Scalar::Unsigned(count));
        }
        Reading::Summary(summary) => {
            for (_, quantile, value) in &summary.quantiles {
                show("", quantile, Scalar::Float(*value));
            }
            for (suffix, total) in [("_sum", summary.sum), ("_count", summary.count)] {
                if let Some(total) = total {
                    show(suffix, b"", Scalar::Float(total));
                }
            }
        }
    }
}

/// Shows every series of a source, without holding a lock for long.
fn visit_all(source: &dyn Source, visitor: &mut crate::metrics::Visitor<'_>) {
    let mut at = Some(Cursor::START);
    while let Some(cursor) = at {
        let _section = sync::enter();
        at = source.visit(cursor, BATCH, visitor);
    }
}

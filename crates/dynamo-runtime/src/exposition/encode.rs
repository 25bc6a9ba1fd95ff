//! The walk over families and series that all encoders share.

use std::collections::HashSet;
use std::sync::Arc;

use super::loss::{Loss, Reason};
use crate::metrics::{
    Collector, Cursor, DataPoint, Family, GatheredFamily, Scalar, Snapshot, Visitor, identity,
};
use crate::sync;

/// A family and the collectors of its series: our own and external ones.
#[derive(Clone)]
pub(crate) struct ExposedFamily {
    pub(crate) family: Arc<Family>,
    pub(crate) collectors: Vec<Arc<dyn Collector>>,
}

impl From<GatheredFamily> for ExposedFamily {
    fn from(GatheredFamily { family, collectors }: GatheredFamily) -> Self {
        ExposedFamily {
            family,
            collectors: collectors
                .into_iter()
                .map(|collector| collector as Arc<dyn Collector>)
                .collect(),
        }
    }
}

/// The encoder of one exposition format.
///
/// Families come in the order of the exposition. `position` is the index of a family among those that
/// [`encode`] was given.
pub(super) trait Encoder {
    /// Begins a family that has at least one series.
    fn begin(&mut self, position: usize, family: &Family, out: &mut Vec<u8>);
    /// Appends one series.
    fn series(
        &mut self,
        position: usize,
        family: &Family,
        point: &DataPoint<'_>,
        out: &mut Vec<u8>,
    );
    /// Ends the family that began at `start` of `out`.
    fn end_family(&mut self, _start: usize, _out: &mut Vec<u8>) {}
    /// Ends the exposition.
    fn end(&mut self, _out: &mut Vec<u8>) {}
}

/// The number of series encoded while the lock of a metric is held: some tens of microseconds.
const BATCH: usize = 256;

/// Writes the families in the order given, and the series of each family in order of creation. Omits
/// families without series.
pub(super) fn encode(
    encoder: &mut impl Encoder,
    families: &[ExposedFamily],
    out: &mut Vec<u8>,
) -> Vec<Loss> {
    let mut losses = Vec::new();
    for (position, ExposedFamily { family, collectors }) in families.iter().enumerate() {
        let start = out.len();
        encoder.begin(position, family, out);
        let header_end = out.len();
        if let [collector] = collectors.as_slice() {
            visit_all(&**collector, &mut |point| {
                encoder.series(position, family, point, out);
            });
        } else {
            losses.extend(interleave(encoder, position, family, collectors, out));
        }
        if out.len() == header_end {
            out.truncate(start);
        } else {
            encoder.end_family(start, out);
        }
    }
    encoder.end(out);
    losses
}

/// Writes the series of several collectors in order of creation. Of two series that differ only in labels
/// without a value, which are the same series for Prometheus, writes the older one. Returns the loss.
fn interleave(
    encoder: &mut impl Encoder,
    position: usize,
    family: &Family,
    collectors: &[Arc<dyn Collector>],
    out: &mut Vec<u8>,
) -> Option<Loss> {
    let mut encoded = Vec::new();
    let mut ranges = Vec::new();
    let mut has_empty = false;
    for collector in collectors {
        visit_all(&**collector, &mut |point| {
            let begin = encoded.len();
            encoder.series(position, family, point, &mut encoded);
            has_empty |= point.labels.has_empty();
            ranges.push((point.sequence, begin..encoded.len()));
        });
    }
    ranges.sort_unstable_by_key(|(sequence, _)| *sequence);
    let duplicates = match has_empty {
        true => duplicates(collectors),
        false => HashSet::new(),
    };
    for (_, range) in ranges
        .into_iter()
        .filter(|(sequence, _)| !duplicates.contains(sequence))
    {
        out.extend_from_slice(&encoded[range]);
    }
    (!duplicates.is_empty()).then(|| Loss {
        reason: Reason::Duplicate,
        source: "".into(),
        family: family.name.clone(),
        line: 0,
        text: String::new(),
        families: 0,
        series: duplicates.len() as u64,
    })
}

/// The series that have the labels of an older one, apart from labels without a value.
#[cold]
fn duplicates(collectors: &[Arc<dyn Collector>]) -> HashSet<u64> {
    let mut all = Vec::new();
    for collector in collectors {
        visit_all(&**collector, &mut |point| {
            all.push((point.sequence, identity(point.labels.text()).into_owned()));
        });
    }
    all.sort_unstable_by_key(|(sequence, _)| *sequence);
    let mut seen = HashSet::with_capacity(all.len());
    all.into_iter()
        .filter_map(|(sequence, labels)| (!seen.insert(labels)).then_some(sequence))
        .collect()
}

/// Calls `visit` with each sample of a series, for formats with one line a sample: the suffix of the name,
/// the label that follows all others (`le` or `quantile`), and the value.
#[inline]
pub(super) fn samples(value: Snapshot<'_>, mut visit: impl FnMut(&'static str, &[u8], Scalar)) {
    match value {
        Snapshot::Scalar(value) => visit("", b"", value),
        Snapshot::Histogram(histogram) => {
            let mut count = 0;
            let labels = histogram.buckets.labels().iter();
            for (le, cumulative) in labels.zip(histogram.cumulative()) {
                count = cumulative;
                visit("_bucket", le, Scalar::Unsigned(count));
            }
            visit("_sum", b"", Scalar::Float(histogram.sum));
            visit("_count", b"", Scalar::Unsigned(count));
        }
        Snapshot::Summary(summary) => {
            for (_, quantile, value) in &summary.quantiles {
                visit("", quantile, Scalar::Float(*value));
            }
            for (suffix, total) in [("_sum", summary.sum), ("_count", summary.count)] {
                if let Some(total) = total {
                    visit(suffix, b"", Scalar::Float(total));
                }
            }
        }
    }
}

/// Visits every series of a collector, in batches: no lock is held for long.
pub(super) fn visit_all(collector: &dyn Collector, visitor: &mut Visitor<'_>) {
    let mut at = Some(Cursor::START);
    while let Some(cursor) = at {
        let _section = sync::enter();
        at = collector.visit(cursor, BATCH, visitor);
    }
}

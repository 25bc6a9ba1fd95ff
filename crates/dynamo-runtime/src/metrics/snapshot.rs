//! Data points: the values of series as a scrape reads them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::buckets::Buckets;
use super::exemplar::Exemplars;
use super::labels::Labels;
use super::number::Scalar;

/// One series as a scrape reads it.
pub(crate) struct DataPoint<'a> {
    /// Orders the series of a family by creation.
    pub(crate) sequence: u64,
    pub(crate) labels: Labels<'a>,
    pub(crate) value: Snapshot<'a>,
    /// The time of creation since 1970, UTC.
    pub(crate) created: Option<Duration>,
    /// The time of measurement in milliseconds since 1970, for external series that give one.
    pub(crate) timestamp: Option<i64>,
    pub(crate) exemplars: Option<&'a Exemplars>,
}

/// The value of a data point.
#[derive(Clone, Copy, Debug)]
pub enum Snapshot<'a> {
    /// One number.
    Scalar(Scalar),
    /// Counts of observations.
    Histogram(HistogramSnapshot<'a>),
    /// Quantiles of observations.
    Summary(&'a SummarySnapshot),
}

/// The value of a histogram's data point.
#[derive(Clone, Copy, Debug)]
pub struct HistogramSnapshot<'a> {
    pub(crate) buckets: &'a Buckets,
    /// One count for each bound, and a last one for observations above all bounds.
    pub(crate) counts: Counts<'a>,
    pub(crate) sum: f64,
    pub(crate) native: Option<&'a NativeSnapshot>,
}

/// The counts of the buckets, not cumulative.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counts<'a> {
    /// Live counts: each one is read once, when it is encoded.
    Live(&'a [AtomicU64]),
    /// Counts that no longer change.
    Fixed(&'a [u64]),
}

impl Counts<'_> {
    #[inline]
    pub(crate) fn get(self, index: usize) -> u64 {
        match self {
            Counts::Live(counts) => counts[index].load(Relaxed),
            Counts::Fixed(counts) => counts[index],
        }
    }
}

impl<'a> HistogramSnapshot<'a> {
    /// The cumulative counts of the buckets; the last one counts all observations.
    #[inline]
    pub(crate) fn cumulative(self) -> impl Iterator<Item = u64> + use<'a> {
        let mut total = 0_u64;
        (0..self.buckets.labels().len()).map(move |index| {
            total = total.saturating_add(self.counts.get(index));
            total
        })
    }
}

/// The buckets on one side of zero that are not empty, with their indices, in order.
pub(crate) type NativeSide = Vec<(i32, u64)>;

/// The native buckets of a histogram's data point.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeSnapshot {
    pub(crate) schema: i8,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    /// From zero outwards.
    pub(crate) positive: NativeSide,
    /// From zero outwards.
    pub(crate) negative: NativeSide,
}

/// The value of a summary's data point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SummarySnapshot {
    /// The quantile, its rendered label (`quantile="0.5"`) and its value.
    pub(crate) quantiles: Vec<(f64, Box<[u8]>, f64)>,
    pub(crate) sum: Option<f64>,
    pub(crate) count: Option<f64>,
}

/// A histogram that no longer changes.
#[derive(Clone, Debug)]
pub(crate) struct FixedHistogram {
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) counts: Box<[u64]>,
    /// NaN if it is not known: no format but the text formats can leave it out.
    pub(crate) sum: f64,
}

impl FixedHistogram {
    pub(crate) fn snapshot(&self) -> HistogramSnapshot<'_> {
        HistogramSnapshot {
            buckets: &self.buckets,
            counts: Counts::Fixed(&self.counts),
            sum: self.sum,
            native: None,
        }
    }
}

//! What one series stores and how it is read; each kind of metric implements this in its own file.

use std::fmt;
use std::sync::Arc;

use super::buckets::Buckets;
use super::exemplar::Place;
use super::native::NativeReading;
use super::number::{Cell, Scalar};

/// The type of a family, as `# TYPE` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes anywhere.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
    /// Quantiles worked out by whoever observed. Only among metrics of other libraries.
    Summary,
    /// Nothing is known of the values. Only among metrics of other libraries.
    Unknown,
}

impl Kind {
    /// What is added to a family's name in the names of its samples.
    pub(crate) fn samples(self) -> &'static [&'static str] {
        match self {
            Kind::Histogram => &["_bucket", "_sum", "_count"],
            Kind::Summary => &["_sum", "_count"],
            Kind::Counter | Kind::Gauge | Kind::Unknown => &[],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
            Kind::Unknown => "unknown",
        })
    }
}

/// The storage of one series. Implemented by the cells of the five metric types.
pub trait Instrument: Send + Sync + Sized + 'static {
    /// What the family is exposed as.
    const KIND: Kind;
    /// The name of the metric type, for messages: `IntCounter`.
    const TYPE_NAME: &'static str;
    /// What a series of this kind is made from, shared by all series of a metric.
    type Options: Clone + Send + Sync;

    #[doc(hidden)]
    fn new(options: &Self::Options) -> Self;
    /// Shows the value, whole: what `look` sees belongs together.
    #[doc(hidden)]
    fn read(&self, look: impl FnOnce(Reading<'_>));
    /// Where the exemplar of an observation of `value` is kept.
    #[doc(hidden)]
    fn exemplar_place(&self, _value: f64) -> Place {
        Place::Bucket(0)
    }
    /// The layout of the values among the options, for kinds that have one.
    #[doc(hidden)]
    fn layout(_options: &Self::Options) -> Layout {
        Layout::default()
    }
}

/// What all histograms of a family have in common.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The bounds of the classic buckets, empty for none.
    pub(crate) bounds: Vec<f64>,
    /// The words that describe native buckets, if there are any.
    pub(crate) native: Option<String>,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.native {
            None => write!(f, "{:?}", self.bounds),
            Some(native) if self.bounds.is_empty() => f.write_str(native),
            Some(native) => write!(f, "{:?} and {native}", self.bounds),
        }
    }
}

/// One series at the moment of a scrape.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Reading<'a> {
    /// One number.
    Scalar(Scalar),
    /// Counts of observations.
    Histogram(HistogramReading<'a>),
    /// Quantiles of observations.
    Summary(&'a SummaryReading),
}

/// A histogram at the moment of a scrape.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct HistogramReading<'a> {
    pub(crate) buckets: &'a Buckets,
    /// As many as there are bounds, and one beyond them all.
    pub(crate) counts: Counts<'a>,
    pub(crate) sum: Option<f64>,
    pub(crate) native: Option<&'a NativeReading>,
}

/// The counts of the buckets, each without those below it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counts<'a> {
    /// Still being counted: each is read once, when it is asked for.
    Cells(&'a [Cell<u64>]),
    /// As they were.
    Fixed(&'a [u64]),
}

impl Counts<'_> {
    #[inline]
    pub(crate) fn get(self, index: usize) -> u64 {
        match self {
            Counts::Cells(cells) => cells[index].get(),
            Counts::Fixed(counts) => counts[index],
        }
    }
}

impl<'a> HistogramReading<'a> {
    /// How many observations each bucket has, those below it included; the last is the count of all.
    #[inline]
    pub(crate) fn cumulative(self) -> impl Iterator<Item = u64> + use<'a> {
        let mut total = 0_u64;
        (0..self.buckets.labels().len()).map(move |index| {
            total = total.saturating_add(self.counts.get(index));
            total
        })
    }
}

/// A summary at the moment of a scrape.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SummaryReading {
    /// The quantile, its label as rendered (`quantile="0.5"`), its value.
    pub(crate) quantiles: Vec<(f64, Box<[u8]>, f64)>,
    pub(crate) sum: Option<f64>,
    pub(crate) count: Option<f64>,
}

/// The bounds and counts of a histogram by itself.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub(crate) struct FixedHistogram {
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) counts: Box<[u64]>,
    pub(crate) sum: Option<f64>,
}

impl FixedHistogram {
    pub(crate) fn reading(&self) -> HistogramReading<'_> {
        HistogramReading {
            buckets: &self.buckets,
            counts: Counts::Fixed(&self.counts),
            sum: self.sum,
            native: None,
        }
    }
}

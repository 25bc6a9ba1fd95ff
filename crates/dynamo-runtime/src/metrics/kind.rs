//! What one series stores and how it is read; each kind of metric implements this in its own file.

use std::fmt;
use std::sync::Arc;

use super::buckets::Buckets;
use super::number::{Cell, Scalar};

/// The type of a family, as `# TYPE` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes anywhere.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
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
    #[doc(hidden)]
    fn read(&self) -> Reading<'_>;
    /// The bucket bounds among the options, for kinds that have them.
    #[doc(hidden)]
    fn buckets(_options: &Self::Options) -> Option<&Arc<Buckets>> {
        None
    }
}

/// One series at the moment of a scrape.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Reading<'a> {
    /// One number.
    Scalar(Scalar),
    /// The counts of each bucket, not cumulated, the last one beyond every bound; and the sum.
    Histogram {
        buckets: &'a Buckets,
        counts: &'a [Cell<u64>],
        sum: f64,
    },
}

//! The interface to storage outside the heap, in which several processes share their values.
//!
//! A metric starts on the heap. [`Registry`](super::Registry) then moves its series into the storage, if the
//! registry has one: a cell refers to its words there from then on.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::buckets::Buckets;
use super::desc::Desc;
use super::exemplar::{Exemplar, Slot};
use super::kind::Kind;
use super::snapshot::NativeSnapshot;
use crate::choice::UnknownChoice;

/// How an exposition of several processes shows a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Across {
    /// One series for each process, with the label `dynamo_process`.
    #[default]
    Each,
    /// The sum of all processes.
    Sum,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The value that was set last.
    Last,
}

impl Across {
    /// Whether a value counts after the end of its process.
    pub(crate) fn outlives_process(self, kind: Kind) -> bool {
        kind != Kind::Gauge && self == Across::Sum
    }

    /// All choices with their names.
    pub(crate) const ALL: [(&'static str, Across); 5] = [
        ("each", Across::Each),
        ("sum", Across::Sum),
        ("min", Across::Min),
        ("max", Across::Max),
        ("last", Across::Last),
    ];
}

impl FromStr for Across {
    type Err = UnknownChoice;

    fn from_str(value: &str) -> Result<Self, UnknownChoice> {
        UnknownChoice::parse(value, &Self::ALL, "each, sum, min, max or last")
    }
}

impl fmt::Display for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, across)| across == self);
        f.write_str(name.map_or("each", |(name, _)| name))
    }
}

/// The meaning of the words of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordType {
    /// One float.
    Float,
    /// One unsigned integer.
    Unsigned,
    /// One signed integer.
    Signed,
    /// The counts of all buckets, then the sum of the observations as a float.
    Histogram,
}

/// The storage layout of all series of a metric.
#[derive(Clone, Debug)]
pub struct SharedLayout {
    pub(crate) word_type: WordType,
    /// The number of words of a series.
    pub(crate) words: usize,
    /// The classic buckets of a histogram.
    pub(crate) buckets: Option<Arc<Buckets>>,
    /// A description of the native buckets, if there are any.
    pub(crate) native: Option<String>,
}

impl SharedLayout {
    /// The layout of a metric with one number.
    pub(crate) fn number(word_type: WordType) -> Self {
        SharedLayout {
            word_type,
            words: 1,
            buckets: None,
            native: None,
        }
    }
}

/// The latest time of a removal that this process knows of, in milliseconds since 1970. A series that is created
/// now was not removed then.
pub(crate) static LATEST_REMOVAL: AtomicU64 = AtomicU64::new(0);

/// The removal of series in all processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Removal {
    /// Series that were created earlier are removed. In milliseconds since 1970.
    pub(crate) before: u64,
    /// The name of the metric.
    pub(crate) name: String,
    /// All label names of the series, sorted, each with its value; `None` is any value.
    pub(crate) labels: Vec<(String, Option<String>)>,
}

impl Removal {
    /// Whether series with these labels, sorted by name, are meant. An empty value is no label.
    pub(crate) fn matches<'a>(&self, labels: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let mut labels = labels.filter(|(_, value)| !value.is_empty()).peekable();
        for (name, wanted) in &self.labels {
            let value = labels.next_if(|(label, _)| label == name);
            let value = value.map_or("", |(_, value)| value);
            if wanted.as_ref().is_some_and(|wanted| wanted != value) {
                return false;
            }
        }
        labels.next().is_none()
    }

    /// The value of a label; `None` if it may have any.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        labels.find(|(label, _)| label == name)?.1.as_deref()
    }

    /// The labels of the one series that is meant; `None` if there may be several.
    pub(crate) fn exact(&self) -> Option<Vec<(String, String)>> {
        let labels = self.labels.iter();
        let labels = labels.map(|(name, value)| Some((name.clone(), value.clone()?)));
        let mut labels: Vec<_> = labels.collect::<Option<_>>()?;
        labels.retain(|(_, value)| !value.is_empty());
        Some(labels)
    }
}

/// Storage for the series of metrics.
pub(crate) trait Storage: Send + Sync {
    /// Adds a metric.
    fn family(&self, desc: &Desc, layout: &SharedLayout) -> io::Result<Arc<dyn FamilyStorage>>;
}

/// Storage for the series of one metric.
pub(crate) trait FamilyStorage: Send + Sync {
    /// Adds a series. `labels` are all labels with a value, sorted by name; `created` is in milliseconds since
    /// 1970.
    fn series(&self, labels: &[(&str, &str)], created: u64) -> io::Result<Arc<dyn SeriesStorage>>;

    /// Whether a series with these labels may be added: a process has it already, or all processes have fewer
    /// than `limit` series together. Processes that add series at the same moment may exceed the limit.
    fn admits(&self, labels: &[(&str, &str)], limit: usize) -> bool;

    /// Removes series in all processes: those with these labels, sorted by name; `None` is any value.
    fn remove(&self, labels: Vec<(String, Option<String>)>);
}

/// Storage for one series. Its drop ends the use of the words.
pub trait SeriesStorage: Send + Sync {
    /// The words of the series.
    fn words(&self) -> &'static [AtomicU64];
    /// Stores an exemplar in its slot.
    fn store_exemplar(&self, slot: Slot, exemplar: &Exemplar);
    /// Counts an observation in a native bucket.
    fn count_native(&self, bucket: NativeBucket);
    /// Replaces all native buckets.
    fn replace_native(&self, buckets: &NativeSnapshot);
    /// Marks the start and the end of an update of several words.
    fn begin_update(&self);
    /// See [`begin_update`](Self::begin_update).
    fn end_update(&self);
    /// Shows the series, or hides it while it is idle.
    fn show(&self, shown: bool);
    /// Ends the use of an idle series: its value counts as long as another process has the series.
    fn expire(&self);
    /// Removes the series for good. Its handles still update the words.
    fn remove(&self);
    /// In a forked child: drops all buckets and exemplars, whose storage is the parent's.
    fn reset(&self);
}

/// A native bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NativeBucket {
    /// Around zero.
    Zero,
    /// Of positive values, with its index.
    Positive(i32),
    /// Of negative values, with its index.
    Negative(i32),
}

//! The trait that each kind of metric implements: the storage of one series, and its options.

use std::fmt;
use std::sync::Arc;

use super::errors::MetricsError;
use super::exemplar::Slot;
use super::kind::Kind;
use super::snapshot::Snapshot;
use super::storage::{SeriesStorage, SharedLayout};

/// The storage of one series. Each kind of metric implements this trait in its own file.
pub trait Instrument: Send + Sync + Sized + 'static {
    /// The type of the family.
    const KIND: Kind;
    /// The name of the metric type, for messages: `IntCounter`.
    const TYPE_NAME: &'static str;
    /// The options that a user gives at creation.
    type Options: Default;
    /// The checked options, shared by all series of a metric.
    type Layout: Clone + Send + Sync;

    /// Checks the options of the metric named `metric`.
    fn check(options: Self::Options, metric: &str) -> Result<Self::Layout, MetricsError>;
    /// A series with the value 0.
    fn new(layout: &Self::Layout) -> Self;
    /// The layout in shared storage.
    fn shared_layout(layout: &Self::Layout) -> SharedLayout;
    /// Continues with the current value in shared storage.
    fn share(&self, storage: &dyn SeriesStorage);
    /// Keeps native buckets in shared storage as well.
    fn share_native(&self, _storage: &Arc<dyn SeriesStorage>) {}
    /// In a forked child: starts at 0 what is not in shared storage.
    fn reset(&self) {}
    /// Calls `look` with a consistent snapshot of the value.
    fn read(&self, look: impl FnOnce(Snapshot<'_>));
    /// The slot for the exemplar of an observation of `value`.
    fn exemplar_slot(&self, _value: f64) -> Slot {
        Slot::Bucket(0)
    }
    /// The buckets, for kinds that have buckets.
    fn bucket_layout(_layout: &Self::Layout) -> BucketLayout {
        BucketLayout::default()
    }
}

/// The buckets that all histograms of a family have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BucketLayout {
    /// The bounds of the classic buckets; empty without classic buckets.
    pub(crate) bounds: Vec<f64>,
    /// A description of the native buckets, if there are any.
    pub(crate) native: Option<String>,
}

impl fmt::Display for BucketLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.native {
            None => write!(f, "{:?}", self.bounds),
            Some(native) if self.bounds.is_empty() => f.write_str(native),
            Some(native) => write!(f, "{:?} and {native}", self.bounds),
        }
    }
}

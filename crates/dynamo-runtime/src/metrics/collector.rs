//! Collectors: the sources of the series of a scrape.

use std::any::Any;
use std::io;
use std::sync::Arc;

use super::desc::Desc;
use super::instrument::BucketLayout;
use super::snapshot::DataPoint;
use super::storage::{Removal, Storage};

/// The progress of a listing of a collector's series, in sequence numbers.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    /// The first series not visited yet.
    pub(crate) next: u64,
    /// The last series to visit.
    pub(crate) last: u64,
}

impl Cursor {
    /// The start of a listing.
    pub(crate) const START: Cursor = Cursor {
        next: 0,
        last: u64::MAX,
    };
}

/// A function that receives data points.
pub(crate) type Visitor<'a> = dyn FnMut(&DataPoint<'_>) + 'a;

/// Some series of one family.
pub(crate) trait Collector: Any + Send + Sync {
    /// Visits up to `limit` series in order of creation. Returns where to continue, if there are more.
    ///
    /// A lock is held only during the call. Series created after the first call are not visited: a
    /// series that is removed and created again between two calls would otherwise be visited twice.
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor>;

    /// Drops series past their idle timeout.
    fn expire(&self) {}
}

/// One of our metrics: a single series or a vec.
pub(crate) trait MetricCollector: Collector {
    fn desc(&self) -> &Arc<Desc>;

    /// The name of the metric type, for messages.
    fn type_name(&self) -> &'static str;

    /// Moves the series into shared storage: those that exist, and those created later.
    fn share(&self, storage: &dyn Storage) -> io::Result<()>;

    /// Removes the series from shared storage.
    fn withdraw(&self);

    /// Removes the series that another process has removed.
    fn apply(&self, _removal: &Removal) {}

    /// In a forked child: starts all series at 0.
    fn reset(&self);

    /// The series (a `Series<I>`) that has exactly these labels with a value, sorted by name.
    fn series(&self, labels: &[(String, String)]) -> Option<Arc<dyn Any + Send + Sync>>;

    /// As [`series`](Self::series). From now on, this metric updates the series and another one shows it.
    fn lend(&self, _labels: &[(String, String)]) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }

    /// Stops updating the series that other metrics show.
    fn forget_aliases(&self) {}

    /// The buckets that all histograms of the family have in common.
    fn bucket_layout(&self) -> BucketLayout;
}

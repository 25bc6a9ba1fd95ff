//! Details of metrics: bucket lists, error details and the generic types behind the metric types.
//!
//! The metric types themselves, such as [`Counter`](crate::Counter), are at the root of the crate.

pub mod buckets;
mod children;
mod collector;
pub(crate) mod counter;
pub(crate) mod desc;
pub(crate) mod errors;
pub(crate) mod exemplar;
mod family;
pub(crate) mod gauge;
pub(crate) mod histogram;
pub(crate) mod instrument;
mod kind;
mod labels;
mod metric;
pub(crate) mod name;
pub(crate) mod native;
pub(crate) mod number;
mod overlaps;
pub(crate) mod path;
mod registry;
mod series;
mod snapshot;
pub(crate) mod storage;
pub(crate) mod summary;
mod vec;

pub use errors::Difference;
pub use exemplar::MAX_EXEMPLAR_CHARS;
pub use histogram::HistogramTimer;
pub use kind::Kind;
pub use metric::Metric;
pub use native::NativeError;
pub use storage::Across;
pub use vec::MetricVec;

pub(crate) use buckets::Buckets;
pub(crate) use collector::{Collector, Cursor, Visitor};
pub(crate) use counter::CounterCell;
pub(crate) use desc::{Desc, Description};
pub(crate) use errors::{MetricsError, UseError};
pub(crate) use exemplar::{Exemplar, Exemplars, Slot, unix_time};
pub(crate) use family::{Family, GatheredFamily};
pub(crate) use gauge::GaugeCell;
pub(crate) use instrument::{BucketLayout, Instrument};
pub(crate) use labels::{
    ExternalLabels, Labels, check as check_labels, identity, is_valid as is_valid_label,
};
pub(crate) use metric::{KeepAlive, MetricOwner, Registered, SingleCore};
pub(crate) use name::{Name, NameStyle, is_valid as is_valid_name};
pub(crate) use native::Spans;
pub(crate) use number::Scalar;
pub(crate) use path::Path;
pub(crate) use registry::Registry;
pub(crate) use snapshot::{
    Counts, DataPoint, FixedHistogram, HistogramSnapshot, NativeSide, NativeSnapshot, Snapshot,
    SummarySnapshot,
};
pub(crate) use storage::{
    FamilyStorage, LATEST_REMOVAL, NativeBucket, Removal, SeriesStorage, SharedLayout, Storage,
    WordType,
};
pub(crate) use vec::VecCore;

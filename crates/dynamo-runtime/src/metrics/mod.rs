//! Instruments and the registry: one file per kind of metric.

pub mod buckets;
mod counter;
mod desc;
mod errors;
mod factory;
mod gauge;
mod histogram;
mod kind;
mod labels;
mod metric;
mod name;
mod number;
mod registry;
mod series;

pub use counter::{Counter, CounterCell, CounterVec, IntCounter, IntCounterVec};
pub use errors::{Difference, MetricsError, UseError};
pub use factory::Metrics;
pub use gauge::{Gauge, GaugeCell, GaugeVec, IntGauge, IntGaugeVec};
pub use histogram::{Histogram, HistogramCell, HistogramTimer, HistogramVec};
pub use kind::{Instrument, Kind};
pub use metric::{Described, Metric, MetricVec};
pub use name::Name;
pub use number::{Number, Scalar};

pub(crate) use desc::Desc;
pub(crate) use kind::Reading;
pub(crate) use labels::escape_help;
pub(crate) use metric::SingleCore;
pub(crate) use registry::{Cursor, Family, Gathered, Member, Registry};

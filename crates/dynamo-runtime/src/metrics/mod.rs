//! Instruments and the registry: one file per kind of metric.

pub mod buckets;
mod counter;
mod desc;
mod errors;
mod exemplar;
mod factory;
mod gauge;
mod histogram;
mod kind;
mod labels;
mod metric;
mod name;
mod native;
mod number;
mod registry;
mod series;
mod vec;

pub use counter::{Counter, CounterCell, CounterVec, IntCounter, IntCounterVec};
pub use desc::Description;
pub use errors::{Difference, MetricsError, UseError};
pub use exemplar::{Exemplar, MAX_EXEMPLAR_CHARS};
pub use factory::{Metrics, Page};
pub use gauge::{Gauge, GaugeCell, GaugeVec, IntGauge, IntGaugeVec};
pub use histogram::{Histogram, HistogramCell, HistogramOptions, HistogramTimer, HistogramVec};
pub use kind::{Instrument, Kind};
pub use metric::{Described, Metric};
pub use name::Name;
pub use native::{NativeError, NativeOptions};
pub use number::{Number, Scalar};
pub use vec::MetricVec;

pub(crate) use exemplar::{Exemplars, Place};
pub(crate) use kind::{FixedHistogram, HistogramReading, Layout, Reading, SummaryReading};
pub(crate) use labels::{
    ForeignLabels, Labels, escape_help, escape_value, is_valid as is_valid_label,
};
pub(crate) use metric::SingleCore;
pub(crate) use name::is_valid as is_valid_name;
pub(crate) use native::{NativeReading, Spans};
pub(crate) use registry::{Cursor, Family, Gathered, Point, Registry, Source, Visitor};

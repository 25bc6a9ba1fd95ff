//! Metrics for the components of an LLM-serving system.

mod callbacks;
mod config;
mod exposition;
mod health;
mod hierarchy;
pub mod metrics;
pub mod prometheus_names;
mod server;
mod sync;

pub use callbacks::CallbackHandle;
pub use config::{Config, ConfigError, NameStyle};
pub use health::HealthStatus;
pub use hierarchy::{Component, DistributedRuntime, Endpoint, Namespace, Path, RuntimeError};
pub use metrics::{
    Counter, CounterVec, Described, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Metrics, MetricsError, Name, UseError,
};
pub use server::ServerError;

/// What language bindings need beyond the public API. Not covered by any promise of stability.
#[doc(hidden)]
pub mod binding {
    pub use crate::callbacks::{Action, Dispatcher, FrozenDispatcher, Job};
    pub use crate::hierarchy::{Frozen, stop_servers};
    pub use crate::metrics::{
        CounterCell, GaugeCell, HistogramCell, Instrument, Metric, MetricVec,
    };
}

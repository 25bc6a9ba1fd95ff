//! Metrics for the components of an LLM-serving system.
//!
//! A [`DistributedRuntime`] is the root of a hierarchy: namespaces hold components, components have
//! endpoints. The metrics of any of them are created by its `metrics()`, are named and labelled by
//! its place, and show on `/metrics` when `DYN_SYSTEM_PORT` is set.
//!
//! ```
//! use dynamo_runtime::DistributedRuntime;
//!
//! let runtime = DistributedRuntime::new()?;
//! let endpoint = runtime.namespace("prod").component("backend").endpoint("generate");
//! let requests = endpoint.metrics().create_counter("requests_total", "Requests received", &[])?;
//! requests.inc();
//!
//! let page = endpoint.metrics().prometheus_expfmt();
//! assert!(page.contains("# TYPE prod_backend_generate_requests_total counter"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | where to look | what is there |
//! |---|---|
//! | [`metrics`] | the instruments, the registry and its rules; [`metrics::buckets`] |
//! | [`prometheus_names`] | every name constant, and the sanitisers |
//! | [`Config`] | the settings, and the environment variables they come from |

mod callbacks;
mod config;
mod exposition;
mod health;
mod hierarchy;
pub mod metrics;
pub mod prometheus_names;
mod server;
mod sync;
mod system;

pub use callbacks::{CallbackHandle, TextOptions};
pub use config::{Config, ConfigError, NameStyle, UnknownChoice};
pub use health::HealthStatus;
pub use hierarchy::{Component, DistributedRuntime, Endpoint, Namespace, Path, RuntimeError};
pub use metrics::{
    Counter, CounterVec, Described, Description, Gauge, GaugeVec, Histogram, HistogramOptions,
    HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Metrics, MetricsError, Name,
    NativeOptions, UseError,
};
pub use server::ServerError;

/// What language bindings need beyond the public API. No promise of stability covers it.
#[doc(hidden)]
pub mod binding {
    pub use crate::callbacks::{Action, Dispatcher, FrozenDispatcher, Job, Next};
    pub use crate::hierarchy::{Frozen, stop_servers};
    pub use crate::metrics::{
        CounterCell, Exemplar, GaugeCell, HistogramCell, Instrument, Metric, MetricVec,
    };
}

/// The Rust snippets of the guide, as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide.md")]
mod guide {}

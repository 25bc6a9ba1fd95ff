//! Metrics for the components of an LLM-serving system.
//!
//! A [`DistributedRuntime`] is the root of a hierarchy: it has namespaces, a namespace has components, a
//! component has endpoints. The `metrics()` of each node creates metrics. The node's path becomes the name
//! prefix and the hierarchy labels. With `DYN_SYSTEM_PORT` set, `/metrics` shows all metrics.
//!
//! ```
//! use dynamo_runtime::DistributedRuntime;
//!
//! let runtime = DistributedRuntime::new()?;
//! let endpoint = runtime.namespace("prod").component("backend").endpoint("generate");
//! let requests = endpoint.metrics().create_counter("requests_total", "Requests received", &[])?;
//! requests.inc();
//!
//! let exposition = endpoint.metrics().prometheus_expfmt();
//! assert!(exposition.contains("# TYPE prod_backend_generate_requests_total counter"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module or type | contents |
//! |---|---|
//! | [`Metrics`] | creates metrics, registers callbacks, returns expositions |
//! | [`metrics`] | bucket lists, error details, generic types |
//! | [`prometheus_names`] | name constants and sanitisers |
//! | [`Config`] | the settings, and the environment variables they are read from |

#[doc(hidden)]
pub mod binding;
mod callbacks;
mod choice;
mod config;
mod engine;
mod exposition;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod hierarchy;
pub mod metrics;
pub mod prometheus_names;
mod server;
mod shared;
mod sync;
mod system;

pub use callbacks::{CallbackHandle, ExternalOptions};
pub use choice::UnknownChoice;
pub use config::{Config, ConfigError};
pub use engine::EngineRouteError;
pub use exposition::{OtlpEncoder, Temporality};
pub use health::HealthStatus;
pub use hierarchy::{
    Component, DistributedRuntime, Endpoint, Metrics, Namespace, RuntimeError, ScrapeResponse,
};
pub use metrics::counter::{Counter, CounterVec, IntCounter, IntCounterVec};
pub use metrics::desc::Description;
pub use metrics::errors::{MetricsError, Misuse, UseError};
pub use metrics::gauge::{Gauge, GaugeVec, IntGauge, IntGaugeVec};
pub use metrics::histogram::{Histogram, HistogramOptions, HistogramVec};
pub use metrics::name::{Name, NameStyle};
pub use metrics::native::NativeOptions;
pub use metrics::path::Path;
pub use metrics::storage::Across;
pub use metrics::summary::{Summary, SummaryVec};
pub use server::{ServerError, StatusAddress, WebConfigError};
pub use shared::SharedError;

/// The Rust snippets of the guide, as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide.md")]
mod guide {}

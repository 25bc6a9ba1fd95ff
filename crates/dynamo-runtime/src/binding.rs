//! Access for language bindings, beyond the public API. It may change in any release.

use std::any::Any;
use std::sync::Arc;

pub use crate::callbacks::{Action, Dispatcher, DispatcherForkGuard, Job, Next};
pub use crate::engine::{EngineCall, EngineForkGuard, EngineQueue};
pub use crate::hierarchy::{ForkGuard, SERVED_BY, resume_agents, served_mark, stop_servers};
pub use crate::metrics::counter::CounterCell;
pub use crate::metrics::exemplar::Exemplar;
pub use crate::metrics::gauge::GaugeCell;
pub use crate::metrics::histogram::HistogramCell;
pub use crate::metrics::instrument::Instrument;
pub use crate::metrics::number::Number;
pub use crate::metrics::summary::SummaryCell;
pub use crate::shared::{SharedFile, SharedMember, describe, reset};

use crate::callbacks::{CallbackHandle, ExternalOptions};
use crate::config::Config;
use crate::engine::EngineRouteError;
use crate::hierarchy::{DistributedRuntime, Metrics, RuntimeError};
use crate::metrics::{Kind, Metric, MetricVec, MetricsError, NameStyle, Registered, UseError};

/// The content type and the content of a file of the live page, for the servers of other libraries. `""` is the
/// page itself; the files belong to `page/` below it.
pub fn page_file(name: &str) -> Option<(&'static str, String)> {
    crate::server::page_file(name)
}

/// The headers that every file of the live page is to have.
pub const PAGE_HEADERS: &[(&str, &str)] = &crate::server::PAGE_HEADERS;

/// Access to the storage of a metric.
pub trait MetricExt {
    /// The storage of the series.
    type Cell: Instrument;

    /// The storage, for reading.
    fn cell(&self) -> &Self::Cell;
    /// The storage, for an update. Marks the series as not idle.
    fn update(&self) -> &Self::Cell;
    /// Updates the value and stores an exemplar of the update.
    fn update_with_exemplar(&self, exemplar: Exemplar, update: impl FnOnce(&Self::Cell));
    /// Identifies the series among all that are alive.
    fn id(&self) -> usize;
    /// Whether this is a series of a vec.
    fn is_child(&self) -> bool;
    /// Counts an update by a value that this kind of metric does not take.
    fn reject(&self, value: f64);
}

impl<I: Instrument> MetricExt for Metric<I> {
    type Cell = I;

    #[inline]
    fn cell(&self) -> &I {
        self.cell()
    }

    #[inline]
    fn update(&self) -> &I {
        self.update()
    }

    fn update_with_exemplar(&self, exemplar: Exemplar, update: impl FnOnce(&I)) {
        self.update_with_exemplar(exemplar, update);
    }

    fn id(&self) -> usize {
        self.id()
    }

    fn is_child(&self) -> bool {
        self.is_child()
    }

    fn reject(&self, value: f64) {
        self.reject(value);
    }
}

/// Access to the series of a vec.
pub trait MetricVecExt {
    /// The storage of a series.
    type Cell: Instrument;

    /// As [`MetricVec::get_metric_with_label_values`].
    fn child(&self, values: &[&str]) -> Result<Metric<Self::Cell>, UseError>;
    /// The series with exactly these label values, if it exists; never the overflow series.
    fn existing(&self, values: &[&str]) -> Option<Metric<Self::Cell>>;
    /// Calls `update` with the storage of the series with these label values, without making a handle.
    fn with_cell<T>(
        &self,
        values: &[&str],
        update: impl FnOnce(&Self::Cell) -> T,
    ) -> Result<T, UseError>;
    /// Calls `look` with the storage of the series with these label values, if it exists.
    fn peek_cell<T>(
        &self,
        values: &[&str],
        look: impl FnOnce(&Self::Cell) -> T,
    ) -> Result<Option<T>, UseError>;
    /// Identifies the vec among all that are alive.
    fn id(&self) -> usize;
    /// Changes when caches of handles must release them.
    fn version(&self) -> u64;
    /// Counts an update by a value that this kind of metric does not take.
    fn reject(&self, value: f64);
}

impl<I: Instrument> MetricVecExt for MetricVec<I> {
    type Cell = I;

    #[inline]
    fn child(&self, values: &[&str]) -> Result<Metric<I>, UseError> {
        self.child(values)
    }

    fn existing(&self, values: &[&str]) -> Option<Metric<I>> {
        self.existing(values)
    }

    #[inline]
    fn with_cell<T>(&self, values: &[&str], update: impl FnOnce(&I) -> T) -> Result<T, UseError> {
        self.with_cell(values, update)
    }

    fn peek_cell<T>(
        &self,
        values: &[&str],
        look: impl FnOnce(&I) -> T,
    ) -> Result<Option<T>, UseError> {
        self.peek_cell(values, look)
    }

    fn id(&self) -> usize {
        self.id()
    }

    #[inline]
    fn version(&self) -> u64 {
        self.version()
    }

    fn reject(&self, value: f64) {
        self.reject(value);
    }
}

/// Callbacks that only the binding can run.
pub trait MetricsExt {
    /// Registers a callback; `name` is used in messages.
    fn register_action(&self, name: String, action: Action)
    -> Result<CallbackHandle, MetricsError>;
    /// Registers a callback that returns an exposition; `name` is used in messages.
    fn register_exposition_action(
        &self,
        name: String,
        action: Action,
        options: ExternalOptions,
    ) -> Result<CallbackHandle, MetricsError>;
    /// Exposes a metric of the node `home` here as well; does nothing if it is exposed here.
    fn adopt(&self, home: &Metrics, metric: &impl Registered) -> Result<(), MetricsError>;
    /// Removes all metrics of this node with this exposed name. Returns whether there was one.
    fn unregister_named(&self, name: &str) -> bool;
    /// The metrics of the node that created `metric`.
    fn of_metric<I: Instrument>(metric: &Metric<I>) -> Option<Self>
    where
        Self: Sized;
    /// Whether a scrape of this node runs callbacks.
    fn has_callbacks(&self) -> bool;
    /// The hierarchy labels of this node's metrics.
    fn hierarchy_labels(&self) -> Vec<(String, String)>;
    /// The name style of the runtime.
    fn name_style(&self) -> NameStyle;
    /// The names of the node's path with their levels, from the top.
    fn path_names(&self) -> Vec<(&'static str, String)>;
    /// The families of this node and the nodes below it, with and without series: name, kind, description.
    fn families(&self) -> Vec<(String, Kind, String)>;
    /// Identifies the runtime among all that are alive.
    fn tree_id(&self) -> usize;
}

impl MetricsExt for Metrics {
    fn register_action(
        &self,
        name: String,
        action: Action,
    ) -> Result<CallbackHandle, MetricsError> {
        self.register_action(name, action)
    }

    fn register_exposition_action(
        &self,
        name: String,
        action: Action,
        options: ExternalOptions,
    ) -> Result<CallbackHandle, MetricsError> {
        self.register_exposition_action(name, action, options)
    }

    fn adopt(&self, home: &Metrics, metric: &impl Registered) -> Result<(), MetricsError> {
        self.adopt(home, metric)
    }

    fn unregister_named(&self, name: &str) -> bool {
        self.unregister_named(name)
    }

    fn of_metric<I: Instrument>(metric: &Metric<I>) -> Option<Self> {
        Metrics::of_metric(metric)
    }

    fn has_callbacks(&self) -> bool {
        self.has_callbacks()
    }

    fn hierarchy_labels(&self) -> Vec<(String, String)> {
        self.hierarchy_labels()
    }

    fn name_style(&self) -> NameStyle {
        self.name_style()
    }

    fn path_names(&self) -> Vec<(&'static str, String)> {
        self.path_names()
    }

    fn families(&self) -> Vec<(String, Kind, String)> {
        self.families()
    }

    fn tree_id(&self) -> usize {
        self.tree_id()
    }
}

/// Runtimes whose callbacks the binding runs.
pub trait RuntimeExt: Sized {
    /// As [`DistributedRuntime::with_config`]. The thread that serves `dispatcher` runs the callbacks.
    fn with_dispatcher(config: Config, dispatcher: Arc<Dispatcher>) -> Result<Self, RuntimeError>;
    /// Refuses these names to metrics that are created from now on. `reason`, part of the error, names
    /// their owner and what to do.
    fn reserve_names(&self, names: impl IntoIterator<Item = String>, reason: &str);
    /// As [`DistributedRuntime::register_engine_route`]. The calls go to `queue`, with `handler`.
    ///
    /// # Errors
    /// [`EngineRouteError`] if `name` is not a path of letters, digits and `-._~`.
    fn register_queued_engine_route(
        &self,
        name: &str,
        handler: Arc<dyn Any + Send + Sync>,
        queue: Arc<EngineQueue>,
    ) -> Result<(), EngineRouteError>;
}

impl RuntimeExt for DistributedRuntime {
    fn with_dispatcher(config: Config, dispatcher: Arc<Dispatcher>) -> Result<Self, RuntimeError> {
        DistributedRuntime::with_dispatcher(config, dispatcher)
    }

    fn reserve_names(&self, names: impl IntoIterator<Item = String>, reason: &str) {
        self.reserve_names(names, reason);
    }

    fn register_queued_engine_route(
        &self,
        name: &str,
        handler: Arc<dyn Any + Send + Sync>,
        queue: Arc<EngineQueue>,
    ) -> Result<(), EngineRouteError> {
        self.register_queued_engine_route(name, handler, queue)
    }
}

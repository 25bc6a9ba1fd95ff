//! The nodes of the hierarchy, and what the metrics of a node can do. `dynamo_metrics` wraps both in the
//! classes that users hold.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynamo_runtime::binding::{Action, MetricsExt, RuntimeExt};
use dynamo_runtime::{
    Component, Config, DistributedRuntime, Endpoint, ExternalOptions, HealthStatus, Metrics,
    Namespace, UnknownChoice,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyType};

use crate::callbacks::{CallbackHandle, DISPATCHER};
use crate::classes;
use crate::create::{Limits, Native, NewMetric};
use crate::engine::ENGINE_QUEUE;
use crate::errors::{IntoPyErr, start_error};
use crate::hub::Hub;
use crate::limits::seconds;
use crate::log::start_if_needed;

#[derive(PartialEq, Eq, Hash)]
enum Level {
    Runtime(DistributedRuntime),
    Namespace(Namespace),
    Component(Component),
    Endpoint(Endpoint),
}

/// A node of the hierarchy of one runtime. Equal to every other node with the same path.
#[pyclass(frozen, eq, hash, module = "dynamo_metrics._native")]
pub(crate) struct Node {
    level: Level,
    metrics: Metrics,
    hub: Py<Hub>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.level == other.level
    }
}

impl Eq for Node {}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.level.hash(state);
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Node>()?;
    module.add_function(wrap_pyfunction!(series_id, module)?)?;
    module.add_function(wrap_pyfunction!(register_gauge_callback, module)?)
}

/// Return the id of a gauge's series: of no other while it lives.
///
/// Raises TypeError for what is no gauge.
#[pyfunction]
fn series_id(gauge: &Bound<'_, PyAny>) -> PyResult<usize> {
    classes::home_of_gauge(gauge).map(|(id, _)| id)
}

/// Register a callback on the node that created a gauge; name is for messages.
///
/// Raises TypeError for what is no gauge.
#[pyfunction]
fn register_gauge_callback(
    gauge: &Bound<'_, PyAny>,
    name: String,
    callback: Py<PyAny>,
) -> PyResult<CallbackHandle> {
    let (_, home) = classes::home_of_gauge(gauge)?;
    let Some(metrics) = home else {
        return Err(PyTypeError::new_err("this gauge belongs to no runtime"));
    };
    let hub = Hub::of(gauge.py(), metrics.tree_id())?;
    let action = Action::Opaque(Box::new(hub.get().slot(callback)));
    metrics
        .register_action(name, action)
        .map(CallbackHandle::new)
        .map_err(|error| error.into_py_err(gauge.py()))
}

#[pymethods]
impl Node {
    /// Return the root of a new tree, or of the one that serves the same fixed port already.
    ///
    /// Settings come from the environment, and from settings, which win: tuples of an argument's
    /// name, its variable and its value. With serve=False there is no status server.
    ///
    /// Raises ValueError for a wrong setting, OSError if the status server cannot listen.
    #[staticmethod]
    #[pyo3(signature = (*, serve=true, settings=vec![]))]
    fn runtime(
        py: Python<'_>,
        serve: bool,
        settings: Vec<(String, String, String)>,
    ) -> PyResult<Self> {
        let values: Vec<(&str, String)> = settings
            .iter()
            .map(|(_, variable, value)| (&**variable, value.clone()))
            .collect();
        // A message names a setting as it was given.
        let as_given = |message: String| {
            let names = settings.iter();
            names.fold(message, |message, (argument, variable, _)| {
                message.replace(&**variable, argument)
            })
        };
        let config = Config::from_env_with(&values);
        let mut config =
            config.map_err(|error| PyValueError::new_err(as_given(error.to_string())))?;
        if !serve {
            config.port = None;
        }
        Self::root_with(py, config, as_given)
    }

    /// Return the root of a new tree that serves nothing, whatever the environment says.
    #[staticmethod]
    fn detached(py: Python<'_>) -> PyResult<Self> {
        // Called at import. A wrong value fails the first runtime instead.
        Self::root_with(py, Config::detached().unwrap_or_default(), |message| {
            message
        })
    }

    /// Return a namespace of the runtime, or nested in this one.
    fn namespace(&self, py: Python<'_>, name: &str) -> PyResult<Self> {
        match &self.level {
            Level::Runtime(runtime) => {
                Ok(self.child(py, Level::Namespace(runtime.namespace(name))))
            }
            Level::Namespace(namespace) => {
                Ok(self.child(py, Level::Namespace(namespace.namespace(name))))
            }
            _ => Err(no_child("namespace")),
        }
    }

    /// Return a component of this namespace.
    fn component(&self, py: Python<'_>, name: &str) -> PyResult<Self> {
        match &self.level {
            Level::Namespace(namespace) => {
                Ok(self.child(py, Level::Component(namespace.component(name))))
            }
            _ => Err(no_child("component")),
        }
    }

    /// Return an endpoint of this component.
    fn endpoint(&self, py: Python<'_>, name: &str) -> PyResult<Self> {
        match &self.level {
            Level::Component(component) => {
                Ok(self.child(py, Level::Endpoint(component.endpoint(name))))
            }
            _ => Err(no_child("endpoint")),
        }
    }

    /// Where the status server listens, "host:port", or None.
    #[getter]
    fn system_status_address(&self) -> PyResult<Option<String>> {
        let address = self.root()?.system_status_address();
        Ok(address.map(|address| address.to_string()))
    }

    /// The scheme of the status server: "https" if its web config has TLS, otherwise "http".
    #[getter]
    fn system_status_scheme(&self) -> PyResult<&'static str> {
        Ok(self.root()?.system_status_scheme())
    }

    /// The number of this process among those that share a directory, or None.
    #[getter]
    fn process_number(&self) -> PyResult<Option<u64>> {
        Ok(self.root()?.process_number())
    }

    /// The directory in which this process shares its metrics, or None.
    #[getter]
    fn shared_dir(&self) -> PyResult<Option<PathBuf>> {
        Ok(self.root()?.shared_dir().map(Path::to_owned))
    }

    /// Set what /health says: of an endpoint, or of the runtime while no endpoint reports.
    ///
    /// Raises ValueError for an unknown status.
    fn set_health_status(&self, status: &str) -> PyResult<()> {
        let status: HealthStatus = status
            .parse()
            .map_err(|error| PyValueError::new_err(format!("health status {error}")))?;
        match &self.level {
            Level::Endpoint(endpoint) => endpoint.set_health_status(status),
            _ => self.root()?.set_health_status(status),
        }
        Ok(())
    }

    /// Remove this endpoint from /health.
    fn clear_health_status(&self) -> PyResult<()> {
        match &self.level {
            Level::Endpoint(endpoint) => endpoint.clear_health_status(),
            _ => return Err(PyTypeError::new_err("only an endpoint can do this")),
        }
        Ok(())
    }

    /// Refuse these names to metrics that are created from now on.
    ///
    /// reason, part of the error, names their owner and what to do.
    fn reserve(&self, names: Vec<String>, reason: &str) -> PyResult<()> {
        self.root()?.reserve_names(names, reason);
        Ok(())
    }

    /// Stop the status server, within a second, and unregister all callbacks.
    fn shutdown(&self, py: Python<'_>) -> PyResult<()> {
        let runtime = self.root()?;
        py.detach(|| runtime.shutdown());
        Ok(())
    }

    /// The labels that the hierarchy gives the metrics of this node: (name, value) pairs.
    #[getter]
    fn hierarchy_labels(&self) -> Vec<(String, String)> {
        self.metrics.hierarchy_labels()
    }

    /// The name style of the runtime: "hierarchy" or "component".
    #[getter]
    fn name_style(&self) -> String {
        self.metrics.name_style().to_string()
    }

    /// The path of this node, from the top: (level, name) pairs.
    #[getter]
    fn path(&self) -> Vec<(&'static str, String)> {
        self.metrics.path_names()
    }

    /// A number that all nodes of one runtime share.
    #[getter]
    fn tree_id(&self) -> usize {
        self.metrics.tree_id()
    }

    /// Return the name, type and description of each family of this node and all below it.
    ///
    /// Families without series are included, external families are not.
    fn families(&self) -> Vec<(String, String, String)> {
        let families = self.metrics.families().into_iter();
        families
            .map(|(name, kind, help)| (name, kind.to_string(), help))
            .collect()
    }

    /// Whether rendering this node runs callbacks.
    #[getter]
    fn has_callbacks(&self) -> bool {
        self.metrics.has_callbacks()
    }

    /// Create a metric of one of the metric classes, or find the identical one.
    ///
    /// Returns its id, the same for identical metrics while one of them lives, and a new handle of
    /// it. label_names, max_series and idle_timeout are for vecs; buckets, a list of upper bounds,
    /// and native, (schema, growth_factor, zero_threshold, max_buckets), are for histograms.
    ///
    /// Raises MetricsError if the metric cannot be created, ValueError for a limit out of range.
    #[pyo3(signature = (kind, name, description, labels, label_names, *, unit=None, full_name=false, across=None, max_series=None, idle_timeout=None, buckets=None, native=None))]
    #[expect(clippy::too_many_arguments)]
    fn create(
        &self,
        kind: &Bound<'_, PyType>,
        name: &str,
        description: &str,
        labels: Vec<(PyBackedStr, PyBackedStr)>,
        label_names: Vec<PyBackedStr>,
        unit: Option<&str>,
        full_name: bool,
        across: Option<&str>,
        max_series: Option<isize>,
        idle_timeout: Option<f64>,
        buckets: Option<Vec<f64>>,
        native: Option<Native>,
    ) -> PyResult<(usize, Py<PyAny>)> {
        let new = NewMetric {
            name,
            full_name,
            description,
            unit,
            across: across
                .map(|across| across.parse().map_err(|error| bad_across(&error)))
                .transpose()?,
            labels,
            label_names,
            limits: Limits::new(max_series, idle_timeout)?,
            buckets,
            native,
        };
        classes::create(&self.metrics, &self.hub, kind, &new)
    }

    /// Expose a metric of the node home here as well; nothing changes if it is exposed here.
    ///
    /// Raises MetricsError if it conflicts with another metric.
    fn adopt(&self, home: &Node, metric: &Bound<'_, PyAny>) -> PyResult<()> {
        classes::adopt(&self.metrics, &home.metrics, metric)
    }

    /// Take a metric, plain or vec, out of the scrape; return whether it was in.
    ///
    /// Raises ValueError for one series of a vec, TypeError for what is not a metric.
    fn unregister(&self, metric: &Bound<'_, PyAny>) -> PyResult<bool> {
        classes::unregister(&self.metrics, metric)
    }

    /// Take all metrics of this node with this exposed name out of the scrape.
    ///
    /// Returns whether there was one.
    fn unregister_named(&self, name: &str) -> bool {
        self.metrics.unregister_named(name)
    }

    /// Register a callback; name is for messages.
    fn register_callback(
        &self,
        py: Python<'_>,
        name: String,
        callback: Py<PyAny>,
    ) -> PyResult<CallbackHandle> {
        let action = Action::Opaque(Box::new(self.hub.get().slot(callback)));
        self.metrics
            .register_action(name, action)
            .map(CallbackHandle::new)
            .map_err(|error| error.into_py_err(py))
    }

    /// Register a callback that returns metrics text; name is for messages.
    ///
    /// Raises MetricsError for a label that cannot be added, ValueError for a cache below 0.
    #[pyo3(signature = (name, callback, *, labels, prefixes, exclude, cache=None))]
    #[expect(clippy::too_many_arguments)]
    fn register_text_callback(
        &self,
        py: Python<'_>,
        name: String,
        callback: Py<PyAny>,
        labels: Vec<(String, String)>,
        prefixes: Vec<String>,
        exclude: Vec<String>,
        cache: Option<f64>,
    ) -> PyResult<CallbackHandle> {
        let mut options = ExternalOptions::default()
            .labels(labels)
            .prefixes(prefixes)
            .exclude(exclude);
        if let Some(cache) = cache {
            options = options.cache(seconds(cache, "cache", "a number of seconds >= 0")?);
        }
        let action = Action::Opaque(Box::new(self.hub.get().slot(callback)));
        self.metrics
            .register_exposition_action(name, action, options)
            .map(CallbackHandle::new)
            .map_err(|error| error.into_py_err(py))
    }

    /// Answer POST /engine/<name>: next_engine_call() returns its calls, with handler.
    ///
    /// Raises ValueError for a name that cannot be a path.
    fn register_engine_route(&self, name: &str, handler: Py<PyAny>) -> PyResult<()> {
        let handler = Arc::new(self.hub.get().slot(handler));
        self.root()?
            .register_queued_engine_route(name, handler, Arc::clone(&ENGINE_QUEUE))
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.hub)
    }

    /// Return the metrics of this node and all below it, in the Prometheus text format.
    fn prometheus_expfmt(&self, py: Python<'_>) -> String {
        py.detach(|| self.metrics.prometheus_expfmt())
    }

    /// Return the answer to an HTTP request: Content-Type, Content-Encoding or None, the body.
    ///
    /// names narrows it to the families with these names.
    ///
    /// Raises ValueError for a timeout below 0.
    fn exposition<'py>(
        &self,
        py: Python<'py>,
        accept: &str,
        accept_encoding: &str,
        timeout: Option<f64>,
        names: Vec<String>,
    ) -> PyResult<(String, Option<&'static str>, Bound<'py, PyBytes>)> {
        let timeout = timeout
            .map(|timeout| seconds(timeout, "timeout", "a number of seconds >= 0"))
            .transpose()?;
        let names = names.into_iter();
        let exposition = py.detach(|| {
            self.metrics
                .exposition_of(names, accept, accept_encoding, timeout)
        })?;
        let body = PyBytes::new(py, &exposition.body);
        Ok((exposition.content_type, exposition.content_encoding, body))
    }
}

impl Node {
    /// The metrics of the node.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn root_with(
        py: Python<'_>,
        config: Config,
        as_given: impl FnOnce(String) -> String,
    ) -> PyResult<Self> {
        // It may wait, for the name of a host to be resolved for instance.
        py.detach(|| DistributedRuntime::with_dispatcher(config, Arc::clone(&DISPATCHER)))
            .map_err(|error| start_error(py, error, as_given))
            .inspect(|_| start_if_needed(py))
            .and_then(|runtime| {
                let level = Level::Runtime(runtime);
                let metrics = level.metrics();
                let hub = Hub::of(py, metrics.tree_id())?;
                Ok(Node {
                    level,
                    metrics,
                    hub,
                })
            })
    }

    /// A node of the same tree.
    fn child(&self, py: Python<'_>, level: Level) -> Self {
        Node {
            metrics: level.metrics(),
            level,
            hub: self.hub.clone_ref(py),
        }
    }

    fn root(&self) -> PyResult<&DistributedRuntime> {
        match &self.level {
            Level::Runtime(runtime) => Ok(runtime),
            _ => Err(PyTypeError::new_err("only a runtime can do this")),
        }
    }
}

impl Level {
    fn metrics(&self) -> Metrics {
        match self {
            Level::Runtime(runtime) => runtime.metrics(),
            Level::Namespace(namespace) => namespace.metrics(),
            Level::Component(component) => component.metrics(),
            Level::Endpoint(endpoint) => endpoint.metrics(),
        }
    }
}

fn no_child(level: &str) -> PyErr {
    PyTypeError::new_err(format!("this node has no {level}s below it"))
}

fn bad_across(error: &UnknownChoice) -> PyErr {
    PyValueError::new_err(format!("across {error}"))
}

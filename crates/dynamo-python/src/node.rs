//! The nodes of the hierarchy. `dynamo.runtime` wraps them in the classes that users hold.

use dynamo_runtime::{
    Component, Config, DistributedRuntime, Endpoint, HealthStatus, Metrics, NameStyle, Namespace,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::callbacks::DISPATCHER;
use crate::errors::IntoPyErr;
use crate::labels::text;
use crate::metrics::RuntimeMetrics;

#[derive(PartialEq, Eq, Hash)]
enum Level {
    Runtime(DistributedRuntime),
    Namespace(Namespace),
    Component(Component),
    Endpoint(Endpoint),
}

/// A place in the hierarchy of one runtime. Equal to every other node of the same place.
#[pyclass(frozen, eq, hash, module = "dynamo_metrics._native")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Node(Level);

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Node>()
}

#[pymethods]
impl Node {
    /// Return the root of a new tree, or of the one that serves the same fixed port already.
    ///
    /// Settings come from the environment; name_style, if given, wins over its variable. With
    /// serve=False there is no status server, and no metrics of the whole process.
    ///
    /// Raises ValueError for a wrong setting, OSError if the status server cannot listen.
    #[staticmethod]
    #[pyo3(signature = (*, name_style=None, serve=true))]
    fn runtime(
        py: Python<'_>,
        name_style: Option<&Bound<'_, PyAny>>,
        serve: bool,
    ) -> PyResult<Self> {
        let mut config =
            Config::from_env().map_err(|error| PyValueError::new_err(error.to_string()))?;
        if !serve {
            config.port = None;
            config.process_metrics = false;
        }
        if let Some(style) = name_style {
            config.name_style = text(style, "name_style")?
                .parse::<NameStyle>()
                .map_err(|error| PyValueError::new_err(format!("name_style {error}")))?;
        }
        DistributedRuntime::with_dispatcher(config, std::sync::Arc::clone(&DISPATCHER))
            .map(|runtime| Node(Level::Runtime(runtime)))
            .map_err(|error| error.into_py_err(py))
    }

    /// Return a namespace of the runtime, or nested in this one.
    fn namespace(&self, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let given = text(name, "namespace")?;
        for part in given.split('.') {
            not_empty(part, &given, "namespace")?;
        }
        match &self.0 {
            Level::Runtime(runtime) => Ok(Node(Level::Namespace(runtime.namespace(&given)))),
            Level::Namespace(namespace) => Ok(Node(Level::Namespace(namespace.namespace(&given)))),
            _ => Err(no_child("namespace")),
        }
    }

    /// Return a component of this namespace.
    fn component(&self, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = text(name, "component")?;
        not_empty(&name, &name, "component")?;
        match &self.0 {
            Level::Namespace(namespace) => Ok(Node(Level::Component(namespace.component(&name)))),
            _ => Err(no_child("component")),
        }
    }

    /// Return an endpoint of this component.
    fn endpoint(&self, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = text(name, "endpoint")?;
        not_empty(&name, &name, "endpoint")?;
        match &self.0 {
            Level::Component(component) => Ok(Node(Level::Endpoint(component.endpoint(&name)))),
            _ => Err(no_child("endpoint")),
        }
    }

    /// The metrics of this node.
    #[getter]
    fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.core_metrics())
    }

    /// Where the status server listens, "host:port", or None.
    #[getter]
    fn system_status_address(&self) -> PyResult<Option<String>> {
        let address = self.root()?.system_status_address();
        Ok(address.map(|address| address.to_string()))
    }

    /// Whether there is a page that shows figures of the whole process.
    #[getter]
    fn serves_process_metrics(&self) -> PyResult<bool> {
        Ok(self.root()?.serves_process_metrics())
    }

    /// Set what /health says: of an endpoint, or of the runtime while no endpoint reports.
    fn set_health_status(&self, status: &Bound<'_, PyAny>) -> PyResult<()> {
        let status: HealthStatus = text(status, "health status")?
            .parse()
            .map_err(|error| PyValueError::new_err(format!("health status {error}")))?;
        match &self.0 {
            Level::Endpoint(endpoint) => endpoint.set_health_status(status),
            _ => self.root()?.set_health_status(status),
        }
        Ok(())
    }

    /// Let /health forget this endpoint: it is served no more.
    fn clear_health_status(&self) -> PyResult<()> {
        match &self.0 {
            Level::Endpoint(endpoint) => endpoint.clear_health_status(),
            _ => return Err(PyTypeError::new_err("only an endpoint can do this")),
        }
        Ok(())
    }

    /// Refuse these names to metrics that are created from now on.
    ///
    /// reason, part of the error, says whose they are and what to do.
    fn reserve(&self, names: Vec<String>, reason: &str) -> PyResult<()> {
        self.root()?.reserve_names(names, reason);
        Ok(())
    }

    /// Stop the status server, within a second, and forget all callbacks.
    fn shutdown(&self, py: Python<'_>) -> PyResult<()> {
        let runtime = self.root()?;
        py.detach(|| runtime.shutdown());
        Ok(())
    }
}

impl Node {
    fn core_metrics(&self) -> Metrics {
        match &self.0 {
            Level::Runtime(runtime) => runtime.metrics(),
            Level::Namespace(namespace) => namespace.metrics(),
            Level::Component(component) => component.metrics(),
            Level::Endpoint(endpoint) => endpoint.metrics(),
        }
    }

    fn root(&self) -> PyResult<&DistributedRuntime> {
        match &self.0 {
            Level::Runtime(runtime) => Ok(runtime),
            _ => Err(PyTypeError::new_err("only a runtime can do this")),
        }
    }
}

fn not_empty(name: &str, given: &str, level: &str) -> PyResult<()> {
    if name.is_empty() {
        return Err(PyValueError::new_err(format!(
            "the {level} name {given:?} is empty or has an empty part: give every part a name"
        )));
    }
    Ok(())
}

fn no_child(level: &str) -> PyErr {
    PyTypeError::new_err(format!("this node has no {level}s below it"))
}

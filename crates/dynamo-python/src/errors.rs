//! Rust errors as Python exceptions.

use dynamo_runtime::metrics::buckets::BucketsError;
use dynamo_runtime::{MetricsError, RuntimeError, ServerError, UseError};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

static METRICS_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();

const DOC: &str = "\
A metric was not created; the message names the value, the rule and the way out.

Its name, a label or its buckets cannot be used, or it conflicts with another metric. Both a
ValueError and a RuntimeError, which Dynamo's own bindings raised.";

/// Adds `MetricsError` to the module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let namespace = PyDict::new(py);
    namespace.set_item("__doc__", DOC)?;
    namespace.set_item("__module__", "dynamo_metrics")?;
    let bases = (
        py.get_type::<PyValueError>(),
        py.get_type::<PyRuntimeError>(),
    );
    let class = py
        .get_type::<PyType>()
        .call1(("MetricsError", bases, namespace))?;
    let class = class.cast_into::<PyType>()?;
    module.add("MetricsError", &class)?;
    METRICS_ERROR.get_or_init(py, || class.unbind());
    Ok(())
}

/// `MetricsError` with this message.
pub(crate) fn metrics_error(py: Python<'_>, message: String) -> PyErr {
    match METRICS_ERROR.get(py) {
        Some(class) => PyErr::from_type(class.bind(py).clone(), message),
        None => PyValueError::new_err(message),
    }
}

/// As the exception that Python users expect.
pub(crate) trait IntoPyErr {
    fn into_py_err(self, py: Python<'_>) -> PyErr;
}

impl IntoPyErr for MetricsError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        metrics_error(py, self.to_string())
    }
}

impl IntoPyErr for UseError {
    fn into_py_err(self, _py: Python<'_>) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

impl IntoPyErr for BucketsError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        metrics_error(py, self.to_string())
    }
}

impl IntoPyErr for RuntimeError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        match self {
            RuntimeError::Server(error) => error.into_py_err(py),
            RuntimeError::Metrics(error) => error.into_py_err(py),
            other => PyValueError::new_err(other.to_string()),
        }
    }
}

impl IntoPyErr for ServerError {
    fn into_py_err(self, _py: Python<'_>) -> PyErr {
        let message = self.to_string();
        match self.raw_os_error() {
            Some(errno) => PyOSError::new_err((errno, message)),
            None => PyOSError::new_err(message),
        }
    }
}

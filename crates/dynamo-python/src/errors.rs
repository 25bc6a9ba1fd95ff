//! Rust errors as Python exceptions, and the exceptions that Python makes of wrong arguments.

use dynamo_runtime::{MetricsError, Misuse, RuntimeError, SharedError};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::python::{LABEL_VALUE_ERROR, METRICS_ERROR, SHOWN, WRONG_TYPE};

/// As the exception that Python users expect.
pub(crate) trait IntoPyErr {
    fn into_py_err(self, py: Python<'_>) -> PyErr;
}

impl IntoPyErr for MetricsError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        let make = || {
            let message = PyString::new(py, &self.to_string());
            let name = self.metric().into_pyobject(py)?;
            let reason = PyString::new(py, self.reason());
            let owners = self.owners().map_or_else(Vec::new, Vec::from);
            let owners = PyTuple::new(py, owners)?;
            METRICS_ERROR.call(py, &[message.as_any(), &name, &reason, &owners])
        };
        exception(make())
    }
}

impl IntoPyErr for Misuse {
    fn into_py_err(self, _py: Python<'_>) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

/// Why a runtime could not be made, with a message that `as_given` has changed.
pub(crate) fn start_error(
    py: Python<'_>,
    error: RuntimeError,
    as_given: impl FnOnce(String) -> String,
) -> PyErr {
    let errno = match &error {
        RuntimeError::Server(error) => error.raw_os_error(),
        RuntimeError::Shared(error) => error.raw_os_error(),
        _ => None,
    };
    let message = as_given(error.to_string());
    match (errno, error) {
        (Some(errno), _) => PyOSError::new_err((errno, message)),
        (None, RuntimeError::Server(_)) => PyOSError::new_err(message),
        (None, RuntimeError::Metrics(error)) => error.into_py_err(py),
        (None, _) => PyValueError::new_err(message),
    }
}

impl IntoPyErr for SharedError {
    fn into_py_err(self, _py: Python<'_>) -> PyErr {
        let message = self.to_string();
        match self.raw_os_error() {
            Some(errno) => PyOSError::new_err((errno, message)),
            None => PyValueError::new_err(message),
        }
    }
}

/// For an argument of the wrong type; `what` names it.
pub(crate) fn wrong_type(object: &Bound<'_, PyAny>, what: &str, expected: &str) -> PyErr {
    let py = object.py();
    let (what, expected) = (PyString::new(py, what), PyString::new(py, expected));
    exception(WRONG_TYPE.call(py, &[object, &what, &expected]))
}

/// For a label value that is no str, or cannot be encoded.
pub(crate) fn label_value_error(value: &Bound<'_, PyAny>, label: &str) -> PyErr {
    let label = PyString::new(value.py(), label);
    exception(LABEL_VALUE_ERROR.call(value.py(), &[value, &label]))
}

/// An object inside a message: as Python represents it, but on one line and of limited length.
pub(crate) fn shown(object: &Bound<'_, PyAny>) -> String {
    let text = SHOWN.call(object.py(), &[object]);
    text.and_then(|text| text.extract())
        .unwrap_or_else(|_| "?".to_owned())
}

/// The exception that a Python function has made, or the one that it has raised.
fn exception(made: PyResult<Bound<'_, PyAny>>) -> PyErr {
    made.map_or_else(|raised| raised, PyErr::from_value)
}

//! Adds the call to the errors of methods.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString};

use super::call::{Call, Raised};
use crate::classes::MetricClass;
use crate::python::REFUSED;

/// Adds to the exception that is set the metric, the method and the arguments, and, if these do not fit
/// the method, how to call it.
#[cold]
pub(super) fn complete<C: MetricClass>(class: &C, call: &Call<'_>, raised: Raised) {
    if raised == Raised::Unchanged {
        return;
    }
    let Some(error) = PyErr::take(call.py) else {
        return;
    };
    match completed(class, call, &error, raised == Raised::Misused) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
    .restore(call.py);
}

fn completed<'py, C: MetricClass>(
    class: &C,
    call: &Call<'py>,
    error: &PyErr,
    is_misused: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = call.py;
    // Where it was raised tells whose error it is.
    error
        .value(py)
        .setattr("__traceback__", error.traceback(py))?;
    let parameters = PyList::new(py, call.signature().parameters)?;
    let label_names = PyList::new(py, class.label_names())?;
    REFUSED.call(
        py,
        &[
            error.value(py),
            PyString::new(py, class.exposed_name()).as_any(),
            PyString::new(py, call.signature().name).as_any(),
            parameters.as_any(),
            label_names.as_any(),
            call.tuple()?.as_any(),
            call.dict()?.as_any(),
            PyBool::new(py, is_misused).as_any(),
        ],
    )
}

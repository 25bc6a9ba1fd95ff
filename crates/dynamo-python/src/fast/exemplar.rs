//! Exemplars that an update is given: off the fast path.

use dynamo_runtime::binding::Exemplar;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyString};

use super::call::{Object, Raised};
use crate::errors::IntoPyErr;
use crate::python::PAIRS;

/// The name of the argument.
pub(super) const EXEMPLAR: &str = "exemplar";

type Pairs = Vec<(PyBackedStr, PyBackedStr)>;

/// The exemplar of an update that shows as `value`, with the labels in `labels`, a dict or a list of
/// pairs.
///
/// # Safety
/// `labels` is alive.
#[cold]
pub(super) unsafe fn exemplar(
    py: Python<'_>,
    labels: Object,
    value: f64,
) -> Result<Exemplar, Raised> {
    // SAFETY: as promised by the caller.
    let labels = unsafe { Bound::from_borrowed_ptr(py, labels) };
    pairs(&labels)
        .and_then(|pairs| {
            let pairs: Vec<(&str, &str)> = pairs
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            Exemplar::new(&pairs, value).map_err(|error| error.into_py_err(py))
        })
        .map_err(|error| Raised::refused(error, py))
}

/// The labels as they are in a dict of str, else as Python reads them.
fn pairs(labels: &Bound<'_, PyAny>) -> PyResult<Pairs> {
    if let Ok(dict) = labels.cast::<PyDict>()
        && let Ok(pairs) = dict.items().extract()
    {
        return Ok(pairs);
    }
    let argument = PyString::new(labels.py(), EXEMPLAR);
    PAIRS.call(labels.py(), &[labels, &argument])?.extract()
}

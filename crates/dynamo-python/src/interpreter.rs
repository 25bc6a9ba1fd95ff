//! The interpreter that may import the module: the main one.

#![allow(unsafe_code)]

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// The id of the main interpreter, in every version of CPython.
const MAIN: i64 = 0;

/// Adds the check to the module. Python calls it at the import of the package: in a second interpreter, CPython
/// copies the module of the first one without calling its initialisation.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    require_main_interpreter()?;
    module.add_function(wrap_pyfunction!(require_main_interpreter, module)?)
}

/// Raise ImportError in a sub-interpreter.
///
/// All interpreters of the process would share the objects of this module.
#[pyfunction]
fn require_main_interpreter() -> PyResult<()> {
    // SAFETY: the caller has the GIL, so that there is a current interpreter.
    let id = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if id == MAIN {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "dynamo_metrics cannot be imported in a sub-interpreter: import it in the main interpreter (mod_wsgi: set \"WSGIApplicationGroup %{GLOBAL}\")",
    ))
}

//! The interpreter that may import the module: the main one.

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// The id of the main interpreter, in every version of CPython.
const MAIN: i64 = 0;

/// Refuses the import in a sub-interpreter, before anything of the module is initialised. Extension modules
/// that sub-interpreters share, as those of PyO3, would belong to the first interpreter that imports them.
pub(crate) fn require_main(_py: Python<'_>) -> PyResult<()> {
    // SAFETY: the caller has the GIL, so that there is a current interpreter.
    let id = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if id == MAIN {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "dynamo_metrics cannot be imported in a sub-interpreter: import it in the main interpreter (mod_wsgi: set \"WSGIApplicationGroup %{GLOBAL}\")",
    ))
}

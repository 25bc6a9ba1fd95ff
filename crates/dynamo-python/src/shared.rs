//! Shared directories, for the command line.

use std::path::PathBuf;

use dynamo_runtime::binding::{describe, reset};
use pyo3::prelude::*;

use crate::errors::IntoPyErr;

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(describe_shared, module)?)?;
    module.add_function(wrap_pyfunction!(reset_shared, module)?)
}

/// A file: its name, its bytes, its series, and its member's number, process id and whether it lives.
type File = (String, u64, usize, Option<(u64, u64, bool)>);

/// Return the files with values in a shared directory: the totals, then the members by number.
///
/// Each is (name, bytes, series, member); member is None for the totals, and (number, process id,
/// whether it lives) for a member.
///
/// Raises OSError if the directory cannot be used.
#[pyfunction]
fn describe_shared(py: Python<'_>, directory: PathBuf) -> PyResult<Vec<File>> {
    let files = py
        .detach(|| describe(&directory))
        .map_err(|error| error.into_py_err(py))?;
    let files = files.into_iter().map(|file| {
        let member = file.member;
        let member = member.map(|member| (member.number, member.pid, member.is_alive));
        (file.name, file.bytes, file.series, member)
    });
    Ok(files.collect())
}

/// Remove all values from a shared directory; return False, at once, while a member lives.
///
/// Raises OSError if the directory cannot be used.
#[pyfunction]
fn reset_shared(py: Python<'_>, directory: PathBuf) -> PyResult<bool> {
    py.detach(|| reset(&directory))
        .map_err(|error| error.into_py_err(py))
}

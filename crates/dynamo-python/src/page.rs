//! The files of the live page, for servers in Python.

use dynamo_runtime::binding;
use pyo3::prelude::*;

/// Return the content type and the content of a file of the live page.
///
/// "" is the page itself, which expects the others below page/. None if there is no such file.
#[pyfunction]
fn page_file(name: &str) -> Option<(&'static str, String)> {
    binding::page_file(name)
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("PAGE_HEADERS", binding::PAGE_HEADERS.to_vec())?;
    module.add_function(wrap_pyfunction!(page_file, module)?)
}

//! `dynamo_metrics._native`: Python's view of `dynamo-runtime`. It converts values, releases the GIL and
//! maps errors; what metrics are and do is decided in the library.

mod buckets;
mod callbacks;
mod classes;
mod errors;
mod fast;
mod fork;
mod handles;
mod interpreter;
mod labels;
mod log;
mod metrics;
mod node;
mod options;
mod process;
mod python;

use pyo3::prelude::*;

/// The native core of dynamo_metrics.
///
/// Import the public names from dynamo_metrics.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreter::add(module)?;
    log::install();
    errors::add(module)?;
    classes::add(module)?;
    metrics::add(module)?;
    buckets::add(module)?;
    node::add(module)?;
    process::add(module)?;
    callbacks::add(module)?;
    log::add(module)?;
    fork::add(module)
}

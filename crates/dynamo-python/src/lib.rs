//! `dynamo_metrics._native`: Python's view of `dynamo-runtime`. It converts values, releases the GIL and
//! maps errors. The library decides what metrics are and do; Python checks arguments.

mod callbacks;
mod classes;
mod create;
mod engine;
mod errors;
mod fast;
mod fork;
mod hub;
mod interpreter;
mod limits;
mod log;
mod node;
mod otlp;
mod page;
mod python;
mod shared;

use pyo3::prelude::*;

/// The native core of dynamo_metrics.
///
/// Import the public names from dynamo_metrics.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreter::add(module)?;
    log::subscribe();
    python::add(module)?;
    classes::add(module)?;
    node::add(module)?;
    otlp::add(module)?;
    callbacks::add(module)?;
    engine::add(module)?;
    log::add(module)?;
    page::add(module)?;
    shared::add(module)?;
    fork::add(module)
}

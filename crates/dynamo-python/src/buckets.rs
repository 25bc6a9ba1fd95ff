//! Prepared bucket bounds, and functions that make some.

use dynamo_runtime::metrics::buckets::{self, BucketsError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::IntoPyErr;

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for (name, bounds) in [
        ("DEFAULT", buckets::DEFAULT_BUCKETS),
        ("TTFT", buckets::TTFT_BUCKETS),
        ("ITL", buckets::ITL_BUCKETS),
        ("REQUEST_DURATION", buckets::REQUEST_DURATION_BUCKETS),
    ] {
        module.add(name, PyTuple::new(py, bounds)?)?;
    }
    module.add_function(wrap_pyfunction!(linear_buckets, module)?)?;
    module.add_function(wrap_pyfunction!(exponential_buckets, module)?)
}

/// Return count bucket bounds from start, width apart.
///
/// Raises MetricsError, a ValueError, if count is not in 1 to 10000, width is not above 0, or a
/// bound is not finite.
#[pyfunction]
fn linear_buckets(py: Python<'_>, start: f64, width: f64, count: isize) -> PyResult<Vec<f64>> {
    let bounds = buckets::linear_buckets(start, width, count.max(0).cast_unsigned());
    bounds.map_err(|error| with_count(error, count).into_py_err(py))
}

/// Return count bucket bounds from start, each factor times the one before.
///
/// Raises MetricsError, a ValueError, if count is not in 1 to 10000, start is not above 0, factor
/// is not above 1, or a bound is not finite.
#[pyfunction]
fn exponential_buckets(
    py: Python<'_>,
    start: f64,
    factor: f64,
    count: isize,
) -> PyResult<Vec<f64>> {
    let bounds = buckets::exponential_buckets(start, factor, count.max(0).cast_unsigned());
    bounds.map_err(|error| with_count(error, count).into_py_err(py))
}

/// A count below 0 cannot be passed on, but the message shows it.
fn with_count(mut error: BucketsError, count: isize) -> BucketsError {
    if let BucketsError::Argument {
        argument: "count",
        value,
        ..
    } = &mut error
    {
        *value = count as f64;
    }
    error
}

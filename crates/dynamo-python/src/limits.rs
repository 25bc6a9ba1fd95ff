//! Numbers of series and times in seconds, checked.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A number of series; 0 is no limit.
pub(crate) fn series(count: isize) -> PyResult<usize> {
    usize::try_from(count).map_err(|_| {
        PyValueError::new_err(format!(
            "max_series={count} is below 0: give the number of series, or 0 for no limit"
        ))
    })
}

/// The time after which an idle series expires.
pub(crate) fn idle_timeout(timeout: f64) -> PyResult<Duration> {
    let rule = "a number of seconds above 0";
    let time = seconds(timeout, "idle_timeout", rule)?;
    if time.is_zero() {
        return Err(bad_seconds(timeout, "idle_timeout", rule));
    }
    Ok(time)
}

/// A time in seconds; `rule` says what is possible.
pub(crate) fn seconds(value: f64, what: &str, rule: &str) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| bad_seconds(value, what, rule))
}

fn bad_seconds(value: f64, what: &str, rule: &str) -> PyErr {
    PyValueError::new_err(format!("{what}={value} is not possible: give {rule}"))
}

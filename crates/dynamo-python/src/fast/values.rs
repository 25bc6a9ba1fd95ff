//! The numbers that updates take.

use std::ffi::c_longlong;

use dynamo_runtime::UseError;
use dynamo_runtime::binding::{CounterCell, HistogramCell};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::call::{Object, Raised};
use crate::errors::IntoPyErr;

/// The argument of an update, checked before anything is touched.
pub(crate) trait Value: Copy {
    /// # Safety
    /// `object` is alive.
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised>;
}

/// What a counter is increased by.
#[derive(Clone, Copy)]
pub(crate) struct Increment<N>(pub(super) N);

/// What a histogram observes.
#[derive(Clone, Copy)]
pub(super) struct Observation(pub(super) f64);

impl Value for f64 {
    #[inline]
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised> {
        // SAFETY: the object is alive.
        let value = unsafe { ffi::PyFloat_AsDouble(object) };
        if value == -1.0 && PyErr::occurred(py) {
            return Err(Raised);
        }
        Ok(value)
    }
}

impl Value for i64 {
    #[inline]
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised> {
        // SAFETY: the object is alive.
        let value: c_longlong = unsafe { ffi::PyLong_AsLongLong(object) };
        if value == -1 && PyErr::occurred(py) {
            return Err(explain_range(py, object, "-2**63 to 2**63 - 1"));
        }
        Ok(value)
    }
}

impl Value for Increment<f64> {
    #[inline]
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised> {
        // SAFETY: as promised by the caller.
        let value = unsafe { f64::from_object(py, object) }?;
        CounterCell::check_increment(value).map_err(|error| raise(error, py))?;
        Ok(Increment(value))
    }
}

impl Value for Increment<u64> {
    #[inline]
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised> {
        // SAFETY: the object is alive.
        let value: c_longlong = unsafe { ffi::PyLong_AsLongLong(object) };
        match u64::try_from(value) {
            Ok(value) => Ok(Increment(value)),
            Err(_) => extract_unusual_increment(py, object),
        }
    }
}

impl Value for Observation {
    #[inline]
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised> {
        // SAFETY: as promised by the caller.
        let value = unsafe { f64::from_object(py, object) }?;
        HistogramCell::check_observation(value).map_err(|error| raise(error, py))?;
        Ok(Observation(value))
    }
}

#[cold]
fn raise(error: UseError, py: Python<'_>) -> Raised {
    Raised::from(error.into_py_err(py), py)
}

/// An increment that is negative, from 2**63 up, or no integer. An exception may be set.
#[cold]
fn extract_unusual_increment(py: Python<'_>, object: Object) -> Result<Increment<u64>, Raised> {
    if let Some(error) = PyErr::take(py)
        && !error.is_instance_of::<PyOverflowError>(py)
    {
        return Err(Raised::from(error, py));
    }
    // SAFETY: the object is alive during the call.
    let object = unsafe { Bound::from_borrowed_ptr(py, object) };
    let error = match object.lt(0) {
        Ok(true) => match object.extract::<f64>() {
            Ok(value) => UseError::BadIncrement { value }.into_py_err(py),
            Err(error) => error,
        },
        Ok(false) => match object.extract::<u64>() {
            Ok(value) => return Ok(Increment(value)),
            Err(_) => out_of_range(&object, "0 to 2**64 - 1"),
        },
        Err(error) => error,
    };
    Err(Raised::from(error, py))
}

/// Says the range where the interpreter only says that it was left, and the way out for floats.
#[cold]
fn explain_range(py: Python<'_>, object: Object, range: &str) -> Raised {
    let Some(error) = PyErr::take(py) else {
        return Raised;
    };
    // SAFETY: the object is alive during the call.
    let object = unsafe { Bound::from_borrowed_ptr(py, object) };
    let error = if error.is_instance_of::<PyOverflowError>(py) {
        out_of_range(&object, range)
    } else if object.is_instance_of::<pyo3::types::PyFloat>() {
        PyTypeError::new_err(format!(
            "{object} is a float and this metric takes integers: use a metric of floats"
        ))
    } else {
        error
    };
    Raised::from(error, py)
}

fn out_of_range(object: &Bound<'_, PyAny>, range: &str) -> PyErr {
    PyOverflowError::new_err(format!(
        "{object} is outside the range of this metric, {range}: use a metric of floats"
    ))
}

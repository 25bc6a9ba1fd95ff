//! The numbers that updates take.

use std::ffi::c_longlong;

use dynamo_runtime::Misuse;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::call::{Object, Raised, free_deferred};
use crate::errors::{IntoPyErr, shown, wrong_type};

/// The argument of an update, checked before anything is touched.
pub(crate) trait Value: Copy {
    /// # Safety
    /// `object` is alive.
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised>;

    /// Whether the update must change nothing: the value is data that this kind of metric does not
    /// take, and data never ends a request.
    #[inline]
    fn is_rejected(self) -> bool {
        false
    }
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
            return Err(explain_float(py, object));
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
            return Err(explain_integer(py, object, "-2**63 to 2**63 - 1"));
        }
        Ok(value)
    }
}

impl Value for Increment<f64> {
    #[inline]
    unsafe fn from_object(py: Python<'_>, object: Object) -> Result<Self, Raised> {
        // SAFETY: as promised by the caller.
        let value = unsafe { f64::from_object(py, object) }?;
        if value < 0.0 {
            return Err(raise(Misuse::BadIncrement { value }, py));
        }
        Ok(Increment(value))
    }

    #[inline]
    fn is_rejected(self) -> bool {
        self.0.is_nan()
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
        Ok(Observation(value))
    }

    #[inline]
    fn is_rejected(self) -> bool {
        self.0.is_nan()
    }
}

#[cold]
fn raise(error: Misuse, py: Python<'_>) -> Raised {
    Raised::refused(error.into_py_err(py), py)
}

/// An increment that is negative, from 2**63 up, or no integer. An exception may be set.
#[cold]
fn extract_unusual_increment(py: Python<'_>, object: Object) -> Result<Increment<u64>, Raised> {
    const RANGE: &str = "0 to 2**64 - 1";
    if let Some(error) = PyErr::take(py)
        && !error.is_instance_of::<PyOverflowError>(py)
    {
        error.restore(py);
        return Err(explain_integer(py, object, RANGE));
    }
    // SAFETY: the object is alive, and has been converted to an integer once.
    let integer = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyNumber_Index(object)) };
    let increment = integer
        .and_then(|integer| Ok((integer.lt(0)?, integer)))
        .map_err(|error| Raised::unchanged(error, py))
        .and_then(|(is_negative, integer)| {
            if is_negative {
                let value = integer.extract().unwrap_or(f64::NEG_INFINITY);
                return Err(raise(Misuse::BadIncrement { value }, py));
            }
            let value = integer.extract::<u64>();
            value.map_err(|_| Raised::refused(out_of_range(&integer, RANGE), py))
        });
    free_deferred(); // the overflow, though the increment may be fine
    increment.map(Increment)
}

/// The exception for an object that cannot be converted to a float. It shows the object, unlike the
/// interpreter's.
#[cold]
fn explain_float(py: Python<'_>, object: Object) -> Raised {
    // SAFETY: the object is alive during the call.
    let object = unsafe { Bound::from_borrowed_ptr(py, object) };
    explain(py, |error| {
        if error.is_instance_of::<PyOverflowError>(py) {
            return Some(PyOverflowError::new_err(format!(
                "{} is too large for a float: give a number up to {:e}",
                shown(&object),
                f64::MAX
            )));
        }
        let is_number = has(&object, "__float__") || has(&object, "__index__");
        (error.is_instance_of::<PyTypeError>(py) && !is_number)
            .then(|| wrong_type(&object, "value", "a number"))
    })
}

/// The exception for an object that cannot be converted to an integer of the range, with the way out for floats.
#[cold]
fn explain_integer(py: Python<'_>, object: Object, range: &str) -> Raised {
    // SAFETY: the object is alive during the call.
    let object = unsafe { Bound::from_borrowed_ptr(py, object) };
    explain(py, |error| {
        if error.is_instance_of::<PyOverflowError>(py) {
            Some(out_of_range(&object, range))
        } else if !error.is_instance_of::<PyTypeError>(py) || has(&object, "__index__") {
            None
        } else if has(&object, "__float__") {
            Some(PyTypeError::new_err(format!(
                "{} is no integer and this metric takes integers: use a metric of floats",
                shown(&object)
            )))
        } else {
            Some(wrong_type(&object, "value", "an int"))
        }
    })
}

/// Replaces the exception that is set by what `better` returns; `None` keeps it. An exception with a traceback
/// was raised by code of the user and is kept, too.
fn explain(py: Python<'_>, better: impl FnOnce(&PyErr) -> Option<PyErr>) -> Raised {
    match PyErr::take(py) {
        Some(error) if error.traceback(py).is_none() => {
            Raised::refused(better(&error).unwrap_or(error), py)
        }
        Some(error) => Raised::unchanged(error, py),
        None => Raised::Unchanged,
    }
}

/// Whether the object's class has the method.
fn has(object: &Bound<'_, PyAny>, method: &str) -> bool {
    object.get_type().hasattr(method).unwrap_or(false)
}

fn out_of_range(object: &Bound<'_, PyAny>, range: &str) -> PyErr {
    PyOverflowError::new_err(format!(
        "{} is outside the range of this metric, {range}: use a metric of floats",
        shown(object)
    ))
}

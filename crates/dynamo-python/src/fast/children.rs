//! From a dict of labels to the child of a vec, without building strings.

use dynamo_runtime::binding::{MetricExt, MetricVecExt};
use dynamo_runtime::metrics::Metric;
use dynamo_runtime::{Misuse, UseError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};
use smallvec::SmallVec;

use super::call::{Object, Raised};
use crate::classes::VecClass;
use crate::errors::{IntoPyErr, label_value_error, shown, wrong_type};
use crate::log::start_if_needed;
use crate::python::LABEL_VALUE;

/// Vecs with up to this many labels take no memory from the heap to find a child.
pub(super) const INLINE: usize = 6;

/// Calls `apply` with the storage of the child that `labels` names; creates it if it is new.
///
/// # Safety
/// `labels` is alive, and `apply` runs no Python code.
#[inline]
pub(super) unsafe fn with_child<C: VecClass, T>(
    py: Python<'_>,
    class: &C,
    labels: Object,
    apply: impl FnOnce(&C::Cell) -> T,
) -> Result<T, Raised> {
    // SAFETY: as promised by the caller.
    unsafe {
        let held = held_values(py, class, labels)?;
        // After the code of keys and values that are no str, which may change the vec.
        let version = class.vec().version();
        if let Some(child) = class.recent().find(py, version, &held) {
            return Ok(apply(child.update()));
        }
        class.recent().keep_up(py, version);
        let values = texts(py, class, &held)?;
        let vec = class.vec();
        let result = vec
            .with_cell(&values, apply)
            .map_err(|error| refused(error, py))?;
        class.recent().note(py, &held, || vec.existing(&values));
        start_if_needed(py);
        Ok(result)
    }
}

/// The child that `labels` names; creates it if it is new.
///
/// # Safety
/// `labels` is alive.
pub(super) unsafe fn child<C: VecClass>(
    py: Python<'_>,
    class: &C,
    labels: Object,
) -> Result<Metric<C::Cell>, Raised> {
    // SAFETY: as promised by the caller.
    let found = unsafe { with_values(py, class, labels, |values| class.vec().child(values)) }?;
    start_if_needed(py);
    found.map_err(|error| refused(error, py))
}

/// Calls `apply` with the storage of the child that `labels` names, if there is one.
///
/// # Safety
/// `labels` is alive.
pub(super) unsafe fn with_existing<C: VecClass, T>(
    py: Python<'_>,
    class: &C,
    labels: Object,
    apply: impl FnOnce(&C::Cell) -> T,
) -> Result<Option<T>, Raised> {
    // SAFETY: as promised by the caller.
    let found = unsafe {
        with_values(py, class, labels, |values| {
            class.vec().peek_cell(values, apply)
        })
    }?;
    found.map_err(|error| refused(error, py))
}

/// Calls `use_values` with the label values in `labels`, in the order of the label names.
///
/// # Safety
/// `labels` is alive.
#[inline]
pub(super) unsafe fn with_values<C: VecClass, T>(
    py: Python<'_>,
    class: &C,
    labels: Object,
    use_values: impl FnOnce(&[&str]) -> T,
) -> Result<T, Raised> {
    // SAFETY: as promised by the caller.
    unsafe {
        let held = held_values(py, class, labels)?;
        let values = texts(py, class, &held)?;
        Ok(use_values(&values))
    }
}

/// The label values in `labels`, in the order of the label names.
///
/// They are held, and not only borrowed from the dict: a key with an `__eq__` of its own may change
/// the dict while it is looked up. Not as `Py`, which is not released at once here (see
/// `free_deferred`).
///
/// # Safety
/// `labels` is alive.
#[inline]
unsafe fn held_values<'py, C: VecClass>(
    py: Python<'py>,
    class: &C,
    labels: Object,
) -> Result<SmallVec<[Bound<'py, PyString>; INLINE]>, Raised> {
    let names = class.names();
    // SAFETY: `labels` is alive; the functions used accept any object or check for a dict first.
    unsafe {
        if ffi::PyDict_Check(labels) == 0 {
            return Err(not_a_dict(py, labels));
        }
        let mut held = SmallVec::new();
        for name in names {
            let value = ffi::PyDict_GetItemWithError(labels, name.as_ptr());
            if value.is_null() {
                return Err(bad_label(py, class, labels, name));
            }
            let value = Bound::from_borrowed_ptr(py, value);
            held.push(if ffi::PyUnicode_Check(value.as_ptr()) == 0 {
                label_text(&value, name.bind(py)).map_err(|error| Raised::refused(error, py))?
            } else {
                value.cast_into_unchecked()
            });
        }
        if ffi::PyDict_Size(labels) != names.len().cast_signed() {
            return Err(surplus_label(py, class, labels));
        }
        Ok(held)
    }
}

/// The text of a label value that is no str: of an int, a bool or an enum, as `str()` writes it.
///
/// # Errors
/// `TypeError` for any other value.
pub(super) fn label_text<'py>(
    value: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyString>> {
    if value.is_exact_instance_of::<PyInt>() || value.is_exact_instance_of::<PyBool>() {
        return value.str();
    }
    let text = LABEL_VALUE.call(value.py(), &[value, name.as_any()])?;
    Ok(text.cast_into()?)
}

/// The texts of label values.
#[inline]
fn texts<'a, C: VecClass>(
    py: Python<'_>,
    class: &C,
    held: &'a [Bound<'_, PyString>],
) -> Result<SmallVec<[&'a str; INLINE]>, Raised> {
    let mut values = SmallVec::new();
    for (value, name) in held.iter().zip(class.names()) {
        // SAFETY: the str is alive for as long as it is held.
        match unsafe { utf8(value.as_ptr()) } {
            Some(value) => values.push(value),
            None => return Err(bad_value(py, value, name)),
        }
    }
    Ok(values)
}

/// The text of a str: its own memory if it is ASCII, else a copy that the str keeps.
///
/// # Safety
/// `string` is a str that outlives `'a`.
#[inline]
pub(super) unsafe fn utf8<'a>(string: Object) -> Option<&'a str> {
    let mut length = 0;
    // SAFETY: `string` is a str; the interpreter gives valid UTF-8 of that length, or null.
    unsafe {
        let data = ffi::PyUnicode_AsUTF8AndSize(string, &raw mut length);
        if data.is_null() {
            return None;
        }
        let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length.cast_unsigned());
        Some(std::str::from_utf8_unchecked(bytes))
    }
}

/// A vec refused the values of labels.
#[cold]
pub(super) fn refused(error: UseError, py: Python<'_>) -> Raised {
    Raised::refused(error.reason.into_py_err(py), py)
}

#[cold]
pub(super) fn not_a_dict(py: Python<'_>, labels: Object) -> Raised {
    // SAFETY: the object is alive during the call.
    let labels = unsafe { Bound::from_borrowed_ptr(py, labels) };
    let error = wrong_type(&labels, "labels", "a dict of label names and values");
    Raised::misused(error, py)
}

/// A label is missing, or its look-up failed.
#[cold]
fn bad_label<C: VecClass>(
    py: Python<'_>,
    class: &C,
    labels: Object,
    name: &Py<PyString>,
) -> Raised {
    if PyErr::occurred(py) {
        return Raised::Unchanged;
    }
    // SAFETY: the object is alive during the call, and has been checked.
    let labels = unsafe { Bound::from_borrowed_ptr(py, labels).cast_into_unchecked::<PyDict>() };
    let label = name.to_string();
    let error = match labels.get_item(name) {
        Ok(Some(value)) => label_value_error(&value, &label),
        // A name that is not known is most likely the missing one, misspelled.
        Ok(None) => match unknown_label(&labels, class.vec().variable_labels()) {
            Some(unknown) => no_such_label(class, unknown),
            None => Misuse::MissingLabel {
                label,
                expected: class.vec().variable_labels().to_vec(),
            },
        }
        .into_py_err(py),
        Err(error) => return Raised::unchanged(error, py),
    };
    Raised::refused(error, py)
}

#[cold]
fn bad_value(py: Python<'_>, value: &Bound<'_, PyString>, name: &Py<PyString>) -> Raised {
    drop(PyErr::take(py));
    Raised::refused(label_value_error(value.as_any(), &name.to_string()), py)
}

/// The dict has all labels and then some.
#[cold]
fn surplus_label<C: VecClass>(py: Python<'_>, class: &C, labels: Object) -> Raised {
    // SAFETY: the object is alive during the call, and has been checked.
    let labels = unsafe { Bound::from_borrowed_ptr(py, labels).cast_into_unchecked::<PyDict>() };
    // Nothing is unknown if a key has the text of a label but is not equal to it.
    let label = unknown_label(&labels, class.vec().variable_labels());
    let error = no_such_label(class, label.unwrap_or_else(|| shown(&labels.keys())));
    Raised::refused(error.into_py_err(py), py)
}

/// A key that is none of the expected names.
fn unknown_label(labels: &Bound<'_, PyDict>, expected: &[String]) -> Option<String> {
    labels.keys().iter().find_map(|key| {
        let Ok(name) = key.cast::<PyString>() else {
            return Some(shown(&key));
        };
        let name = name.to_string_lossy();
        (!expected.iter().any(|label| *label == name)).then(|| name.into_owned())
    })
}

pub(super) fn no_such_label<C: VecClass>(class: &C, label: String) -> Misuse {
    Misuse::UnknownLabel {
        label,
        expected: class.vec().variable_labels().to_vec(),
    }
}

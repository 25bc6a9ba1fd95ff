//! From a list of label values to the child of a vec.

use dynamo_runtime::UseError;
use dynamo_runtime::binding::MetricVecExt;
use dynamo_runtime::metrics::Metric;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use smallvec::SmallVec;

use super::call::{Call, Object, Raised};
use super::children::{INLINE, utf8};
use super::method::{Method, enter};
use crate::classes::{SingleClass, VecClass};
use crate::errors::{IntoPyErr, label_value_error};
use crate::log::start_if_needed;
use crate::python::LABEL_VALUES;

const DOC: &str = "Return the series with these label values, created at 0 if it is new.

values is a list of str in the order of variable_labels(). Keep the series where
speed matters: it is as fast as a plain metric.

Raises ValueError if there are not as many values as label names.";

/// `with_label_values()` of a vec.
pub(super) fn with_label_values<C: VecClass>() -> Method {
    Method::new("with_label_values", ", values", DOC, call::<C>)
}

unsafe extern "C" fn call<C: VecClass>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe {
        enter::<C>(
            slf,
            args,
            nargs,
            kwnames,
            "with_label_values",
            |this, call| {
                if call.positional() > 1 {
                    return Err(not_one_list(this, call));
                }
                let [values] = call.bind(["values"])?;
                let values = Bound::from_borrowed_ptr(call.py, values);
                child_in_order(this, &values)
                    .map(Py::into_ptr)
                    .map_err(|error| Raised::from(error, call.py))
            },
        )
    }
}

/// The child with these values, in the order of the label names; created if it is new.
///
/// # Errors
/// `ValueError` if there are not as many values as label names, `TypeError` if they are no list of
/// str.
pub(crate) fn child_in_order<C: VecClass>(
    class: &C,
    values: &Bound<'_, PyAny>,
) -> PyResult<Py<C::Child>> {
    let py = values.py();
    let found = match strings(values) {
        Some(values) => child_of_strings(py, class, &values)?,
        None => {
            let values = converted(class, values)?;
            class.vec().get_metric_with_label_values(&values)
        }
    };
    start_if_needed(py);
    let metric = found.map_err(|error| error.into_py_err(py))?;
    C::Child::wrap(py, metric, class.hub())
}

fn child_of_strings<'py, C: VecClass>(
    py: Python<'py>,
    class: &C,
    held: &[Bound<'py, PyString>],
) -> PyResult<Result<Metric<C::Cell>, UseError>> {
    let version = class.vec().version();
    // SAFETY: a clone of a handle runs no Python code, and nothing is kept meanwhile.
    if let Some(child) = unsafe { class.recent().find(py, version, held) } {
        return Ok(Ok(child.clone()));
    }
    class.recent().keep_up(py, version);
    let texts = held.iter().zip(0..).map(|(value, position)| {
        // SAFETY: the str is alive for as long as it is held.
        unsafe { utf8(value.as_ptr()) }.ok_or_else(|| not_text(class, value, position))
    });
    let texts: SmallVec<[&str; INLINE]> = texts.collect::<PyResult<_>>()?;
    let found = class.vec().child(&texts);
    class
        .recent()
        .note(py, held, || class.vec().existing(&texts));
    Ok(found)
}

/// The strings in a list or a tuple, if it holds nothing else.
fn strings<'py>(values: &Bound<'py, PyAny>) -> Option<SmallVec<[Bound<'py, PyString>; INLINE]>> {
    let list = values.as_ptr();
    // SAFETY: the size and the items of a list and of a tuple are asked for after its type.
    unsafe {
        let (length, item): (_, unsafe extern "C" fn(_, _) -> _) =
            if values.is_exact_instance_of::<PyList>() {
                (ffi::PyList_Size(list), ffi::PyList_GetItem)
            } else if values.is_exact_instance_of::<PyTuple>() {
                (ffi::PyTuple_Size(list), ffi::PyTuple_GetItem)
            } else {
                return None;
            };
        let mut strings = SmallVec::new();
        for index in 0..length {
            let value = item(list, index);
            if ffi::PyUnicode_Check(value) == 0 {
                return None;
            }
            strings.push(Bound::from_borrowed_ptr(values.py(), value).cast_into_unchecked());
        }
        Some(strings)
    }
}

/// `with_label_values("a", "b")`.
#[cold]
fn not_one_list<C: VecClass>(class: &C, call: &Call<'_>) -> Raised {
    let error = PyTypeError::new_err(format!(
        "with_label_values() of metric {:?} takes one list of values, got {} arguments: use with_label_values([...]), or labels(...) for values that are no list",
        class.vec().name(),
        call.positional()
    ));
    Raised::from(error, call.py)
}

/// A value that cannot be encoded, found by the interpreter.
#[cold]
fn not_text<C: VecClass>(class: &C, value: &Bound<'_, PyString>, position: usize) -> PyErr {
    drop(PyErr::take(value.py()));
    let names = class.vec().variable_labels();
    let name = names.get(position).map_or("?", String::as_str);
    label_value_error(value.as_any(), name)
}

/// What is no plain list of str, as far as it can be taken for one.
#[cold]
fn converted<C: VecClass>(class: &C, values: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let names = PyList::new(values.py(), class.vec().variable_labels())?;
    LABEL_VALUES.call(values.py(), &[values, &names])?.extract()
}

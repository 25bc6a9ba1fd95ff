//! From a list of label values to the child of a vec.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use smallvec::SmallVec;

use super::call::{Object, Raised};
use super::children::{INLINE, utf8};
use super::method::{Method, enter};
use crate::classes::{SingleClass, VecClass};
use crate::errors::IntoPyErr;
use crate::labels::{is_unordered, text, wrong_type};
use crate::python::items;

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
        Some(values) => class.vec().child(&values),
        None => {
            let values = converted(class, values)?;
            class.vec().get_metric_with_label_values(&values)
        }
    };
    C::Child::wrap(py, found.map_err(|error| error.into_py_err(py))?)
}

/// The strings in a list or a tuple, if it holds nothing else.
fn strings<'a>(values: &'a Bound<'_, PyAny>) -> Option<SmallVec<[&'a str; INLINE]>> {
    let list = values.as_ptr();
    // SAFETY: the sizes and items of a list and of a tuple are asked for after their type. Items are
    // borrowed from it, and nothing runs that could change it before they have been used.
    unsafe {
        let (length, item): (_, unsafe extern "C" fn(_, _) -> _) =
            if values.is_exact_instance_of::<PyList>() {
                (ffi::PyList_Size(list), ffi::PyList_GetItem)
            } else if values.is_exact_instance_of::<PyTuple>() {
                (ffi::PyTuple_Size(list), ffi::PyTuple_GetItem)
            } else {
                return None;
            };
        (0..length)
            .map(|index| {
                let value = item(list, index);
                (ffi::PyUnicode_Check(value) != 0).then(|| utf8(value))?
            })
            .collect()
    }
}

/// What is no plain list of str, as far as it can be taken for one.
#[cold]
fn converted<C: VecClass>(class: &C, values: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    // What could not be encoded is found once more, and told.
    drop(PyErr::take(values.py()));
    let wrong = || wrong_type(values, "label values", "a list of str");
    // A dict would give its keys, which are no values.
    if values.is_instance_of::<PyString>()
        || values.is_instance_of::<PyDict>()
        || is_unordered(values)
    {
        return Err(wrong());
    }
    let names = class.vec().variable_labels();
    items(values, wrong)?
        .enumerate()
        .map(|(position, value)| {
            let name = names.get(position).map_or("?", String::as_str);
            text(&value?, &format!("value of label {name:?}"))
        })
        .collect()
}

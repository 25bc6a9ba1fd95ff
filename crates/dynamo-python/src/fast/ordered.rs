//! From a list of label values to the child of a vec.

use dynamo_runtime::UseError;
use dynamo_runtime::binding::MetricVecExt;
use dynamo_runtime::metrics::Metric;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use smallvec::SmallVec;

use super::call::Raised;
use super::children::{INLINE, refused, utf8};
use crate::classes::{SingleClass, VecClass};
use crate::errors::label_value_error;
use crate::log::start_if_needed;
use crate::python::LABEL_VALUES;

/// The child with these values, in the order of the label names; created if it is new.
///
/// # Errors
/// `ValueError` if there are not as many values as label names, `TypeError` if they are no list of
/// str.
pub(super) fn child_in_order<C: VecClass>(
    class: &C,
    values: &Bound<'_, PyAny>,
) -> Result<Py<C::Child>, Raised> {
    let py = values.py();
    let found = match strings(values) {
        Some(values) => child_of_strings(py, class, &values),
        None => {
            converted(class, values).map(|values| class.vec().get_metric_with_label_values(&values))
        }
    };
    let found = found.map_err(|error| Raised::refused(error, py))?;
    start_if_needed(py);
    let metric = found.map_err(|error| refused(error, py))?;
    C::Child::wrap(py, metric, class.hub()).map_err(|error| Raised::unchanged(error, py))
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

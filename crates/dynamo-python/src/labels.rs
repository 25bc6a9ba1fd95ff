//! Names, label pairs and label values, as Python gives them.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PySet, PyString};

use crate::errors::metrics_error;
use crate::python::items;

/// A string argument of a factory; `what` names it in errors.
pub(crate) fn text(object: &Bound<'_, PyAny>, what: &str) -> PyResult<String> {
    let string = object
        .cast::<PyString>()
        .map_err(|_| wrong_type(object, what, "a str"))?;
    match string.to_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(metrics_error(object.py(), not_utf8(string, what))),
    }
}

/// Constant labels: a list of pairs or a dict.
pub(crate) fn pairs(
    labels: Option<&Bound<'_, PyAny>>,
    what: &str,
) -> PyResult<Vec<(String, String)>> {
    let Some(labels) = labels.filter(|labels| !labels.is_none()) else {
        return Ok(Vec::new());
    };
    let wrong = |object: &Bound<'_, PyAny>| {
        wrong_type(object, what, "a dict or a list of (name, value) pairs")
    };
    let pairs = match labels.cast::<PyDict>() {
        Ok(dict) => dict.items().try_iter()?,
        Err(_) if labels.is_instance_of::<PyString>() => return Err(wrong(labels)),
        Err(_) => items(labels, || wrong(labels))?,
    };
    pairs
        .map(|item| {
            let item = item?;
            if item.is_instance_of::<PyString>() {
                return Err(wrong(labels));
            }
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                item.extract().map_err(|_| wrong(labels))?;
            let name = text(&name, "label name")?;
            let value = text(&value, &format!("value of label {name:?}"))?;
            Ok((name, value))
        })
        .collect()
}

/// Label pairs as the library takes them.
pub(crate) fn borrow(labels: &[(String, String)]) -> Vec<(&str, &str)> {
    labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Label names or prefixes, `what` names them: any iterable of str that has an order, but not a
/// single str.
pub(crate) fn strings(names: &Bound<'_, PyAny>, what: &str) -> PyResult<Vec<String>> {
    let wrong = || wrong_type(names, what, "a list of str");
    let one = what.strip_suffix('s').unwrap_or(what).replace('_', " ");
    if names.is_instance_of::<PyString>() || is_unordered(names) {
        return Err(wrong());
    }
    items(names, wrong)?
        .map(|name| text(&name?, &one))
        .collect()
}

/// The message for a label value that is no str.
pub(crate) fn value_error(value: &Bound<'_, PyAny>, label: &str) -> PyErr {
    let what = format!("value of label {label:?}");
    match value.cast::<PyString>() {
        Ok(string) => PyValueError::new_err(not_utf8(string, &what)),
        Err(_) => wrong_type(value, &what, "a str"),
    }
}

/// Whether the elements come in no order that could mean something.
pub(crate) fn is_unordered(object: &Bound<'_, PyAny>) -> bool {
    object.is_instance_of::<PySet>() || object.is_instance_of::<PyFrozenSet>()
}

/// The message for an argument of the wrong type.
pub(crate) fn wrong_type(object: &Bound<'_, PyAny>, what: &str, expected: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{what} must be {expected}, not {}: got {}",
        class_name(object),
        shown(object)
    ))
}

/// An object inside a message: as Python represents it, but on one line and not endless.
pub(crate) fn shown(object: &Bound<'_, PyAny>) -> String {
    const LIMIT: usize = 100;
    let Ok(text) = object.repr() else {
        return format!("<{}>", class_name(object));
    };
    let text = text.to_string_lossy();
    let mut chars = text.chars();
    let mut line = String::new();
    for char in chars.by_ref().take(LIMIT) {
        if char.is_control() {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

fn class_name(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().name();
    name.map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

fn not_utf8(string: &Bound<'_, PyString>, what: &str) -> String {
    format!(
        "{what} {} cannot be encoded as UTF-8: it holds a lone surrogate; decode bytes with errors=\"replace\" before they get here",
        shown(string)
    )
}

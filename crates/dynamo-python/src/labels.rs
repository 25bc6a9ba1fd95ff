//! Names, label pairs and label values, as Python gives them.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::errors::metrics_error;

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
    let items = match labels.cast::<PyDict>() {
        Ok(dict) => dict.items().into_any(),
        Err(_) if labels.is_instance_of::<PyString>() => return Err(wrong(labels)),
        Err(_) => labels.clone(),
    };
    items
        .try_iter()
        .map_err(|_| wrong(labels))?
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

/// The label names of a vec: any iterable of str, but not a single str.
pub(crate) fn names(names: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let wrong = || wrong_type(names, "label_names", "a list of str");
    if names.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    names
        .try_iter()
        .map_err(|_| wrong())?
        .map(|name| text(&name?, "label name"))
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

/// The message for an argument of the wrong type.
pub(crate) fn wrong_type(object: &Bound<'_, PyAny>, what: &str, expected: &str) -> PyErr {
    let shown = object.repr().map_or_else(
        |_| "?".to_owned(),
        |repr| repr.to_string_lossy().into_owned(),
    );
    let class = object
        .get_type()
        .name()
        .map_or_else(|_| "?".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "{what} must be {expected}, not {class}: got {shown}"
    ))
}

fn not_utf8(string: &Bound<'_, PyString>, what: &str) -> String {
    let shown = string.repr().map_or_else(
        |_| "?".to_owned(),
        |repr| repr.to_string_lossy().into_owned(),
    );
    format!(
        "{what} {shown} cannot be encoded as UTF-8: it holds a lone surrogate; decode bytes with errors=\"replace\" before they get here"
    )
}

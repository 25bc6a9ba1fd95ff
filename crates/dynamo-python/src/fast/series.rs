//! The methods of vecs that find and remove series.

use std::num::NonZeroUsize;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use super::call::{Call, Object, Raised, Signature};
use super::children::{label_text, no_such_label, not_a_dict, refused, with_values};
use super::method::{Method, enter, none};
use super::ordered::child_in_order;
use crate::classes::{SingleClass, VecClass};
use crate::errors::{IntoPyErr, label_value_error, shown, wrong_type};
use crate::limits;
use crate::log::start_if_needed;

/// A method of vecs.
trait SeriesMethod {
    const SIGNATURE: &'static Signature;
    const DOC: &'static str;
    fn call<C: VecClass>(class: &C, call: &Call<'_>) -> Result<Object, Raised>;
}

/// The methods that all vecs have.
pub(super) fn methods<C: VecClass>() -> Vec<Method> {
    vec![
        method::<C, WithLabelValues>(),
        method::<C, Labels>(),
        method::<C, Remove>(),
        method::<C, Clear>(),
        method::<C, SetMaxSeries>(),
        method::<C, SetIdleTimeout>(),
    ]
}

fn method<C: VecClass, M: SeriesMethod>() -> Method {
    let parameters = M::SIGNATURE.parameters.iter();
    let arguments: String = parameters.map(|name| format!(", {name}")).collect();
    Method::new(M::SIGNATURE.name, &arguments, M::DOC, run::<C, M>)
}

unsafe extern "C" fn run<C: VecClass, M: SeriesMethod>(
    slf: Object,
    args: *const Object,
    nargs: ffi::Py_ssize_t,
    kwnames: Object,
) -> Object {
    // SAFETY: called by the interpreter.
    unsafe { enter::<C>(slf, args, nargs, kwnames, M::SIGNATURE, M::call) }
}

/// The only argument.
fn only<'py>(call: &Call<'py>, name: &'static str) -> Result<Bound<'py, PyAny>, Raised> {
    let [object] = call.bind([name])?;
    // SAFETY: arguments are alive during the call.
    Ok(unsafe { Bound::from_borrowed_ptr(call.py, object) })
}

struct WithLabelValues;

impl SeriesMethod for WithLabelValues {
    const SIGNATURE: &'static Signature = &Signature {
        name: "with_label_values",
        parameters: &["values"],
    };
    const DOC: &'static str =
        "Return the series with these label values, created at 0 if it is new.

values is a list of str in the order of variable_labels(). Keep the series where
speed matters: it is as fast as a plain metric.

Raises ValueError if there are not as many values as label names.";

    fn call<C: VecClass>(class: &C, call: &Call<'_>) -> Result<Object, Raised> {
        let values = only(call, "values")?;
        child_in_order(class, &values).map(Py::into_ptr)
    }
}

struct Labels;

impl SeriesMethod for Labels {
    const SIGNATURE: &'static Signature = &Signature {
        name: "labels",
        parameters: &["*values", "**labels"],
    };
    const DOC: &'static str =
        "Return the series with these label values, created at 0 if it is new.

Values are given by name, or in the order of variable_labels().";

    fn call<C: VecClass>(class: &C, call: &Call<'_>) -> Result<Object, Raised> {
        let py = call.py;
        let unchanged = |error| Raised::unchanged(error, py);
        if !call.has_keywords() {
            let values = call.tuple().map_err(unchanged)?;
            return child_in_order(class, values.as_any()).map(Py::into_ptr);
        }
        if call.positional().len() > 0 {
            let error = PyTypeError::new_err("values are given either in order or by name");
            return Err(Raised::misused(error, py));
        }
        let labels = call.dict().map_err(unchanged)?;
        let vec = class.vec();
        // SAFETY: the dict is alive.
        let found = unsafe {
            with_values(py, class, labels.as_ptr(), |values| {
                vec.get_metric_with_label_values(values)
            })
        }?;
        start_if_needed(py);
        let metric = found.map_err(|error| refused(error, py))?;
        let child = C::Child::wrap(py, metric, class.hub());
        child.map(Py::into_ptr).map_err(unchanged)
    }
}

struct Remove;

impl SeriesMethod for Remove {
    const SIGNATURE: &'static Signature = &Signature {
        name: "remove",
        parameters: &["labels"],
    };
    const DOC: &'static str = "\
Take all series with these labels out of the vec; return whether there were any.

labels, a dict, are all labels of one series, or some, which any number of series may
have. Handles of them still count, unseen; a new one starts at 0.";

    fn call<C: VecClass>(class: &C, call: &Call<'_>) -> Result<Object, Raised> {
        let labels = only(call, "labels")?;
        let is_removed = remove(class, &labels)?;
        Ok(PyBool::new(call.py, is_removed).to_owned().into_ptr())
    }
}

/// Removes the series that have the labels in a dict, some or all of the vec's. Returns whether there
/// were any.
fn remove<C: VecClass>(class: &C, labels: &Bound<'_, PyAny>) -> Result<bool, Raised> {
    let py = labels.py();
    let Ok(dict) = labels.cast::<PyDict>() else {
        return Err(not_a_dict(py, labels.as_ptr()));
    };
    let vec = class.vec();
    if dict.is_empty() {
        let error = PyValueError::new_err("labels has no label: call clear() to remove all series");
        return Err(Raised::misused(error, py));
    }
    if dict.len() == class.names().len() {
        // SAFETY: the dict is alive.
        let removed = unsafe {
            with_values(py, class, labels.as_ptr(), |values| {
                vec.remove_label_values(values)
            })
        }?;
        return removed.map_err(|error| refused(error, py));
    }
    let mut pairs = Vec::new();
    // Iterates over a copy: converting a value may run code that changes the dict.
    for item in dict.items() {
        let pair = item
            .extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()
            .and_then(|(key, value)| pair(class, &key, &value));
        pairs.push(pair.map_err(|error| Raised::refused(error, py))?);
    }
    let pairs = pairs.iter().map(|(name, text)| (&**name, &**text));
    let removed = vec.remove_matching(&pairs.collect::<Vec<_>>());
    Ok(removed.map_err(|error| refused(error, py))? > 0)
}

/// A label of a dict as text.
fn pair<C: VecClass>(
    class: &C,
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<(String, String)> {
    let Ok(name) = key.cast::<PyString>() else {
        return Err(no_such_label(class, shown(key)).into_py_err(key.py()));
    };
    let text = match value.cast::<PyString>() {
        Ok(text) => text.clone(),
        Err(_) => label_text(value, name)?,
    };
    let name = name.to_string_lossy().into_owned();
    match text.to_str() {
        Ok(text) => Ok((name, text.to_owned())),
        Err(_) => Err(label_value_error(value, &name)),
    }
}

struct Clear;

impl SeriesMethod for Clear {
    const SIGNATURE: &'static Signature = &Signature {
        name: "clear",
        parameters: &[],
    };
    const DOC: &'static str = "Take all series out of the vec, as remove() does.";

    fn call<C: VecClass>(class: &C, call: &Call<'_>) -> Result<Object, Raised> {
        let [] = call.bind([])?;
        let vec = class.vec();
        call.py.detach(|| vec.clear());
        Ok(none())
    }
}

struct SetMaxSeries;

impl SeriesMethod for SetMaxSeries {
    const SIGNATURE: &'static Signature = &Signature {
        name: "set_max_series",
        parameters: &["max_series"],
    };
    const DOC: &'static str = "Let the vec have at most this many series, 0 for any number.

What is there stays. What comes beyond is counted in one more series, whose labels
are all \"__overflow__\". The limit at first is DYN_METRICS_MAX_SERIES.

Raises ValueError for a number below 0.";

    fn call<C: VecClass>(class: &C, call: &Call<'_>) -> Result<Object, Raised> {
        let limit = number(&only(call, "max_series")?, "max_series", "an int")?;
        let limit = limits::series(limit).map_err(|error| Raised::refused(error, call.py))?;
        class.vec().set_max_series(NonZeroUsize::new(limit));
        Ok(none())
    }
}

struct SetIdleTimeout;

impl SeriesMethod for SetIdleTimeout {
    const SIGNATURE: &'static Signature = &Signature {
        name: "set_idle_timeout",
        parameters: &["seconds"],
    };
    const DOC: &'static str = "\
Take series out that were not updated for this many seconds, None for never.

A series goes with the first scrape that comes later than that. One that is updated
through a handle held all along comes back with the value it had.

Raises ValueError unless the time is above 0.";

    fn call<C: VecClass>(class: &C, call: &Call<'_>) -> Result<Object, Raised> {
        let seconds: Option<f64> = number(&only(call, "seconds")?, "seconds", "a number or None")?;
        let timeout = seconds.map(limits::idle_timeout).transpose();
        let timeout = timeout.map_err(|error| Raised::refused(error, call.py))?;
        class.vec().set_idle_timeout(timeout);
        Ok(none())
    }
}

/// A number from Python; `expected` says which are possible.
fn number<T>(object: &Bound<'_, PyAny>, what: &str, expected: &str) -> Result<T, Raised>
where
    T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>,
{
    let py = object.py();
    object.extract::<T>().map_err(|error| {
        if error.traceback(py).is_some() {
            Raised::unchanged(error, py) // of code of the user
        } else if error.is_instance_of::<PyTypeError>(py) {
            Raised::refused(wrong_type(object, what, expected), py)
        } else if error.is_instance_of::<PyOverflowError>(py) {
            let error = format!(
                "{what}={} is too large: give a smaller number",
                shown(object)
            );
            Raised::refused(PyOverflowError::new_err(error), py)
        } else {
            Raised::unchanged(error, py)
        }
    })
}

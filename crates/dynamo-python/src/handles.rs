//! One Python object for each metric, so that creating one again returns the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dynamo_runtime::MetricsError;
use dynamo_runtime::binding::{MetricExt, MetricVecExt};
use dynamo_runtime::metrics::{Metric, MetricVec};
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

use crate::classes::{SingleClass, VecClass};
use crate::errors::IntoPyErr;
use crate::labels::{borrow, pairs, strings};
use crate::options::{About, Limits};

/// The objects that live, by the ids of their metrics.
static HANDLES: Mutex<Option<Handles>> = Mutex::new(None);

type Handles = HashMap<usize, Py<PyWeakrefReference>>;

/// Creates a plain metric, or finds it; `create` is given the constant labels.
pub(crate) fn single<C: SingleClass>(
    about: &About<'_, '_>,
    labels: Option<&Bound<'_, PyAny>>,
    create: impl FnOnce(&[(&str, &str)]) -> Result<Metric<C::Cell>, MetricsError>,
) -> PyResult<Py<C>> {
    let py = about.py();
    let labels = pairs(labels, "labels")?;
    let metric = create(&borrow(&labels)).map_err(|error| error.into_py_err(py))?;
    the_same(py, metric.id(), || C::wrap(py, metric))
}

/// Creates a vec, or finds it, and sets its limits; `create` is given the label names and the constant
/// labels.
pub(crate) fn vec<C: VecClass>(
    about: &About<'_, '_>,
    label_names: &Bound<'_, PyAny>,
    const_labels: Option<&Bound<'_, PyAny>>,
    limits: Limits,
    create: impl FnOnce(&[&str], &[(&str, &str)]) -> Result<MetricVec<C::Cell>, MetricsError>,
) -> PyResult<Py<C>> {
    let py = about.py();
    let label_names = strings(label_names, "label_names")?;
    let label_names: Vec<&str> = label_names.iter().map(String::as_str).collect();
    let labels = pairs(const_labels, "const_labels")?;
    let vec = create(&label_names, &borrow(&labels)).map_err(|error| error.into_py_err(py))?;
    limits.apply(&vec);
    the_same(py, vec.id(), || C::wrap(py, vec))
}

/// The living Python object of the metric with this id, or else the one that `make` creates.
fn the_same<C: pyo3::PyClass>(
    py: Python<'_>,
    id: usize,
    make: impl FnOnce() -> PyResult<Py<C>>,
) -> PyResult<Py<C>> {
    if let Some(object) = with_handles(|handles| living(py, handles, id)) {
        return Ok(object);
    }
    let object = make()?;
    let weak = PyWeakrefReference::new(object.bind(py).as_any())?.unbind();
    let (object, dead) = with_handles(|handles| {
        // Another thread may have made one meanwhile.
        if let Some(first) = living(py, handles, id) {
            return (first, Vec::new());
        }
        let mut dead = Vec::new();
        // Now and then, all that have died go.
        if handles.len() == handles.capacity() {
            let keys: Vec<_> = handles
                .iter()
                .filter(|(_, weak)| weak.bind(py).upgrade().is_none())
                .map(|(id, _)| *id)
                .collect();
            dead.extend(keys.iter().filter_map(|id| handles.remove(id)));
        }
        dead.extend(handles.insert(id, weak));
        (object, dead)
    });
    drop(dead);
    Ok(object)
}

fn living<C: pyo3::PyClass>(py: Python<'_>, handles: &Handles, id: usize) -> Option<Py<C>> {
    let object = handles.get(&id)?.bind(py).upgrade()?;
    object.cast_into().ok().map(Bound::unbind)
}

fn with_handles<T>(access: impl FnOnce(&mut Handles) -> T) -> T {
    let mut handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
    access(handles.get_or_insert_default())
}

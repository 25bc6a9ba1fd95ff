//! One Python object for each metric, so that creating one again returns the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

/// The objects that live, by the ids of their metrics.
static HANDLES: Mutex<Option<Handles>> = Mutex::new(None);

type Handles = HashMap<usize, Py<PyWeakrefReference>>;

/// The living Python object of the metric with this id, or else the one that `make` creates.
pub(crate) fn the_same<C: pyo3::PyClass>(
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

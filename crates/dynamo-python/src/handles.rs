//! One Python object for each metric, so that creating one again returns the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

/// The objects that live, by the ids of their metrics.
static HANDLES: Mutex<Option<HashMap<usize, Py<PyWeakrefReference>>>> = Mutex::new(None);

/// The living Python object of the metric with this id, or else the one that `make` creates.
pub(crate) fn the_same<C: pyo3::PyClass>(
    py: Python<'_>,
    id: usize,
    make: impl FnOnce() -> PyResult<Py<C>>,
) -> PyResult<Py<C>> {
    let known = with_handles(|handles| handles.get(&id).map(|weak| weak.clone_ref(py)));
    let living = known.and_then(|weak| weak.bind(py).upgrade());
    if let Some(object) = living.and_then(|object| object.cast_into::<C>().ok()) {
        return Ok(object.unbind());
    }
    let object = make()?;
    let weak = PyWeakrefReference::new(object.bind(py).as_any())?.unbind();
    let dead = with_handles(|handles| {
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
        dead
    });
    drop(dead);
    Ok(object)
}

fn with_handles<T>(access: impl FnOnce(&mut HashMap<usize, Py<PyWeakrefReference>>) -> T) -> T {
    let mut handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
    access(handles.get_or_insert_default())
}

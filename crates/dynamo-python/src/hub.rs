//! What Python's garbage collector sees of a tree: its callbacks.
//!
//! A callback often refers to a metric or node of the tree it is registered at, and these keep the tree
//! alive, which keeps the callback. The collector finds such a cycle because every node and metric refers
//! to the one hub of its tree, and the hub leads it to the callbacks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

/// The place of one callback, which the tree owns.
pub(crate) struct Slot(Mutex<Option<Py<PyAny>>>);

/// See the module.
#[pyclass(frozen, weakref, module = "dynamo_metrics._native")]
pub(crate) struct Hub(Mutex<Vec<Weak<Slot>>>);

/// The hubs of all trees, by the id of the tree. Locked only with the GIL, and while nothing is allocated
/// in Python: the collector may run then, and take the lock.
static HUBS: Mutex<Option<HashMap<usize, Py<PyWeakrefReference>>>> = Mutex::new(None);

/// The number of hubs above which those that are gone are removed.
const MANY: usize = 64;

impl Slot {
    /// The callback; `None` if it was collected.
    pub(crate) fn callback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let callback = lock(&self.0);
        callback.as_ref().map(|callback| callback.clone_ref(py))
    }
}

impl Hub {
    /// The hub of the tree with this id.
    pub(crate) fn of(py: Python<'_>, tree: usize) -> PyResult<Py<Self>> {
        if let Some(hub) = Self::find(py, tree) {
            return Ok(hub);
        }
        let hub = Py::new(py, Hub(Mutex::default()))?;
        let weak = PyWeakrefReference::new(hub.bind(py).as_any())?.unbind();
        // Another thread may have been faster.
        if let Some(hub) = Self::find(py, tree) {
            return Ok(hub);
        }
        let mut gone = Vec::new();
        {
            let mut hubs = lock(&HUBS);
            let hubs = hubs.get_or_insert_default();
            gone.extend(hubs.insert(tree, weak));
            if hubs.len() >= MANY && hubs.len().is_power_of_two() {
                gone.extend(
                    hubs.extract_if(|_, weak| weak.bind(py).upgrade().is_none())
                        .map(|(_, weak)| weak),
                );
            }
        }
        drop(gone);
        Ok(hub)
    }

    fn find(py: Python<'_>, tree: usize) -> Option<Py<Self>> {
        let hubs = lock(&HUBS);
        let hub = hubs.as_ref()?.get(&tree)?.bind(py).upgrade()?;
        Some(hub.cast_into::<Self>().ok()?.unbind())
    }

    /// A place for a callback.
    pub(crate) fn slot(&self, callback: Py<PyAny>) -> Arc<Slot> {
        let slot = Arc::new(Slot(Mutex::new(Some(callback))));
        let mut slots = lock(&self.0);
        if slots.len() >= MANY && slots.len().is_power_of_two() {
            slots.retain(|slot| slot.strong_count() > 0);
        }
        slots.push(Arc::downgrade(&slot));
        slot
    }
}

#[pymethods]
impl Hub {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Never waits: who holds the lock holds the GIL too, or is stopped by the collector.
        let Ok(slots) = self.0.try_lock() else {
            return Ok(());
        };
        for slot in slots.iter().filter_map(Weak::upgrade) {
            if let Ok(callback) = slot.0.try_lock() {
                visit.call(&*callback)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let slots = std::mem::take(&mut *lock(&self.0));
        for slot in slots.iter().filter_map(Weak::upgrade) {
            let callback = lock(&slot.0).take();
            // Runs user code, without the lock.
            drop(callback);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

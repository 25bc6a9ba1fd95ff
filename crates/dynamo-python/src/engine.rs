//! Calls of engine routes, seen from here: a thread that Python created takes them from the queue.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use dynamo_runtime::binding::{EngineCall as CoreCall, EngineQueue};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::hub::Slot;

/// Hands the calls of all runtimes to the thread that runs them.
pub(crate) static ENGINE_QUEUE: LazyLock<Arc<EngineQueue>> = LazyLock::new(Arc::default);

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<EngineCall>()?;
    module.add_function(wrap_pyfunction!(next_engine_call, module)?)?;
    module.add_function(wrap_pyfunction!(stop_engine_calls, module)?)
}

/// A call of an engine route. A call without a response fails when it is freed.
#[pyclass(frozen, module = "dynamo_metrics._native")]
pub(crate) struct EngineCall {
    call: Mutex<Option<CoreCall>>,
    /// What the route was registered with.
    #[pyo3(get)]
    handler: Py<PyAny>,
    /// The name of the route.
    #[pyo3(get)]
    name: String,
    /// The body of the request: JSON in UTF-8.
    #[pyo3(get)]
    body: Py<PyBytes>,
}

#[pymethods]
impl EngineCall {
    /// Answer with a JSON text, or with the reason of a failure.
    ///
    /// Does nothing if the client has disconnected, or after a first response.
    fn respond(&self, succeeded: bool, text: String) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = call.take() {
            call.respond(if succeeded { Ok(text) } else { Err(text) });
        }
    }
}

/// Wait for the next call, without the GIL; None once the calls are stopped.
#[pyfunction]
fn next_engine_call(py: Python<'_>) -> Option<EngineCall> {
    loop {
        let call = py.detach(|| ENGINE_QUEUE.next())?;
        let slot = call.handler().downcast_ref::<Arc<Slot>>();
        // A handler may have been collected, with all metrics of its runtime: then the call fails.
        if let Some(handler) = slot.and_then(|slot| slot.callback(py)) {
            return Some(EngineCall {
                handler,
                name: call.name().to_owned(),
                body: PyBytes::new(py, call.body()).unbind(),
                call: Mutex::new(Some(call)),
            });
        }
    }
}

/// Stop the calls: those that wait fail, and the thread that waits for one wakes.
#[pyfunction]
fn stop_engine_calls() {
    ENGINE_QUEUE.stop();
}

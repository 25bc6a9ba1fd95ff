//! What lives in Python and is called from here: imported once, when first needed.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// An attribute of a Python module.
pub(crate) struct Imported {
    module: &'static str,
    name: &'static str,
    object: PyOnceLock<Py<PyAny>>,
}

/// Makes ready for a callback: refuses what cannot be one, starts the thread that runs it.
pub(crate) static PREPARE_CALLBACK: Imported =
    Imported::new("dynamo.runtime._threads", "prepare_callback");

/// Starts the thread that runs callbacks, if none does.
pub(crate) static START_CALLBACKS: Imported =
    Imported::new("dynamo.runtime._threads", "start_callbacks");

/// Returns a function that writes a `prometheus_client` registry as text.
pub(crate) static EXPOSITION_OF: Imported =
    Imported::new("dynamo.runtime._collector", "exposition_of");

/// What `Histogram.time()` returns.
pub(crate) static TIMER: Imported = Imported::new("dynamo._timer", "Timer");

impl Imported {
    const fn new(module: &'static str, name: &'static str) -> Self {
        Imported {
            module,
            name,
            object: PyOnceLock::new(),
        }
    }

    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        self.object
            .get_or_try_init(py, || {
                Ok(py.import(self.module)?.getattr(self.name)?.unbind())
            })
            .map(|object| object.bind(py))
    }
}

//! The thread that runs user code, seen from here: Python creates it and waits for work.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use dynamo_runtime::CallbackHandle as CoreHandle;
use dynamo_runtime::binding::{Action, Dispatcher, Job as CoreJob, Next};
use pyo3::prelude::*;

use crate::options::seconds;
use crate::process;

/// Hands the callbacks of all runtimes to the one thread that runs them.
pub(crate) static DISPATCHER: LazyLock<Arc<Dispatcher>> = LazyLock::new(Arc::default);

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CallbackHandle>()?;
    module.add_class::<Job>()?;
    module.add_function(wrap_pyfunction!(next_job, module)?)?;
    module.add_function(wrap_pyfunction!(nudge_jobs, module)?)?;
    module.add_function(wrap_pyfunction!(stop_jobs, module)?)
}

/// A registered callback. Dropping the handle leaves the callback registered.
#[pyclass(frozen, module = "dynamo_metrics")]
pub(crate) struct CallbackHandle(CoreHandle);

impl CallbackHandle {
    pub(crate) fn new(handle: CoreHandle) -> Self {
        CallbackHandle(handle)
    }
}

#[pymethods]
impl CallbackHandle {
    /// Run the callback no more; return whether it was registered.
    fn unregister(&self) -> bool {
        self.0.unregister()
    }
}

/// A callback to run now.
#[pyclass(frozen, module = "dynamo_metrics._native")]
pub(crate) struct Job {
    job: Mutex<Option<CoreJob>>,
    /// What to call.
    #[pyo3(get)]
    callback: Py<PyAny>,
    /// Its name, for messages.
    #[pyo3(get)]
    name: String,
}

#[pymethods]
impl Job {
    /// Whether what the callback returns is a text of metrics.
    #[getter]
    fn returns_text(&self) -> bool {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        job.as_ref().is_some_and(CoreJob::returns_exposition)
    }

    /// Say how it went; return whether to log it, true for the first failure of a callback.
    ///
    /// text is what the callback returned, if it is one that returns text.
    #[pyo3(signature = (succeeded, text=None))]
    fn finish(&self, py: Python<'_>, succeeded: bool, text: Option<&str>) -> bool {
        let job = self
            .job
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(job) = job else {
            return false;
        };
        if let Some(text) = text {
            py.detach(|| job.store_exposition(text));
        }
        let log = !succeeded && job.is_first_failure();
        DISPATCHER.finish(job, succeeded);
        log
    }
}

/// Wait for the next callback to run, without the GIL; None when there will be no more.
///
/// With patience, a number of seconds, False if there was nothing to do for so long. The thread
/// that calls this is the one that runs user code; how long it waits for the GIL is counted.
#[pyfunction]
#[pyo3(signature = (patience=None))]
fn next_job(py: Python<'_>, patience: Option<f64>) -> PyResult<Option<Wake>> {
    let patience = patience
        .map(|patience| seconds(patience, "patience", "a number of seconds >= 0"))
        .transpose()?;
    loop {
        let (next, woken) = py.detach(|| {
            let next = DISPATCHER.next_within(patience);
            (next, Instant::now())
        });
        process::GIL_WAIT.observe(woken.elapsed().as_secs_f64());
        let job = match next {
            Next::Job(job) => job,
            Next::Nothing => return Ok(Some(Wake::Nothing(false))),
            Next::Stopped => return Ok(None),
        };
        let Action::Opaque(callback) = job.action() else {
            DISPATCHER.finish(job, false);
            continue;
        };
        let Some(callback) = callback.downcast_ref::<Py<PyAny>>() else {
            DISPATCHER.finish(job, false);
            continue;
        };
        return Ok(Some(Wake::Job(Job {
            callback: callback.clone_ref(py),
            name: job.name().to_owned(),
            job: Mutex::new(Some(job)),
        })));
    }
}

/// Why the thread that runs user code was woken.
#[derive(IntoPyObject)]
enum Wake {
    Job(Job),
    /// Always false.
    Nothing(bool),
}

/// Wake the thread that waits for callbacks, for it to wait anew with another patience.
#[pyfunction]
fn nudge_jobs() {
    DISPATCHER.wake();
}

/// Hand out no more callbacks and wake the thread that waits for them.
#[pyfunction]
fn stop_jobs() {
    DISPATCHER.stop();
}

//! The threads that run user code, seen from here: Python creates them, and they wait for work.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use dynamo_runtime::CallbackHandle as CoreHandle;
use dynamo_runtime::binding::{Action, Dispatcher, Job as CoreJob, Next};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::hub::Slot;
use crate::limits::seconds;

/// Hands the callbacks of all runtimes to the thread that runs them.
pub(crate) static DISPATCHER: LazyLock<Arc<Dispatcher>> = LazyLock::new(Arc::default);

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CallbackHandle>()?;
    module.add_class::<Job>()?;
    module.add_function(wrap_pyfunction!(next_job, module)?)?;
    module.add_function(wrap_pyfunction!(take_over_jobs, module)?)?;
    module.add_function(wrap_pyfunction!(stand_by, module)?)?;
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
    /// Stop running the callback; return whether it was registered.
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
    /// Whether the callback returns an exposition.
    #[getter]
    fn returns_text(&self) -> bool {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        job.as_ref().is_some_and(CoreJob::returns_exposition)
    }

    /// Show the exposition that the callback returned. Lone surrogates become U+FFFD.
    fn store(&self, py: Python<'_>, text: &Bound<'_, PyString>) {
        let text = text.to_string_lossy();
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = &*job {
            py.detach(|| job.store_exposition(&text));
        }
    }

    /// Return True at the first call for a callback: only its first failure is logged.
    fn is_first_failure(&self) -> bool {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        job.as_ref().is_some_and(CoreJob::is_first_failure)
    }

    /// Say whether the callback succeeded. Scrapes do not wait for it any longer.
    fn finish(&self, succeeded: bool) {
        let job = self
            .job
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(job) = job {
            DISPATCHER.finish(job, succeeded);
        }
    }
}

impl Drop for Job {
    /// A thread that an exception ended before it could report the result has failed.
    fn drop(&mut self) {
        let job = self.job.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = job.take() {
            DISPATCHER.finish(job, false);
        }
    }
}

/// Make the calling thread the one that runs user code, whatever the previous one is doing.
#[pyfunction]
fn take_over_jobs() {
    DISPATCHER.take_over();
}

/// Wait, without the GIL, until a callback keeps the thread for too long; then take over.
///
/// Returns False after the end of callbacks.
#[pyfunction]
fn stand_by(py: Python<'_>) -> bool {
    py.detach(|| DISPATCHER.stand_by())
}

/// Wait for the next callback to run, without the GIL; None when this thread must end.
///
/// Returns the callback, or None if there was none for timeout seconds, and the seconds that this
/// thread waited for the GIL afterwards. A thread ends after the end of callbacks, or
/// when another one has taken over.
#[pyfunction]
#[pyo3(signature = (timeout=None))]
fn next_job(py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<(Option<Job>, f64)>> {
    let timeout = timeout
        .map(|timeout| seconds(timeout, "timeout", "a number of seconds >= 0"))
        .transpose()?;
    loop {
        let (next, woken) = py.detach(|| {
            let next = DISPATCHER.next_within(timeout);
            (next, Instant::now())
        });
        let gil_wait = woken.elapsed().as_secs_f64();
        let job = match next {
            Next::Job(job) => job,
            Next::Nothing => return Ok(Some((None, gil_wait))),
            Next::Stopped => return Ok(None),
        };
        let callback = match job.action() {
            Action::Opaque(slot) => slot.downcast_ref::<Arc<Slot>>(),
            _ => None,
        };
        let Some(callback) = callback.and_then(|slot| slot.callback(py)) else {
            // It was collected, with all metrics of its runtime.
            DISPATCHER.finish(job, true);
            continue;
        };
        let job = Job {
            callback,
            name: job.name().to_owned(),
            job: Mutex::new(Some(job)),
        };
        return Ok(Some((Some(job), gil_wait)));
    }
}

/// Wake the thread that waits for callbacks, so that it waits anew with another timeout.
#[pyfunction]
fn nudge_jobs() {
    DISPATCHER.wake();
}

/// Stop handing out callbacks and wake the thread that waits for one.
#[pyfunction]
fn stop_jobs() {
    DISPATCHER.stop();
}

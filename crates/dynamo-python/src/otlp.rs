//! Metrics as OTLP requests.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::{Mutex, PoisonError};

use dynamo_runtime::{OtlpEncoder as CoreEncoder, Temporality};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::limits::seconds;
use crate::node::Node;

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<OtlpEncoder>()
}

/// Encodes metrics as OTLP requests, for one receiver.
///
/// The requests describe their origin by the attributes of resource, (name, value) pairs. With
/// delta, counters and histograms are changes since the last commit().
#[pyclass(frozen, module = "dynamo_metrics._native")]
pub(crate) struct OtlpEncoder(Mutex<CoreEncoder>);

#[pymethods]
impl OtlpEncoder {
    #[new]
    fn new(resource: Vec<(String, String)>, delta: bool) -> Self {
        let resource: Vec<(&str, &str)> = resource
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let temporality = match delta {
            true => Temporality::Delta,
            false => Temporality::Cumulative,
        };
        OtlpEncoder(Mutex::new(CoreEncoder::new(&resource, temporality)))
    }

    /// Run the callbacks of node, for timeout seconds at most, and return its requests.
    ///
    /// Each request is an encoded ExportMetricsServiceRequest of at most some 2 MiB.
    ///
    /// Raises ValueError for a timeout below 0.
    fn encode<'py>(
        &self,
        py: Python<'py>,
        node: &Node,
        timeout: f64,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let timeout = seconds(timeout, "timeout", "a number of seconds >= 0")?;
        let metrics = node.metrics();
        let requests = py.detach(|| self.lock(|encoder| metrics.otlp(encoder, Some(timeout))));
        requests.iter().map(|request| bytes(py, request)).collect()
    }

    /// Start the next changes at the totals that were encoded last: the receiver has them.
    fn commit(&self, py: Python<'_>) {
        py.detach(|| self.lock(CoreEncoder::commit));
    }
}

impl OtlpEncoder {
    /// Only threads without the GIL wait for the lock.
    fn lock<T>(&self, work: impl FnOnce(&mut CoreEncoder) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `bytes` with this content, copied without the GIL: a request has megabytes.
fn bytes<'py>(py: Python<'py>, content: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let length = ffi::Py_ssize_t::try_from(content.len())?;
    // SAFETY: a null pointer makes Python allocate `length` bytes, which are not initialised. The
    // reference is new, or null with an exception set.
    let object = unsafe {
        let object = ffi::PyBytes_FromStringAndSize(ptr::null(), length);
        Bound::from_owned_ptr_or_err(py, object)?
    };
    // SAFETY: `object` is a `bytes`.
    let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()) }.expose_provenance();
    py.detach(|| {
        let start = ptr::with_exposed_provenance_mut::<u8>(start);
        // SAFETY: `start` has room for `length` bytes, and stays valid since `object` is held. No other
        // code has a reference to it, so that nobody reads or writes the bytes meanwhile.
        unsafe { ptr::copy_nonoverlapping(content.as_ptr(), start, content.len()) }
    });
    Ok(object.cast_into::<PyBytes>()?)
}

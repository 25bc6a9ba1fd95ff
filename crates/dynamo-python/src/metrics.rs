//! `RuntimeMetrics`: where Python creates metrics.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dynamo_runtime::binding::Action;
use dynamo_runtime::metrics::buckets::{self, BucketsError};
use dynamo_runtime::{CallbackHandle as CoreHandle, Metrics, MetricsError, Name};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyWeakrefReference};

use crate::callbacks::CallbackHandle;
use crate::classes::{
    self, Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, SingleClass, VecClass,
};
use crate::errors::IntoPyErr;
use crate::labels::{names, pairs, text, wrong_type};
use crate::python::{PREPARE_CALLBACK, START_CALLBACKS, items};

/// The metrics of one runtime, namespace, component or endpoint.
///
/// Every create_*() takes the name, which the node's path completes (full_name=True keeps it as it
/// stands), the description, shown as HELP, and constant labels, a dict or a list of pairs, which
/// follow those of the hierarchy. A vec also takes label_names, a list: the names of the labels
/// whose values tell its series apart. Creating an identical metric again returns the first one.
///
/// Every create_*() raises MetricsError, a ValueError, if a name or label cannot be used or the
/// metric conflicts with another; TypeError if an argument is of the wrong type.
#[pyclass(frozen, module = "dynamo.prometheus_metrics")]
pub(crate) struct RuntimeMetrics(Metrics);

/// The Python objects of the metrics created so far, so that creating one again returns the same.
static HANDLES: Mutex<Option<Handles>> = Mutex::new(None);

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<RuntimeMetrics>()?;
    for (name, bounds) in [
        ("DEFAULT", buckets::DEFAULT),
        ("TTFT", buckets::TTFT),
        ("ITL", buckets::ITL),
        ("REQUEST_DURATION", buckets::REQUEST_DURATION),
    ] {
        module.add(name, PyTuple::new(py, bounds)?)?;
    }
    module.add_function(wrap_pyfunction!(linear_buckets, module)?)?;
    module.add_function(wrap_pyfunction!(exponential_buckets, module)?)
}

/// Return count bucket bounds from start, width apart.
///
/// Raises MetricsError, a ValueError, if count is not in 1 to 10000, width is not above 0, or a
/// bound is not finite.
#[pyfunction]
fn linear_buckets(py: Python<'_>, start: f64, width: f64, count: isize) -> PyResult<Vec<f64>> {
    let bounds = buckets::linear_buckets(start, width, count.max(0).cast_unsigned());
    bounds.map_err(|error| with_count(error, count).into_py_err(py))
}

/// Return count bucket bounds from start, each factor times the one before.
///
/// Raises MetricsError, a ValueError, if count is not in 1 to 10000, start is not above 0, factor
/// is not above 1, or a bound is not finite.
#[pyfunction]
fn exponential_buckets(
    py: Python<'_>,
    start: f64,
    factor: f64,
    count: isize,
) -> PyResult<Vec<f64>> {
    let bounds = buckets::exponential_buckets(start, factor, count.max(0).cast_unsigned());
    bounds.map_err(|error| with_count(error, count).into_py_err(py))
}

/// A count below 0 cannot be passed on, but the message shows it.
fn with_count(mut error: BucketsError, count: isize) -> BucketsError {
    if let BucketsError::Argument {
        argument: "count",
        value,
        ..
    } = &mut error
    {
        *value = count as f64;
    }
    error
}

type Any<'a, 'py> = &'a Bound<'py, PyAny>;
type OptionalAny<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

#[pymethods]
impl RuntimeMetrics {
    /// Create a counter of floats.
    #[pyo3(signature = (name, description, labels=None, *, full_name=false))]
    fn create_counter(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<Counter>> {
        self.single(
            name,
            description,
            labels,
            full_name,
            |name, help, labels| self.0.create_counter(name, help, labels),
        )
    }

    /// Create a counter of whole things.
    #[pyo3(signature = (name, description, labels=None, *, full_name=false))]
    fn create_intcounter(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntCounter>> {
        self.single(
            name,
            description,
            labels,
            full_name,
            |name, help, labels| self.0.create_intcounter(name, help, labels),
        )
    }

    /// Create a gauge of floats.
    #[pyo3(signature = (name, description, labels=None, *, full_name=false))]
    fn create_gauge(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<Gauge>> {
        self.single(
            name,
            description,
            labels,
            full_name,
            |name, help, labels| self.0.create_gauge(name, help, labels),
        )
    }

    /// Create a gauge of whole things.
    #[pyo3(signature = (name, description, labels=None, *, full_name=false))]
    fn create_intgauge(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntGauge>> {
        self.single(
            name,
            description,
            labels,
            full_name,
            |name, help, labels| self.0.create_intgauge(name, help, labels),
        )
    }

    /// Create a histogram.
    ///
    /// buckets are its upper bounds, by default 0.005 to 10 (DEFAULT); +Inf is added by itself.
    #[pyo3(signature = (name, description, labels=None, buckets=None, *, full_name=false))]
    fn create_histogram(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        buckets: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<Histogram>> {
        let buckets = bounds(buckets)?;
        self.single(
            name,
            description,
            labels,
            full_name,
            |name, help, labels| self.0.create_histogram(name, help, labels, buckets),
        )
    }

    /// Create counters of floats, one for each combination of values of label_names.
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, full_name=false))]
    fn create_countervec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<CounterVec>> {
        self.vec(
            name,
            description,
            label_names,
            const_labels,
            full_name,
            |name, help, names, labels| self.0.create_countervec(name, help, names, labels),
        )
    }

    /// Create counters of whole things, one for each combination of values of label_names.
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, full_name=false))]
    fn create_intcountervec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntCounterVec>> {
        self.vec(
            name,
            description,
            label_names,
            const_labels,
            full_name,
            |name, help, names, labels| self.0.create_intcountervec(name, help, names, labels),
        )
    }

    /// Create gauges of floats, one for each combination of values of label_names.
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, full_name=false))]
    fn create_gaugevec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<GaugeVec>> {
        self.vec(
            name,
            description,
            label_names,
            const_labels,
            full_name,
            |name, help, names, labels| self.0.create_gaugevec(name, help, names, labels),
        )
    }

    /// Create gauges of whole things, one for each combination of values of label_names.
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, full_name=false))]
    fn create_intgaugevec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntGaugeVec>> {
        self.vec(
            name,
            description,
            label_names,
            const_labels,
            full_name,
            |name, help, names, labels| self.0.create_intgaugevec(name, help, names, labels),
        )
    }

    /// Create histograms, one for each combination of values of label_names.
    ///
    /// buckets are their upper bounds, by default 0.005 to 10 (DEFAULT); +Inf is added by itself.
    #[pyo3(signature = (name, description, label_names, const_labels=None, buckets=None, *, full_name=false))]
    fn create_histogramvec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        buckets: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<HistogramVec>> {
        let buckets = bounds(buckets)?;
        self.vec(
            name,
            description,
            label_names,
            const_labels,
            full_name,
            |name, help, names, labels| {
                self.0
                    .create_histogramvec(name, help, names, labels, buckets)
            },
        )
    }

    /// Have callback run, without arguments, before each scrape that shows this node.
    ///
    /// It runs on a thread of its own. All callbacks of a scrape have DYN_METRICS_CALLBACK_TIMEOUT
    /// (1 s) together; one that raises or is late is counted and logged once, and the scrape
    /// answers without it.
    ///
    /// Raises TypeError if callback cannot be called or is an async function.
    fn register_callback(
        &self,
        py: Python<'_>,
        callback: &Bound<'_, PyAny>,
    ) -> PyResult<CallbackHandle> {
        let name = PREPARE_CALLBACK.call(py, &[callback])?.extract()?;
        let action = Action::Foreign(Box::new(callback.clone().unbind()));
        let handle: CoreHandle = self
            .0
            .register_action(name, action)
            .map_err(|error| error.into_py_err(py))?;
        Ok(CallbackHandle::new(handle))
    }

    /// Return the metrics of this node and all below it, in the Prometheus text format.
    ///
    /// Their callbacks run before, except when this is called inside a callback.
    fn prometheus_expfmt(&self, py: Python<'_>) -> PyResult<String> {
        if self.0.has_callbacks() {
            START_CALLBACKS.call(py, &[])?;
        }
        Ok(py.detach(|| self.0.prometheus_expfmt()))
    }

    /// Take a metric, plain or vec, out of the scrape; return whether it was in.
    ///
    /// Handles of it still count, unseen.
    ///
    /// Raises ValueError for one series of a vec, which the vec's remove() takes out.
    fn unregister(&self, metric: &Bound<'_, PyAny>) -> PyResult<bool> {
        classes::unregister(&self.0, metric)
    }
}

impl RuntimeMetrics {
    pub(crate) fn new(metrics: Metrics) -> Self {
        RuntimeMetrics(metrics)
    }

    fn single<C: SingleClass>(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        full_name: bool,
        create: impl FnOnce(
            Name<'_>,
            &str,
            &[(&str, &str)],
        ) -> Result<dynamo_runtime::binding::Metric<C::Cell>, MetricsError>,
    ) -> PyResult<Py<C>> {
        let py = name.py();
        let (name, help) = (text(name, "name")?, text(description, "description")?);
        let labels = pairs(labels, "labels")?;
        let metric = create(full_or_relative(&name, full_name), &help, &borrow(&labels))
            .map_err(|error| error.into_py_err(py))?;
        the_same(py, metric.id(), || C::wrap(py, metric))
    }

    fn vec<C: VecClass>(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        full_name: bool,
        create: impl FnOnce(
            Name<'_>,
            &str,
            &[&str],
            &[(&str, &str)],
        )
            -> Result<dynamo_runtime::binding::MetricVec<C::Cell>, MetricsError>,
    ) -> PyResult<Py<C>> {
        let py = name.py();
        let (name, help) = (text(name, "name")?, text(description, "description")?);
        let label_names = names(label_names)?;
        let label_names: Vec<&str> = label_names.iter().map(String::as_str).collect();
        let labels = pairs(const_labels, "const_labels")?;
        let vec = create(
            full_or_relative(&name, full_name),
            &help,
            &label_names,
            &borrow(&labels),
        )
        .map_err(|error| error.into_py_err(py))?;
        the_same(py, vec.id(), || C::wrap(py, vec))
    }
}

fn full_or_relative(name: &str, full: bool) -> Name<'_> {
    if full {
        Name::Absolute(name)
    } else {
        Name::Relative(name)
    }
}

fn borrow(labels: &[(String, String)]) -> Vec<(&str, &str)> {
    labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Bucket bounds: any iterable of numbers.
fn bounds(buckets: OptionalAny) -> PyResult<Option<Vec<f64>>> {
    let Some(buckets) = buckets.filter(|buckets| !buckets.is_none()) else {
        return Ok(None);
    };
    let wrong = || wrong_type(buckets, "buckets", "a list of numbers");
    if buckets.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let bounds = items(buckets, wrong)?;
    let bounds: PyResult<Vec<f64>> = bounds.map(|bound| bound?.extract()).collect();
    bounds.map(Some).map_err(|error| {
        if error.is_instance_of::<PyTypeError>(buckets.py()) {
            wrong()
        } else {
            error
        }
    })
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

type Handles = HashMap<usize, Py<PyWeakrefReference>>;

fn living<C: pyo3::PyClass>(py: Python<'_>, handles: &Handles, id: usize) -> Option<Py<C>> {
    let object = handles.get(&id)?.bind(py).upgrade()?;
    object.cast_into().ok().map(Bound::unbind)
}

fn with_handles<T>(access: impl FnOnce(&mut Handles) -> T) -> T {
    let mut handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
    access(handles.get_or_insert_default())
}

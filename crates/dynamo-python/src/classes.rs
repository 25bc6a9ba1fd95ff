//! The metric classes. What they do to values is in [`crate::fast`]; here is the rest.

use dynamo_runtime::binding::{
    CounterCell, GaugeCell, HistogramCell, Instrument, MetricExt, MetricVecExt, MetricsExt,
    SummaryCell,
};
use dynamo_runtime::metrics::{Metric, MetricVec};
use dynamo_runtime::{Metrics, MetricsError};
use pyo3::PyClass;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use crate::create::NewMetric;
use crate::errors::IntoPyErr;
use crate::fast::{self, Recent};
use crate::hub::Hub;

/// A class of metrics.
pub(crate) trait MetricClass:
    PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync
{
    fn exposed_name(&self) -> &str;
    /// Of a vec.
    fn label_names(&self) -> &[String];
}

/// A class of plain metrics.
pub(crate) trait SingleClass: MetricClass {
    type Cell: Instrument;
    fn metric(&self) -> &Metric<Self::Cell>;
    fn wrap(py: Python<'_>, metric: Metric<Self::Cell>, hub: &Py<Hub>) -> PyResult<Py<Self>>;
}

/// A class of vecs.
pub(crate) trait VecClass: MetricClass {
    type Cell: Instrument;
    type Child: SingleClass<Cell = Self::Cell>;
    fn vec(&self) -> &MetricVec<Self::Cell>;
    /// The label names as interned strings, whose look-up in a dict is cheapest.
    fn names(&self) -> &[Py<PyString>];
    /// The children used lately.
    fn recent(&self) -> &Recent<Self::Cell>;
    /// The hub of its tree.
    fn hub(&self) -> &Py<Hub>;
    fn wrap(py: Python<'_>, vec: MetricVec<Self::Cell>, hub: &Py<Hub>) -> PyResult<Py<Self>>;
}

macro_rules! classes {
    ($(
        $(#[$doc:meta])* $single:ident by $create:ident,
        $(#[$vec_doc:meta])* $vec:ident by $create_vec:ident
        => $cell:ty, $methods:path, $vec_methods:path $(, with $options:ident)?;
    )*) => {
        $(
            $(#[$doc])*
            #[pyclass(frozen, weakref, module = "dynamo_metrics")]
            pub(crate) struct $single(Metric<$cell>, Py<Hub>);

            impl MetricClass for $single {
                fn exposed_name(&self) -> &str {
                    self.0.name()
                }

                fn label_names(&self) -> &[String] {
                    &[]
                }
            }

            impl SingleClass for $single {
                type Cell = $cell;

                #[inline]
                fn metric(&self) -> &Metric<$cell> {
                    &self.0
                }

                fn wrap(
                    py: Python<'_>,
                    metric: Metric<$cell>,
                    hub: &Py<Hub>,
                ) -> PyResult<Py<Self>> {
                    Py::new(py, $single(metric, hub.clone_ref(py)))
                }
            }

            #[pymethods]
            impl $single {
                /// Return the name shown on /metrics, the same in every format.
                fn name(&self) -> &str {
                    self.0.name()
                }

                /// Return the description, shown as HELP.
                fn description(&self) -> &str {
                    self.0.description()
                }

                /// Return the labels every sample has: the hierarchy's first, then those given.
                fn const_labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                    dict(py, self.0.const_labels())
                }

                fn __repr__(&self) -> String {
                    repr(stringify!($single), self.0.name())
                }

                fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                    visit.call(&self.1)
                }
            }

            $(#[$vec_doc])*
            #[pyclass(frozen, weakref, module = "dynamo_metrics")]
            pub(crate) struct $vec(MetricVec<$cell>, Vec<Py<PyString>>, Recent<$cell>, Py<Hub>);

            impl MetricClass for $vec {
                fn exposed_name(&self) -> &str {
                    self.0.name()
                }

                fn label_names(&self) -> &[String] {
                    self.0.variable_labels()
                }
            }

            impl VecClass for $vec {
                type Cell = $cell;
                type Child = $single;

                #[inline]
                fn vec(&self) -> &MetricVec<$cell> {
                    &self.0
                }

                #[inline]
                fn names(&self) -> &[Py<PyString>] {
                    &self.1
                }

                #[inline]
                fn recent(&self) -> &Recent<$cell> {
                    &self.2
                }

                fn hub(&self) -> &Py<Hub> {
                    &self.3
                }

                fn wrap(
                    py: Python<'_>,
                    vec: MetricVec<$cell>,
                    hub: &Py<Hub>,
                ) -> PyResult<Py<Self>> {
                    let names = vec.variable_labels().iter();
                    let names = names.map(|name| PyString::intern(py, name).unbind()).collect();
                    Py::new(py, $vec(vec, names, Recent::default(), hub.clone_ref(py)))
                }
            }

            #[pymethods]
            impl $vec {
                /// Return the name shown on /metrics, the same in every format.
                fn name(&self) -> &str {
                    self.0.name()
                }

                /// Return the description, shown as HELP.
                fn description(&self) -> &str {
                    self.0.description()
                }

                /// Return the labels every sample has: the hierarchy's first, then those given.
                fn const_labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                    dict(py, self.0.const_labels())
                }

                /// Return the names of the labels whose values tell the series apart, as given.
                fn variable_labels(&self) -> Vec<String> {
                    self.0.variable_labels().to_vec()
                }

                fn __repr__(&self) -> String {
                    repr(stringify!($vec), self.0.name())
                }

                fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                    visit.call(&self.3)
                }
            }
        )*

        /// Adds the classes to the module and their fast methods to the classes.
        pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
            let py = module.py();
            $(
                module.add_class::<$single>()?;
                fast::install(&py.get_type::<$single>(), $methods())?;
                module.add_class::<$vec>()?;
                fast::install(&py.get_type::<$vec>(), $vec_methods())?;
            )*
            Ok(())
        }

        /// Creates a metric of a class, or finds the identical one. Returns its id and a new handle.
        pub(crate) fn create(
            metrics: &Metrics,
            hub: &Py<Hub>,
            class: &Bound<'_, PyType>,
            new: &NewMetric<'_>,
        ) -> PyResult<(usize, Py<PyAny>)> {
            let py = class.py();
            $(
                if class.is(&py.get_type::<$single>()) {
                    let metric = metrics
                        .$create(new.name(), new.description(), &new.labels() $(, new.$options())?)
                        .map_err(|error| error.into_py_err(py))?;
                    return Ok((metric.id(), $single::wrap(py, metric, hub)?.into_any()));
                }
                if class.is(&py.get_type::<$vec>()) {
                    let (names, labels) = (new.label_names(), new.labels());
                    let vec = metrics
                        .$create_vec(new.name(), new.description(), &names, &labels $(, new.$options())?)
                        .map_err(|error| error.into_py_err(py))?;
                    new.limits.apply(&vec);
                    return Ok((vec.id(), $vec::wrap(py, vec, hub)?.into_any()));
                }
            )*
            Err(PyTypeError::new_err(format!("{class} is not a class of metrics")))
        }

        /// Exposes a metric of any class, which belongs to `home`, on another node.
        pub(crate) fn adopt(
            metrics: &Metrics,
            home: &Metrics,
            object: &Bound<'_, PyAny>,
        ) -> PyResult<()> {
            let adopted = |result: Result<(), MetricsError>| {
                result.map_err(|error| error.into_py_err(object.py()))
            };
            $(
                if let Ok(metric) = object.cast::<$single>() {
                    return adopted(metrics.adopt(home, metric.get().metric()));
                }
                if let Ok(vec) = object.cast::<$vec>() {
                    return adopted(metrics.adopt(home, vec.get().vec()));
                }
            )*
            Err(no_metric("adopt", object))
        }

        /// Takes a metric of any class out of the scrape.
        pub(crate) fn unregister(metrics: &Metrics, object: &Bound<'_, PyAny>) -> PyResult<bool> {
            $(
                if let Ok(metric) = object.cast::<$single>() {
                    let metric = metric.get().metric();
                    return if metric.is_child() {
                        Err(PyValueError::new_err(format!(
                            "this is one series of {:?}: take it out with the vec's remove(labels), or unregister the vec",
                            metric.name()
                        )))
                    } else {
                        Ok(metrics.unregister(metric))
                    };
                }
                if let Ok(vec) = object.cast::<$vec>() {
                    return Ok(metrics.unregister(vec.get().vec()));
                }
            )*
            Err(no_metric("unregister", object))
        }
    };
}

classes! {
    /// A counter of floats.
    Counter by create_counter,
    /// Counters of floats, one for each combination of label values.
    ///
    /// Whatever takes labels raises ValueError if one is missing or unknown.
    CounterVec by create_countervec
        => CounterCell<f64>, fast::counter::<Counter, f64>, fast::counter_vec::<CounterVec, f64>;
    /// A counter of integers; it stays at 2**64 - 1 rather than starting over.
    ///
    /// Updates take integers up to 2**64 - 1: larger ones raise OverflowError, floats TypeError.
    IntCounter by create_intcounter,
    /// Counters of integers, one for each combination of label values.
    ///
    /// Whatever takes labels raises ValueError if one is missing or unknown.
    /// Updates take integers up to 2**64 - 1: larger ones raise OverflowError, floats TypeError.
    IntCounterVec by create_intcountervec
        => CounterCell<u64>, fast::counter::<IntCounter, u64>, fast::counter_vec::<IntCounterVec, u64>;
    /// A gauge of floats.
    Gauge by create_gauge,
    /// Gauges of floats, one for each combination of label values.
    ///
    /// Whatever takes labels raises ValueError if one is missing or unknown.
    GaugeVec by create_gaugevec
        => GaugeCell<f64>, fast::gauge::<Gauge, f64>, fast::gauge_vec::<GaugeVec, f64>;
    /// A gauge of integers; it stays at the limits of 64 bits rather than wrapping round.
    ///
    /// Updates take integers from -2**63 to 2**63 - 1: others raise OverflowError, floats TypeError.
    IntGauge by create_intgauge,
    /// Gauges of integers, one for each combination of label values.
    ///
    /// Whatever takes labels raises ValueError if one is missing or unknown.
    /// Updates take integers from -2**63 to 2**63 - 1: others raise OverflowError, floats TypeError.
    IntGaugeVec by create_intgaugevec
        => GaugeCell<i64>, fast::gauge::<IntGauge, i64>, fast::gauge_vec::<IntGaugeVec, i64>;
    /// Counts observations in buckets and sums them up.
    Histogram by create_histogram_with,
    /// Histograms, one for each combination of label values.
    ///
    /// Whatever takes labels raises ValueError if one is missing or unknown.
    HistogramVec by create_histogramvec_with
        => HistogramCell, fast::histogram::<Histogram>, fast::histogram_vec::<HistogramVec>, with histogram;
    /// Counts observations and sums them up, without buckets.
    Summary by create_summary,
    /// Summaries, one for each combination of label values.
    ///
    /// Whatever takes labels raises ValueError if one is missing or unknown.
    SummaryVec by create_summaryvec
        => SummaryCell, fast::summary::<Summary>, fast::summary_vec::<SummaryVec>;
}

/// The id of a gauge's series and the metrics of the node that created it; `TypeError` for anything else.
pub(crate) fn home_of_gauge(object: &Bound<'_, PyAny>) -> PyResult<(usize, Option<Metrics>)> {
    if let Ok(gauge) = object.cast::<Gauge>() {
        let metric = gauge.get().metric();
        return Ok((metric.id(), Metrics::of_metric(metric)));
    }
    if let Ok(gauge) = object.cast::<IntGauge>() {
        let metric = gauge.get().metric();
        return Ok((metric.id(), Metrics::of_metric(metric)));
    }
    Err(no_metric("set_function", object))
}

fn dict<'py>(py: Python<'py>, labels: &[(String, String)]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in labels {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}

fn no_metric(method: &str, object: &Bound<'_, PyAny>) -> PyErr {
    match object.get_type().name() {
        Ok(class) => PyTypeError::new_err(format!("{method}() takes a metric, not {class}")),
        Err(error) => error,
    }
}

fn repr(class: &str, name: &str) -> String {
    format!("<{class} {name}>")
}

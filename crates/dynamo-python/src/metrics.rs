//! `RuntimeMetrics`: where Python creates metrics.

use dynamo_runtime::binding::Action;
use dynamo_runtime::{CallbackHandle as CoreHandle, Metrics, TextOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::callbacks::CallbackHandle;
use crate::classes::{
    self, Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec,
};
use crate::errors::IntoPyErr;
use crate::handles;
use crate::labels::{pairs, strings};
use crate::options::{About, Layout, Limits, seconds};
use crate::python::{EXPOSITION_OF, PREPARE_CALLBACK, START_CALLBACKS};

/// The metrics of one runtime, namespace, component or endpoint.
///
/// Every create_*() takes the name, which the node's path completes (full_name=True keeps it as it
/// stands), the description, shown as HELP, and constant labels, a dict or a list of pairs, which
/// follow those of the hierarchy. A vec also takes label_names, a list: the names of the labels
/// whose values tell its series apart. unit, "seconds" for example, is shown by formats that have a
/// place for it; the name must end in it, before a counter's _total. Creating an identical metric
/// again returns the first one.
///
/// Every create_*() raises MetricsError, a ValueError, if a name or label cannot be used or the
/// metric conflicts with another; TypeError if an argument is of the wrong type.
#[pyclass(frozen, module = "dynamo_metrics")]
pub(crate) struct RuntimeMetrics(Metrics);

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RuntimeMetrics>()
}

type Any<'a, 'py> = &'a Bound<'py, PyAny>;
type OptionalAny<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

#[pymethods]
impl RuntimeMetrics {
    /// Create a counter of floats.
    #[pyo3(signature = (name, description, labels=None, *, unit=None, full_name=false))]
    fn create_counter(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<Counter>> {
        let about = About::new(name, description, unit, full_name)?;
        handles::single(&about, labels, |labels| {
            self.0
                .create_counter(about.name(), about.description(), labels)
        })
    }

    /// Create a counter of whole things.
    #[pyo3(signature = (name, description, labels=None, *, unit=None, full_name=false))]
    fn create_intcounter(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntCounter>> {
        let about = About::new(name, description, unit, full_name)?;
        handles::single(&about, labels, |labels| {
            self.0
                .create_intcounter(about.name(), about.description(), labels)
        })
    }

    /// Create a gauge of floats.
    #[pyo3(signature = (name, description, labels=None, *, unit=None, full_name=false))]
    fn create_gauge(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<Gauge>> {
        let about = About::new(name, description, unit, full_name)?;
        handles::single(&about, labels, |labels| {
            self.0
                .create_gauge(about.name(), about.description(), labels)
        })
    }

    /// Create a gauge of whole things.
    #[pyo3(signature = (name, description, labels=None, *, unit=None, full_name=false))]
    fn create_intgauge(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntGauge>> {
        let about = About::new(name, description, unit, full_name)?;
        handles::single(&about, labels, |labels| {
            self.0
                .create_intgauge(about.name(), about.description(), labels)
        })
    }

    /// Create a histogram.
    ///
    /// buckets are its upper bounds, by default 0.005 to 10 (DEFAULT); +Inf is added by itself.
    ///
    /// With native=True it has native buckets, which grow by a constant factor and exist where
    /// something was observed, and classic ones only if buckets are given. schema, from -4 to 8
    /// (default 3: 9 % a bucket), or growth_factor says how fine they are; values within
    /// zero_threshold (default 2**-128) count as zero; more than max_buckets (default 160) halve
    /// the resolution.
    #[pyo3(signature = (name, description, labels=None, buckets=None, *, native=false, schema=None, growth_factor=None, zero_threshold=None, max_buckets=None, unit=None, full_name=false))]
    #[expect(clippy::too_many_arguments)]
    fn create_histogram(
        &self,
        name: Any,
        description: Any,
        labels: OptionalAny,
        buckets: OptionalAny,
        native: bool,
        schema: Option<i64>,
        growth_factor: Option<f64>,
        zero_threshold: Option<f64>,
        max_buckets: Option<i64>,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<Histogram>> {
        let about = About::new(name, description, unit, full_name)?;
        let layout = Layout {
            buckets,
            native,
            schema,
            growth_factor,
            zero_threshold,
            max_buckets,
        };
        let options = layout.options()?;
        handles::single(&about, labels, |labels| {
            self.0
                .create_histogram_with(about.name(), about.description(), labels, options)
        })
    }

    /// Create counters of floats, one for each combination of values of label_names.
    ///
    /// max_series and idle_timeout limit how many there are, and for how long one stays that is not
    /// updated; see set_max_series() and set_idle_timeout().
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, max_series=None, idle_timeout=None, unit=None, full_name=false))]
    #[expect(clippy::too_many_arguments)]
    fn create_countervec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        max_series: Option<isize>,
        idle_timeout: Option<f64>,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<CounterVec>> {
        let about = About::new(name, description, unit, full_name)?;
        let limits = Limits::new(max_series, idle_timeout)?;
        handles::vec(
            &about,
            label_names,
            const_labels,
            limits,
            |names, labels| {
                self.0
                    .create_countervec(about.name(), about.description(), names, labels)
            },
        )
    }

    /// Create counters of whole things, one for each combination of values of label_names.
    ///
    /// max_series and idle_timeout limit how many there are, and for how long one stays that is not
    /// updated; see set_max_series() and set_idle_timeout().
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, max_series=None, idle_timeout=None, unit=None, full_name=false))]
    #[expect(clippy::too_many_arguments)]
    fn create_intcountervec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        max_series: Option<isize>,
        idle_timeout: Option<f64>,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntCounterVec>> {
        let about = About::new(name, description, unit, full_name)?;
        let limits = Limits::new(max_series, idle_timeout)?;
        handles::vec(
            &about,
            label_names,
            const_labels,
            limits,
            |names, labels| {
                self.0
                    .create_intcountervec(about.name(), about.description(), names, labels)
            },
        )
    }

    /// Create gauges of floats, one for each combination of values of label_names.
    ///
    /// max_series and idle_timeout limit how many there are, and for how long one stays that is not
    /// updated; see set_max_series() and set_idle_timeout().
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, max_series=None, idle_timeout=None, unit=None, full_name=false))]
    #[expect(clippy::too_many_arguments)]
    fn create_gaugevec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        max_series: Option<isize>,
        idle_timeout: Option<f64>,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<GaugeVec>> {
        let about = About::new(name, description, unit, full_name)?;
        let limits = Limits::new(max_series, idle_timeout)?;
        handles::vec(
            &about,
            label_names,
            const_labels,
            limits,
            |names, labels| {
                self.0
                    .create_gaugevec(about.name(), about.description(), names, labels)
            },
        )
    }

    /// Create gauges of whole things, one for each combination of values of label_names.
    ///
    /// max_series and idle_timeout limit how many there are, and for how long one stays that is not
    /// updated; see set_max_series() and set_idle_timeout().
    #[pyo3(signature = (name, description, label_names, const_labels=None, *, max_series=None, idle_timeout=None, unit=None, full_name=false))]
    #[expect(clippy::too_many_arguments)]
    fn create_intgaugevec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        max_series: Option<isize>,
        idle_timeout: Option<f64>,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<IntGaugeVec>> {
        let about = About::new(name, description, unit, full_name)?;
        let limits = Limits::new(max_series, idle_timeout)?;
        handles::vec(
            &about,
            label_names,
            const_labels,
            limits,
            |names, labels| {
                self.0
                    .create_intgaugevec(about.name(), about.description(), names, labels)
            },
        )
    }

    /// Create histograms, one for each combination of values of label_names.
    ///
    /// For their buckets see create_histogram(), for max_series and idle_timeout see
    /// create_countervec().
    #[pyo3(signature = (name, description, label_names, const_labels=None, buckets=None, *, native=false, schema=None, growth_factor=None, zero_threshold=None, max_buckets=None, max_series=None, idle_timeout=None, unit=None, full_name=false))]
    #[expect(clippy::too_many_arguments)]
    fn create_histogramvec(
        &self,
        name: Any,
        description: Any,
        label_names: Any,
        const_labels: OptionalAny,
        buckets: OptionalAny,
        native: bool,
        schema: Option<i64>,
        growth_factor: Option<f64>,
        zero_threshold: Option<f64>,
        max_buckets: Option<i64>,
        max_series: Option<isize>,
        idle_timeout: Option<f64>,
        unit: OptionalAny,
        full_name: bool,
    ) -> PyResult<Py<HistogramVec>> {
        let about = About::new(name, description, unit, full_name)?;
        let layout = Layout {
            buckets,
            native,
            schema,
            growth_factor,
            zero_threshold,
            max_buckets,
        };
        let options = layout.options()?;
        let limits = Limits::new(max_series, idle_timeout)?;
        handles::vec(
            &about,
            label_names,
            const_labels,
            limits,
            |names, labels| {
                self.0.create_histogramvec_with(
                    about.name(),
                    about.description(),
                    names,
                    labels,
                    options,
                )
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

    /// Have callback return another library's metrics before each scrape that shows this node.
    ///
    /// The text, a str or UTF-8 bytes, is in a format of Prometheus or in OpenMetrics 1. Its
    /// families stand among our own, one for each name, without further labels; what cannot be
    /// understood or is there already is left out and counted. For deadlines and errors see
    /// register_callback(); a text that cannot be had is shown as it last was, for up to five
    /// minutes.
    ///
    /// Raises TypeError if callback cannot be called or is an async function.
    fn register_prometheus_expfmt_callback(
        &self,
        py: Python<'_>,
        callback: &Bound<'_, PyAny>,
    ) -> PyResult<CallbackHandle> {
        self.register_text(py, callback, TextOptions::default())
    }

    /// Show the metrics of a prometheus_client registry among those of this node.
    ///
    /// They get labels, a dict or a list of pairs, and the hierarchy's, unless
    /// hierarchy_labels=False; a series that has a label of such a name keeps its own. With
    /// prefixes, a list, only families whose names begin with one of them are taken; those that
    /// begin with one of exclude are not, by default process_ and python_. The registry is asked
    /// anew when its metrics are older than cache seconds, by default at every scrape. For the rest
    /// see register_prometheus_expfmt_callback().
    ///
    /// Raises TypeError if registry has no collect(), ImportError without prometheus_client,
    /// ValueError for a label name or a time that cannot be used.
    #[pyo3(signature = (registry, *, prefixes=None, exclude=None, labels=None, hierarchy_labels=true, cache=None))]
    #[expect(clippy::too_many_arguments)]
    fn register_collector(
        &self,
        py: Python<'_>,
        registry: &Bound<'_, PyAny>,
        prefixes: OptionalAny,
        exclude: OptionalAny,
        labels: OptionalAny,
        hierarchy_labels: bool,
        cache: Option<f64>,
    ) -> PyResult<CallbackHandle> {
        let tree = self.0.tree_id().into_pyobject(py)?;
        let callback = EXPOSITION_OF.call(py, &[registry, tree.as_any()])?;
        let mut added = pairs(labels, "labels")?;
        if hierarchy_labels {
            let mut own = self.0.hierarchy_labels();
            own.retain(|(name, _)| added.iter().all(|(given, _)| given != name));
            added.extend(own);
        }
        let listed = |names: OptionalAny, what: &str| {
            names.map_or_else(|| Ok(Vec::new()), |names| strings(names, what))
        };
        let exclude = match exclude {
            None => vec!["process_".to_owned(), "python_".to_owned()],
            Some(_) => listed(exclude, "exclude")?,
        };
        let mut options = TextOptions::default()
            .labels(added)
            .prefixes(listed(prefixes, "prefixes")?)
            .exclude(exclude);
        if let Some(cache) = cache {
            options = options.cache(seconds(cache, "cache", "a number of seconds >= 0")?);
        }
        self.register_text(py, &callback, options)
    }

    /// Return the metrics of this node and all below it, in the Prometheus text format.
    ///
    /// Their callbacks run before, except when this is called inside a callback.
    fn prometheus_expfmt(&self, py: Python<'_>) -> PyResult<String> {
        self.start_callbacks(py)?;
        Ok(py.detach(|| self.0.prometheus_expfmt()))
    }

    /// Return the page for an HTTP request: Content-Type, Content-Encoding or None, the body.
    ///
    /// accept and accept_encoding are the request's headers. timeout is how long the reader waits,
    /// in seconds; callbacks get four fifths of it. They run before, as for prometheus_expfmt().
    ///
    /// Raises ValueError for a timeout below 0.
    #[pyo3(signature = (accept="", accept_encoding="", timeout=None))]
    fn exposition<'py>(
        &self,
        py: Python<'py>,
        accept: &str,
        accept_encoding: &str,
        timeout: Option<f64>,
    ) -> PyResult<(String, Option<&'static str>, Bound<'py, PyBytes>)> {
        self.start_callbacks(py)?;
        let timeout = timeout
            .map(|timeout| seconds(timeout, "timeout", "a number of seconds >= 0"))
            .transpose()?;
        let page = py.detach(|| self.0.exposition(accept, accept_encoding, timeout));
        let page = page.map_err(PyErr::from)?;
        let body = PyBytes::new(py, &page.body);
        Ok((page.content_type, page.content_encoding, body))
    }

    /// Return the name, type and description of each family of this node and all below.
    ///
    /// Families without series are among them, those of other libraries are not.
    fn families(&self) -> Vec<(String, String, String)> {
        let families = self.0.families().into_iter();
        families
            .map(|(name, kind, help)| (name, kind.to_string(), help))
            .collect()
    }

    /// A number that all nodes of one runtime share.
    #[getter]
    fn tree_id(&self) -> usize {
        self.0.tree_id()
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

    fn start_callbacks(&self, py: Python<'_>) -> PyResult<()> {
        if self.0.has_callbacks() {
            START_CALLBACKS.call(py, &[])?;
        }
        Ok(())
    }

    fn register_text(
        &self,
        py: Python<'_>,
        callback: &Bound<'_, PyAny>,
        options: TextOptions,
    ) -> PyResult<CallbackHandle> {
        let name = PREPARE_CALLBACK.call(py, &[callback])?.extract()?;
        let action = Action::Foreign(Box::new(callback.clone().unbind()));
        self.0
            .register_text_action(name, action, options)
            .map(CallbackHandle::new)
            .map_err(|error| error.into_py_err(py))
    }
}

//! The factory: the `metrics()` of every node creates metrics and registers callbacks.

use std::fmt;
use std::time::{Duration, Instant};

use super::tree::Tree;
use crate::callbacks::{Action, CALLBACK_SHARE, CallbackHandle, ExternalOptions};
use crate::exposition::{ContentEncoding, ExpositionFormat, OtlpEncoder, Selection};
use crate::metrics::counter::{Counter, CounterVec, IntCounter, IntCounterVec};
use crate::metrics::gauge::{Gauge, GaugeVec, IntGauge, IntGaugeVec};
use crate::metrics::histogram::{Histogram, HistogramOptions, HistogramVec};
use crate::metrics::summary::{Summary, SummaryVec};
use crate::metrics::{
    Desc, Description, Instrument, Kind, Metric, MetricVec, MetricsError, Name, NameStyle, Path,
    Registered, SingleCore, VecCore,
};

/// The metrics of one node of the hierarchy.
///
/// Every `create_*` takes the name, which the node's path completes (see [`Name`]), the description
/// (see [`Description`]), and constant labels, which follow the hierarchy labels. Creating an identical
/// metric again returns the first one.
///
/// # Errors
/// Every `create_*` returns a [`MetricsError`] if a name or label cannot be used, or if the metric
/// conflicts with a registered one. It then registers nothing, and no scrape is affected.
#[derive(Clone)]
pub struct Metrics {
    tree: Tree,
    path: Path,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

/// The options of an instrument: those given, or the default.
macro_rules! options {
    () => {
        Default::default()
    };
    ($options:ident) => {
        $options.into()
    };
}

/// Defines two `create_*` methods for each line: for a plain metric and for a vec.
macro_rules! factories {
    ($(
        $(#[$doc:meta])*
        $single:ident -> $metric:ty, $vec:ident -> $metric_vec:ty
        $(, $options:ident: $options_type:ty)?;
    )*) => {
        $(
            $(#[$doc])*
            pub fn $single<'a>(
                &self,
                name: impl Into<Name<'a>>,
                help: impl Into<Description<'a>>,
                labels: Labels<'_>,
                $($options: $options_type,)?
            ) -> Result<$metric, MetricsError> {
                self.single(name.into(), help.into(), labels, options!($($options)?))
            }

            $(#[$doc])*
            ///
            /// The vec has one series for each combination of values of `label_names`.
            pub fn $vec<'a>(
                &self,
                name: impl Into<Name<'a>>,
                help: impl Into<Description<'a>>,
                label_names: &[&str],
                const_labels: Labels<'_>,
                $($options: $options_type,)?
            ) -> Result<$metric_vec, MetricsError> {
                self.vec(name.into(), help.into(), label_names, const_labels, options!($($options)?))
            }
        )*
    };
}

impl Metrics {
    factories! {
        /// Creates a counter of floats.
        create_counter -> Counter, create_countervec -> CounterVec;
        /// Creates a counter of integers.
        create_intcounter -> IntCounter, create_intcountervec -> IntCounterVec;
        /// Creates a gauge of floats.
        create_gauge -> Gauge, create_gaugevec -> GaugeVec;
        /// Creates a gauge of integers.
        create_intgauge -> IntGauge, create_intgaugevec -> IntGaugeVec;
        /// Creates a summary: the count and the sum of observations.
        create_summary -> Summary, create_summaryvec -> SummaryVec;
        /// Creates a histogram with these bucket bounds, by default
        /// [`DEFAULT_BUCKETS`](crate::metrics::buckets::DEFAULT_BUCKETS).
        create_histogram -> Histogram, create_histogramvec -> HistogramVec, buckets: Option<Vec<f64>>;
        /// Creates a histogram with these options, for example with native buckets.
        create_histogram_with -> Histogram, create_histogramvec_with -> HistogramVec, options: HistogramOptions;
    }

    pub(super) fn new(tree: &Tree, path: &Path) -> Self {
        Metrics {
            tree: tree.clone(),
            path: path.clone(),
        }
    }

    fn single<I: Instrument>(
        &self,
        name: Name<'_>,
        description: Description<'_>,
        labels: Labels<'_>,
        options: I::Options,
    ) -> Result<Metric<I>, MetricsError> {
        let desc = self.describe::<I>(name, description, labels, &[])?;
        let core = SingleCore::register(&self.tree.gatherer().registry, desc, options)?;
        Ok(Metric::new(&core, self.tree.keep_alive()))
    }

    fn vec<I: Instrument>(
        &self,
        name: Name<'_>,
        description: Description<'_>,
        label_names: &[&str],
        const_labels: Labels<'_>,
        options: I::Options,
    ) -> Result<MetricVec<I>, MetricsError> {
        let desc = self.describe::<I>(name, description, const_labels, label_names)?;
        let core = VecCore::register(&self.tree.gatherer().registry, desc, options)?;
        Ok(MetricVec::new(core, self.tree.keep_alive()))
    }

    fn describe<I: Instrument>(
        &self,
        name: Name<'_>,
        description: Description<'_>,
        const_labels: Labels<'_>,
        label_names: &[&str],
    ) -> Result<Desc, MetricsError> {
        let name = name.exposed(self.tree.style(), &self.path)?;
        Desc::new(
            name,
            description,
            I::KIND,
            &self.path,
            self.tree.style(),
            const_labels,
            label_names,
        )
    }

    /// Removes a metric, plain or vec, from the exposition. Returns whether it was registered.
    ///
    /// Handles of the metric still count, but no scrape shows them.
    pub fn unregister(&self, metric: &impl Registered) -> bool {
        self.tree.gatherer().registry.unregister(metric.desc())
    }

    /// Removes all metrics of this node with this exposed name. Returns whether there was one.
    pub(crate) fn unregister_named(&self, name: &str) -> bool {
        self.tree
            .gatherer()
            .registry
            .unregister_named(name, &self.path)
    }

    /// The metrics of the node that created `metric`.
    pub(crate) fn of_metric<I: Instrument>(metric: &Metric<I>) -> Option<Self> {
        Some(Metrics {
            tree: Tree::of_metric(metric)?,
            path: metric.desc().owner.clone(),
        })
    }

    /// Exposes a metric of the node `home` here as well: for metrics that several runtimes expose. Does
    /// nothing if it is exposed here.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if it conflicts with a registered metric.
    pub(crate) fn adopt(
        &self,
        home: &Metrics,
        metric: &impl Registered,
    ) -> Result<(), MetricsError> {
        match home.tree.gatherer().registry.find(metric.desc()) {
            Some(collector) => self.tree.gatherer().registry.adopt(collector),
            None => Ok(()),
        }
    }

    /// Registers a callback that runs before each scrape of this node, on a thread of its own.
    ///
    /// The callbacks of a scrape run one after the other, in the order registered, and share one deadline
    /// (`DYN_METRICS_CALLBACK_TIMEOUT`). The scrape does not wait for late callbacks. A callback that
    /// panics is counted and runs again at the next scrape.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has the name of a metric about callbacks.
    pub fn register_callback(
        &self,
        callback: impl Fn() + Send + Sync + 'static,
    ) -> Result<CallbackHandle, MetricsError> {
        let name = std::any::type_name_of_val(&callback).to_owned();
        self.register_action(name, Action::Call(Box::new(callback)))
    }

    /// Registers a callback that returns the exposition of another library before each scrape of this
    /// node, in a text format of Prometheus or in OpenMetrics 1.
    ///
    /// The external families are merged with our own, one family for each name. A line or series that is not
    /// valid, a family that conflicts with another, and a duplicate series are dropped, counted by reason and
    /// logged once. When a callback
    /// is late, its previous exposition is shown for up to five minutes.
    ///
    /// # Errors
    /// As [`register_callback`](Self::register_callback), and [`MetricsError::AddedLabel`] for a label
    /// that cannot be added.
    pub fn register_prometheus_expfmt_callback(
        &self,
        callback: impl Fn() -> String + Send + Sync + 'static,
        options: ExternalOptions,
    ) -> Result<CallbackHandle, MetricsError> {
        let name = std::any::type_name_of_val(&callback).to_owned();
        self.register_exposition_action(name, Action::Exposition(Box::new(callback)), options)
    }

    /// Registers a callback; `name` is used in messages.
    pub(crate) fn register_action(
        &self,
        name: String,
        action: Action,
    ) -> Result<CallbackHandle, MetricsError> {
        self.register(name, action, None)
    }

    /// Registers a callback that returns an exposition; `name` is used in messages.
    pub(crate) fn register_exposition_action(
        &self,
        name: String,
        action: Action,
        options: ExternalOptions,
    ) -> Result<CallbackHandle, MetricsError> {
        options.check()?;
        self.tree.gatherer().metrics.register_external_metrics()?;
        let options = options.more_labels(self.tree.gatherer().registry.const_labels());
        self.register(name, action, Some(options))
    }

    fn register(
        &self,
        name: String,
        action: Action,
        external: Option<ExternalOptions>,
    ) -> Result<CallbackHandle, MetricsError> {
        let gatherer = self.tree.gatherer();
        gatherer.metrics.register_callback_metrics()?;
        let callbacks = &gatherer.callbacks;
        let handle = callbacks.register(&self.path, name, action, external);
        gatherer.note_callbacks();
        Ok(handle)
    }

    /// The hierarchy labels of this node's metrics.
    pub(crate) fn hierarchy_labels(&self) -> Vec<(String, String)> {
        let labels = self.path.labels(self.tree.style());
        labels
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The name style of the runtime.
    pub(crate) fn name_style(&self) -> NameStyle {
        self.tree.style()
    }

    /// The names of the node's path with their levels, from the top.
    pub(crate) fn path_names(&self) -> Vec<(&'static str, String)> {
        let parts = self.path.parts();
        parts
            .map(|(level, name)| (level, name.to_owned()))
            .collect()
    }

    /// The families of this node and the nodes below it, with and without series: name, kind, description.
    /// External families are not included.
    pub(crate) fn families(&self) -> Vec<(String, Kind, String)> {
        let gathered = self.tree.gatherer().registry.gather(&self.path);
        let families = gathered.iter().map(|gathered| &gathered.family);
        families
            .map(|family| (family.name.clone(), family.kind, family.help.clone()))
            .collect()
    }

    /// Identifies the runtime among all that are alive.
    pub(crate) fn tree_id(&self) -> usize {
        self.tree.id()
    }

    /// Whether a scrape of this node runs callbacks.
    pub(crate) fn has_callbacks(&self) -> bool {
        self.tree.gatherer().callbacks.any(&self.path)
    }

    /// Runs the callbacks of this node and the nodes below it, and returns their metrics in text format
    /// 0.0.4. Inside a callback, no callbacks run.
    pub fn prometheus_expfmt(&self) -> String {
        let gatherer = self.tree.gatherer();
        gatherer.run_callbacks(&self.path, gatherer.callback_deadline());
        let mut out = Vec::new();
        gatherer.encode(&self.path, ExpositionFormat::TEXT, None, &mut out);
        // The encoder writes only strings and ASCII.
        String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Runs the callbacks of this node and the nodes below it, and returns the response to a scrape: the
    /// metrics in the format and content encoding that the `Accept` and `Accept-Encoding` headers select.
    /// `timeout` is the time that the scraper waits, of which callbacks get four fifths.
    ///
    /// # Errors
    /// The compression failed.
    pub fn exposition(
        &self,
        accept: &str,
        accept_encoding: &str,
        timeout: Option<Duration>,
    ) -> std::io::Result<ScrapeResponse> {
        self.exposition_of(std::iter::empty(), accept, accept_encoding, timeout)
    }

    /// As [`exposition`](Self::exposition), of the families with these names, or with samples of these names.
    /// Without a name: of all families.
    ///
    /// # Errors
    /// The compression failed.
    pub fn exposition_of(
        &self,
        names: impl Iterator<Item = String>,
        accept: &str,
        accept_encoding: &str,
        timeout: Option<Duration>,
    ) -> std::io::Result<ScrapeResponse> {
        const DAY: Duration = Duration::from_secs(86_400);
        let gatherer = self.tree.gatherer();
        let own = gatherer.callback_deadline();
        let scrapers =
            timeout.map(|timeout| Instant::now() + timeout.min(DAY).mul_f64(CALLBACK_SHARE));
        let deadline = scrapers.map_or(own, |scrapers| own.min(scrapers));
        gatherer.run_callbacks(&self.path, deadline);
        let format = ExpositionFormat::negotiate([accept].into_iter());
        let encoding = ContentEncoding::negotiate([accept_encoding].into_iter());
        let mut body = Vec::new();
        let selection = Selection::new(names);
        gatherer.encode(&self.path, format, selection.as_ref(), &mut body);
        Ok(ScrapeResponse {
            content_type: format.content_type(),
            content_encoding: encoding.name(),
            body: encoding.encode(body.into())?.into(),
        })
    }

    /// Runs the callbacks of this node and the nodes below it, until `timeout` at the latest, and returns the
    /// metrics as OTLP requests (`ExportMetricsServiceRequest`), each of at most some 2 MiB.
    pub fn otlp(&self, encoder: &mut OtlpEncoder, timeout: Option<Duration>) -> Vec<Vec<u8>> {
        let gatherer = self.tree.gatherer();
        let own = gatherer.callback_deadline();
        let deadline = timeout.map_or(own, |timeout| own.min(Instant::now() + timeout));
        gatherer.run_callbacks(&self.path, deadline);
        gatherer.encode_otlp(&self.path, encoder)
    }
}

/// The response to a scrape, for HTTP servers other than the status server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeResponse {
    /// The value of `Content-Type`.
    pub content_type: String,
    /// The value of `Content-Encoding`; `None` for no such header.
    pub content_encoding: Option<&'static str>,
    /// The encoded exposition.
    pub body: Vec<u8>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metrics({})", self.path)
    }
}

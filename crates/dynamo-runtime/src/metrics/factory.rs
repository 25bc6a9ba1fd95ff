//! Where metrics are created: the `metrics()` of every node.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::counter::{Counter, CounterVec, IntCounter, IntCounterVec};
use super::desc::{Desc, Description};
use super::errors::MetricsError;
use super::gauge::{Gauge, GaugeVec, IntGauge, IntGaugeVec};
use super::histogram::{Histogram, HistogramOptions, HistogramVec};
use super::kind::Instrument;
use super::metric::{Described, Metric, SingleCore};
use super::name::Name;
use super::vec::{MetricVec, VecCore};
use crate::callbacks::{Action, CallbackHandle, Tally, TextOptions};
use crate::exposition::encoding::Encoding;
use crate::exposition::{CALLBACK_SHARE, Exposition};
use crate::hierarchy::{Path, Tree};

/// The metrics of one node of the hierarchy.
///
/// Every `create_*` takes the name, completed by the node's path (see [`Name`]), the description
/// (see [`Description`]), and constant labels, which follow those of the hierarchy. Creating an identical
/// metric again returns the first one.
///
/// # Errors
/// Every `create_*` returns a [`MetricsError`] if a name or label cannot be used, or if the metric
/// conflicts with one that is there; nothing is registered then, and no scrape is affected.
#[derive(Clone)]
pub struct Metrics {
    tree: Tree,
    path: Path,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

macro_rules! factories {
    ($($(#[$doc:meta])* $single:ident -> $metric:ty, $vec:ident -> $metric_vec:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $single<'a>(
                &self,
                name: impl Into<Name<'a>>,
                help: impl Into<Description<'a>>,
                labels: Labels<'_>,
            ) -> Result<$metric, MetricsError> {
                self.single(name.into(), help.into(), labels, |_| Ok(()))
            }

            $(#[$doc])*
            ///
            /// Its series differ in the values of `label_names`.
            pub fn $vec<'a>(
                &self,
                name: impl Into<Name<'a>>,
                help: impl Into<Description<'a>>,
                label_names: &[&str],
                const_labels: Labels<'_>,
            ) -> Result<$metric_vec, MetricsError> {
                self.vec(name.into(), help.into(), label_names, const_labels, |_| Ok(()))
            }
        )*
    };
}

impl Metrics {
    pub(crate) fn new(tree: &Tree, path: &Path) -> Self {
        Metrics {
            tree: tree.clone(),
            path: path.clone(),
        }
    }

    factories! {
        /// A counter of floats.
        create_counter -> Counter, create_countervec -> CounterVec;
        /// A counter of whole things.
        create_intcounter -> IntCounter, create_intcountervec -> IntCounterVec;
        /// A gauge of floats.
        create_gauge -> Gauge, create_gaugevec -> GaugeVec;
        /// A gauge of whole things.
        create_intgauge -> IntGauge, create_intgaugevec -> IntGaugeVec;
    }

    /// A histogram with these bucket bounds, or [`buckets::DEFAULT`](super::buckets::DEFAULT).
    pub fn create_histogram<'a>(
        &self,
        name: impl Into<Name<'a>>,
        help: impl Into<Description<'a>>,
        labels: Labels<'_>,
        buckets: Option<Vec<f64>>,
    ) -> Result<Histogram, MetricsError> {
        self.create_histogram_with(name, help, labels, classic(buckets))
    }

    /// A histogram with these bucket bounds, or [`buckets::DEFAULT`](super::buckets::DEFAULT).
    ///
    /// Its series differ in the values of `label_names`.
    pub fn create_histogramvec<'a>(
        &self,
        name: impl Into<Name<'a>>,
        help: impl Into<Description<'a>>,
        label_names: &[&str],
        const_labels: Labels<'_>,
        buckets: Option<Vec<f64>>,
    ) -> Result<HistogramVec, MetricsError> {
        self.create_histogramvec_with(name, help, label_names, const_labels, classic(buckets))
    }

    /// A histogram with buckets of any sort, native ones for example.
    pub fn create_histogram_with<'a>(
        &self,
        name: impl Into<Name<'a>>,
        help: impl Into<Description<'a>>,
        labels: Labels<'_>,
        options: HistogramOptions,
    ) -> Result<Histogram, MetricsError> {
        self.single(name.into(), help.into(), labels, |name| options.check(name))
    }

    /// A histogram with buckets of any sort, native ones for example.
    ///
    /// Its series differ in the values of `label_names`.
    pub fn create_histogramvec_with<'a>(
        &self,
        name: impl Into<Name<'a>>,
        help: impl Into<Description<'a>>,
        label_names: &[&str],
        const_labels: Labels<'_>,
        options: HistogramOptions,
    ) -> Result<HistogramVec, MetricsError> {
        self.vec(
            name.into(),
            help.into(),
            label_names,
            const_labels,
            |name| options.check(name),
        )
    }

    fn single<I: Instrument>(
        &self,
        name: Name<'_>,
        description: Description<'_>,
        labels: Labels<'_>,
        options: impl FnOnce(&str) -> Result<I::Options, MetricsError>,
    ) -> Result<Metric<I>, MetricsError> {
        let desc = self.describe::<I>(name, description, labels, &[])?;
        let options = options(&desc.name)?;
        let registry = &self.tree.page().registry;
        let core =
            registry.register(desc, I::TYPE_NAME, I::layout(&options), |desc, registry| {
                SingleCore::new(desc, &options, registry)
            })?;
        Ok(Metric::new(&core, self.tree.clone()))
    }

    fn vec<I: Instrument>(
        &self,
        name: Name<'_>,
        description: Description<'_>,
        label_names: &[&str],
        const_labels: Labels<'_>,
        options: impl FnOnce(&str) -> Result<I::Options, MetricsError>,
    ) -> Result<MetricVec<I>, MetricsError> {
        let desc = self.describe::<I>(name, description, const_labels, label_names)?;
        if label_names.is_empty() {
            return Err(MetricsError::NoLabelNames {
                metric: desc.name,
                kind: I::KIND,
            });
        }
        let options = options(&desc.name)?;
        let registry = &self.tree.page().registry;
        let core =
            registry.register(desc, I::TYPE_NAME, I::layout(&options), |desc, registry| {
                VecCore::new(desc, options.clone(), registry)
            })?;
        Ok(MetricVec::new(core, self.tree.clone()))
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
            const_labels,
            label_names,
        )
    }

    /// Takes a metric, plain or vec, out of the scrape and says whether it was in. Handles of it
    /// still count, unseen.
    pub fn unregister(&self, metric: &impl Described) -> bool {
        self.tree.page().registry.unregister(metric.desc_of().0)
    }

    /// Has `callback` run before each scrape that shows this node, on a thread of its own.
    ///
    /// All callbacks of a scrape run one after the other, in the order registered, with one deadline
    /// together (`DYN_METRICS_CALLBACK_TIMEOUT`); the scrape answers without those that are late. A
    /// callback that panics is counted and runs again at the next scrape.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has taken a name of those that count what
    /// becomes of callbacks.
    pub fn register_callback(
        &self,
        callback: impl Fn() + Send + Sync + 'static,
    ) -> Result<CallbackHandle, MetricsError> {
        let name = std::any::type_name_of_val(&callback).to_owned();
        self.register_action(name, Action::Call(Box::new(callback)))
    }

    /// Has `callback` return another library's metrics before each scrape that shows this node, as
    /// text in a format of Prometheus or in OpenMetrics 1.
    ///
    /// Its families stand among our own, one for each name. A family that cannot be understood, or
    /// conflicts with another, and a series that is there already are left out and counted. A text
    /// that cannot be had in time is shown as it last was, for up to five minutes.
    ///
    /// # Errors
    /// As [`register_callback`](Self::register_callback); [`MetricsError::AddedLabel`] for a label that
    /// cannot be added.
    pub fn register_prometheus_expfmt_callback(
        &self,
        callback: impl Fn() -> String + Send + Sync + 'static,
        options: TextOptions,
    ) -> Result<CallbackHandle, MetricsError> {
        let name = std::any::type_name_of_val(&callback).to_owned();
        self.register_text_action(name, Action::Text(Box::new(callback)), options)
    }

    /// Registers a callback of any kind; `name` is for messages.
    #[doc(hidden)]
    pub fn register_action(
        &self,
        name: String,
        action: Action,
    ) -> Result<CallbackHandle, MetricsError> {
        self.register(name, action, None)
    }

    /// Registers a callback of any kind that returns text; `name` is for messages.
    #[doc(hidden)]
    pub fn register_text_action(
        &self,
        name: String,
        action: Action,
        options: TextOptions,
    ) -> Result<CallbackHandle, MetricsError> {
        options.check()?;
        self.tree.page().show_text_figures()?;
        self.register(name, action, Some(options))
    }

    fn register(
        &self,
        name: String,
        action: Action,
        text: Option<TextOptions>,
    ) -> Result<CallbackHandle, MetricsError> {
        let page = self.tree.page();
        page.show_callback_figures()?;
        let tally = Arc::downgrade(page) as Weak<dyn Tally>;
        let callbacks = &page.callbacks;
        Ok(callbacks.register(&self.path, name, action, text, tally))
    }

    /// The labels that the hierarchy gives this node's metrics.
    #[doc(hidden)]
    pub fn hierarchy_labels(&self) -> Vec<(String, String)> {
        let labels = self.path.labels();
        labels
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The families of this node and all below, those without series included: name, kind,
    /// description. External families are not among them.
    #[doc(hidden)]
    pub fn families(&self) -> Vec<(String, super::Kind, String)> {
        let gathered = self.tree.page().registry.gather(&self.path);
        let families = gathered.iter().map(|gathered| &gathered.family);
        families
            .map(|family| (family.name.clone(), family.kind, family.help.clone()))
            .collect()
    }

    /// The same number for all nodes of one runtime, and for no other's while it lives.
    #[doc(hidden)]
    pub fn tree_id(&self) -> usize {
        self.tree.id()
    }

    /// Whether rendering this node runs callbacks.
    #[doc(hidden)]
    pub fn has_callbacks(&self) -> bool {
        self.tree.page().callbacks.any(&self.path)
    }

    /// This node's metrics and all below, in text format 0.0.4, after a run of their callbacks.
    /// Called inside a callback it runs none.
    pub fn prometheus_expfmt(&self) -> String {
        let page = self.tree.page();
        page.run_callbacks_of(&self.path, page.callback_deadline());
        let mut out = Vec::new();
        page.render_scope(&self.path, Exposition::TEXT, &mut out);
        // All that is written comes from strings or is ASCII.
        String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// This node's metrics and all below, after a run of their callbacks, in the format and the
    /// coding that a request's `Accept` and `Accept-Encoding` ask for. Callbacks get four fifths of
    /// the time that the reader waits, if it says so.
    ///
    /// # Errors
    /// The page could not be compressed.
    pub fn exposition(
        &self,
        accept: &str,
        accept_encoding: &str,
        timeout: Option<Duration>,
    ) -> std::io::Result<Page> {
        const DAY: Duration = Duration::from_secs(86_400);
        let page = self.tree.page();
        let own = page.callback_deadline();
        let readers =
            timeout.map(|timeout| Instant::now() + timeout.min(DAY).mul_f64(CALLBACK_SHARE));
        page.run_callbacks_of(&self.path, readers.map_or(own, |readers| own.min(readers)));
        let exposition = Exposition::negotiate([accept].into_iter());
        let encoding = Encoding::negotiate([accept_encoding].into_iter());
        let mut body = Vec::new();
        page.render_scope(&self.path, exposition, &mut body);
        Ok(Page {
            content_type: exposition.content_type(),
            content_encoding: encoding.name(),
            body: encoding.encode(body.into())?.into(),
        })
    }
}

/// The page of a node, for whoever answers HTTP requests without the status server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The value of `Content-Type`.
    pub content_type: String,
    /// The value of `Content-Encoding`; there is no such header without it.
    pub content_encoding: Option<&'static str>,
    /// The page itself.
    pub body: Vec<u8>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metrics({})", self.path)
    }
}

fn classic(buckets: Option<Vec<f64>>) -> HistogramOptions {
    match buckets {
        Some(bounds) => HistogramOptions::default().buckets(bounds),
        None => HistogramOptions::default(),
    }
}

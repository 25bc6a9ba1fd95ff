//! Where metrics are created: the `metrics()` of every node.

use std::fmt;
use std::sync::Arc;

use super::buckets::{self, Buckets};
use super::counter::{Counter, CounterVec, IntCounter, IntCounterVec};
use super::desc::Desc;
use super::errors::MetricsError;
use super::gauge::{Gauge, GaugeVec, IntGauge, IntGaugeVec};
use super::histogram::{Histogram, HistogramVec};
use super::kind::Instrument;
use super::metric::{Described, Metric, MetricVec, SingleCore, VecCore};
use super::name::Name;
use crate::callbacks::{Action, CallbackHandle};
use crate::hierarchy::{Path, Tree};

/// The metrics of one node of the hierarchy.
///
/// Every `create_*` takes the name, completed by the node's path (see [`Name`]), the description
/// shown as `# HELP`, and constant labels, which follow those of the hierarchy. Creating an identical
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
                help: &str,
                labels: Labels<'_>,
            ) -> Result<$metric, MetricsError> {
                self.single(name.into(), help, labels, |_| Ok(()))
            }

            $(#[$doc])*
            ///
            /// Its series differ in the values of `label_names`.
            pub fn $vec<'a>(
                &self,
                name: impl Into<Name<'a>>,
                help: &str,
                label_names: &[&str],
                const_labels: Labels<'_>,
            ) -> Result<$metric_vec, MetricsError> {
                self.vec(name.into(), help, label_names, const_labels, |_| Ok(()))
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

    /// A histogram with these bucket bounds, or [`buckets::DEFAULT`].
    pub fn create_histogram<'a>(
        &self,
        name: impl Into<Name<'a>>,
        help: &str,
        labels: Labels<'_>,
        buckets: Option<Vec<f64>>,
    ) -> Result<Histogram, MetricsError> {
        self.single(name.into(), help, labels, |name| {
            check_buckets(name, buckets)
        })
    }

    /// A histogram with these bucket bounds, or [`buckets::DEFAULT`].
    ///
    /// Its series differ in the values of `label_names`.
    pub fn create_histogramvec<'a>(
        &self,
        name: impl Into<Name<'a>>,
        help: &str,
        label_names: &[&str],
        const_labels: Labels<'_>,
        buckets: Option<Vec<f64>>,
    ) -> Result<HistogramVec, MetricsError> {
        self.vec(name.into(), help, label_names, const_labels, |name| {
            check_buckets(name, buckets)
        })
    }

    fn single<I: Instrument>(
        &self,
        name: Name<'_>,
        help: &str,
        labels: Labels<'_>,
        options: impl FnOnce(&str) -> Result<I::Options, MetricsError>,
    ) -> Result<Metric<I>, MetricsError> {
        let desc = self.describe::<I>(name, help, labels, &[])?;
        let options = options(&desc.name)?;
        let registry = &self.tree.page().registry;
        let core = registry.register(
            desc,
            I::TYPE_NAME,
            I::buckets(&options),
            |desc, sequence| SingleCore::new(desc, &options, sequence),
        )?;
        Ok(Metric::new(&core, self.tree.clone()))
    }

    fn vec<I: Instrument>(
        &self,
        name: Name<'_>,
        help: &str,
        label_names: &[&str],
        const_labels: Labels<'_>,
        options: impl FnOnce(&str) -> Result<I::Options, MetricsError>,
    ) -> Result<MetricVec<I>, MetricsError> {
        let desc = self.describe::<I>(name, help, const_labels, label_names)?;
        if label_names.is_empty() {
            return Err(MetricsError::NoLabelNames {
                metric: desc.name,
                kind: I::KIND,
            });
        }
        let options = options(&desc.name)?;
        let registry = &self.tree.page().registry;
        let core = registry.register(
            desc,
            I::TYPE_NAME,
            I::buckets(&options),
            |desc, sequence| VecCore::new(desc, options.clone(), sequence),
        )?;
        Ok(MetricVec::new(core, self.tree.clone()))
    }

    fn describe<I: Instrument>(
        &self,
        name: Name<'_>,
        help: &str,
        const_labels: Labels<'_>,
        label_names: &[&str],
    ) -> Result<Desc, MetricsError> {
        let name = name.exposed(self.tree.style(), &self.path)?;
        Desc::new(name, help, I::KIND, &self.path, const_labels, label_names)
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

    /// Registers a callback of any kind; `name` is for messages.
    #[doc(hidden)]
    pub fn register_action(
        &self,
        name: String,
        action: Action,
    ) -> Result<CallbackHandle, MetricsError> {
        let page = self.tree.page();
        page.show_callback_figures()?;
        Ok(page.callbacks.register(&self.path, name, action))
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
        page.render_scope(&self.path, &mut out);
        // All that is written comes from strings or is ASCII.
        String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metrics({})", self.path)
    }
}

fn check_buckets(metric: &str, bounds: Option<Vec<f64>>) -> Result<Arc<Buckets>, MetricsError> {
    Buckets::new(bounds.as_deref().unwrap_or(buckets::DEFAULT)).map_err(|source| {
        MetricsError::Buckets {
            metric: metric.to_owned(),
            source,
        }
    })
}

//! [`Metric`]: the handle of one series.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::collector::{Collector, Cursor, MetricCollector, Visitor};
use super::desc::Desc;
use super::errors::MetricsError;
use super::exemplar::Exemplar;
use super::instrument::{BucketLayout, Instrument};
use super::labels::Labels;
use super::registry::Registry;
use super::series::Series;
use super::storage::{SharedLayout, Storage};

/// One series: a plain counter, gauge or histogram, or one series of a vec.
///
/// Clones are handles of the same series. A handle keeps its runtime and the status server alive.
pub struct Metric<I: Instrument> {
    series: Arc<Series<I>>,
    shared: Arc<MetricShared>,
}

/// The metadata that all handles of a metric share.
pub(super) struct MetricShared {
    pub(super) desc: Arc<Desc>,
    keep_alive: KeepAlive,
}

impl MetricShared {
    /// Counts an update by a value that this kind of metric does not take.
    #[cold]
    pub(super) fn reject(&self, value: f64) {
        let reason = if value.is_nan() { "nan" } else { "negative" };
        self.keep_alive.owner.rejected(&self.desc.name, reason);
    }

    pub(super) fn new(desc: &Arc<Desc>, keep_alive: KeepAlive) -> Arc<Self> {
        Arc::new(MetricShared {
            desc: Arc::clone(desc),
            keep_alive,
        })
    }
}

/// The tree of nodes that a metric belongs to, which this module does not know.
pub(crate) trait MetricOwner: Any + Send + Sync {
    /// Counts an update of this metric that changed nothing, and logs the first one.
    fn rejected(&self, metric: &str, reason: &'static str);
}

/// The owner of a metric, which its handles keep alive.
pub(crate) struct KeepAlive {
    owner: Arc<dyn MetricOwner>,
}

impl KeepAlive {
    pub(crate) fn new(owner: Arc<dyn MetricOwner>) -> Self {
        KeepAlive { owner }
    }
}

/// A plain metric in the registry.
pub(crate) struct SingleCore<I> {
    desc: Arc<Desc>,
    series: Arc<Series<I>>,
    /// The labels as text, if the series was one of a vec: there it has empty labels.
    adopted_labels: Option<Box<[u8]>>,
    sequence: u64,
    buckets: BucketLayout,
    shared_layout: SharedLayout,
}

impl<I: Instrument> SingleCore<I> {
    /// With the series of a vec that it shows from now on, or with a new one.
    pub(crate) fn new(
        desc: Arc<Desc>,
        layout: &I::Layout,
        registry: &Registry,
        adopted: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Self {
        let adopted: Option<Arc<Series<I>>> = adopted.and_then(|series| series.downcast().ok());
        SingleCore {
            adopted_labels: adopted.is_some().then(|| {
                let mut text = Vec::new();
                desc.template.render(&[], &mut text);
                text.into()
            }),
            series: adopted.unwrap_or_else(|| Arc::new(Series::new(&desc, &[], layout))),
            sequence: registry.next_sequence(),
            buckets: I::bucket_layout(layout),
            shared_layout: I::shared_layout(layout),
            desc,
        }
    }

    /// Registers a plain metric, or returns the identical metric that is registered.
    pub(crate) fn register(
        registry: &Registry,
        desc: Desc,
        options: I::Options,
    ) -> Result<Arc<Self>, MetricsError> {
        let layout = I::check(options, &desc.name)?;
        registry.register(
            desc,
            I::TYPE_NAME,
            I::bucket_layout(&layout),
            |desc, registry, adopted| SingleCore::new(desc, &layout, registry, adopted),
        )
    }

    pub(crate) fn update(&self) -> &I {
        self.series.update()
    }
}

impl<I: Instrument> Collector for SingleCore<I> {
    fn visit(&self, _at: Cursor, _limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        match &self.adopted_labels {
            None => self.series.visit(self.sequence, &self.desc, visitor),
            Some(text) => {
                let labels = Labels::Own {
                    template: &self.desc.template,
                    key: &[],
                    text,
                };
                self.series.visit_as(labels, self.sequence, visitor);
            }
        }
        None
    }
}

impl<I: Instrument> MetricCollector for SingleCore<I> {
    fn share(&self, storage: &dyn Storage) -> io::Result<()> {
        let family = storage.family(&self.desc, &self.shared_layout)?;
        self.series.share(&self.desc, &*family)
    }

    fn withdraw(&self) {
        self.series.withdraw();
    }

    fn reset(&self) {
        self.series.reset();
    }

    fn series(&self, labels: &[(String, String)]) -> Option<Arc<dyn Any + Send + Sync>> {
        let is_same = self.desc.labels_with_value() == labels;
        is_same.then(|| Arc::clone(&self.series) as Arc<dyn Any + Send + Sync>)
    }

    fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    fn type_name(&self) -> &'static str {
        I::TYPE_NAME
    }

    fn bucket_layout(&self) -> BucketLayout {
        self.buckets.clone()
    }
}

impl<I: Instrument> Metric<I> {
    pub(crate) fn new(core: &SingleCore<I>, keep_alive: KeepAlive) -> Self {
        Metric {
            series: Arc::clone(&core.series),
            shared: MetricShared::new(&core.desc, keep_alive),
        }
    }

    /// The handle of a series of a vec.
    pub(super) fn of_vec(series: Arc<Series<I>>, shared: &Arc<MetricShared>) -> Self {
        Metric {
            series,
            shared: Arc::clone(shared),
        }
    }

    /// The storage, for reading.
    #[inline]
    pub(crate) fn cell(&self) -> &I {
        self.series.cell()
    }

    /// The storage, for an update. Marks the series as not idle.
    #[inline]
    pub(crate) fn update(&self) -> &I {
        self.series.update()
    }

    /// Updates the value and stores an exemplar of the update.
    pub(crate) fn update_with_exemplar(&self, exemplar: Exemplar, update: impl FnOnce(&I)) {
        update(self.update());
        let slot = self.cell().exemplar_slot(exemplar.value);
        self.series.store_exemplar(slot, exemplar);
    }

    /// Counts an update by a value that this kind of metric does not take. The value has not changed.
    #[cold]
    pub(crate) fn reject(&self, value: f64) {
        self.shared.reject(value);
    }

    /// Identifies the series among all that are alive.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.series).addr()
    }

    /// The object that this handle keeps alive.
    pub(crate) fn kept(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.shared.keep_alive.owner) as Arc<dyn Any + Send + Sync>
    }

    /// Whether this is a series of a vec.
    pub(crate) fn is_child(&self) -> bool {
        !self.shared.desc.label_names.is_empty()
    }
}

impl<I: Instrument> Clone for Metric<I> {
    fn clone(&self) -> Self {
        Metric {
            series: Arc::clone(&self.series),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<I: Instrument> fmt::Debug for Metric<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", I::TYPE_NAME, self.name())
    }
}

/// A metric or a vec, as an argument of `unregister`.
pub trait Registered {
    /// The metadata of the metric.
    fn desc(&self) -> &Arc<Desc>;
}

/// Adds the methods that describe a metric to a type of handle.
macro_rules! describe {
    ($handle:ident) => {
        impl<I: Instrument> $handle<I> {
            /// The name on `/metrics`, the same in every format.
            pub fn name(&self) -> &str {
                &self.shared.desc.name
            }

            /// The description, shown as `# HELP`.
            pub fn description(&self) -> &str {
                &self.shared.desc.help
            }

            /// The labels that all series have: the hierarchy labels, then the user's in the order given.
            pub fn const_labels(&self) -> &[(String, String)] {
                &self.shared.desc.const_labels
            }

            /// The unit, if the metric was created with one.
            pub fn unit(&self) -> Option<&str> {
                self.shared.desc.unit.as_deref()
            }

            /// Counter, gauge or histogram.
            pub fn kind(&self) -> $crate::metrics::Kind {
                self.shared.desc.kind
            }
        }

        impl<I: Instrument> $crate::metrics::Registered for $handle<I> {
            fn desc(&self) -> &std::sync::Arc<$crate::metrics::Desc> {
                &self.shared.desc
            }
        }
    };
}
pub(super) use describe;

describe!(Metric);

//! The registry: the families of one runtime, by name.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock, Weak};

use super::collector::MetricCollector;
use super::desc::{Desc, Description};
use super::errors::{Difference, MetricsError};
use super::family::{GatheredFamily, check_sample_names, conflict};
use super::instrument::{BucketLayout, Instrument};
use super::metric::SingleCore;
use super::overlaps::{Overlaps, Sparse};
use super::path::Path;
use super::storage::{Removal, Storage};
use crate::prometheus_names::name_prefix;
use crate::sync::{read, write};

/// The families of one runtime, by name. Clones share them.
#[derive(Clone)]
pub(crate) struct Registry(Arc<Inner>);

struct Inner {
    families: RwLock<Families>,
    /// Reserved names: no new metric may have one. Each with its owner and what to do.
    reserved: RwLock<HashMap<String, Arc<str>>>,
    /// Numbers the series in order of creation.
    next_sequence: AtomicU64,
    /// Whether a vec has had a series with an empty label value.
    is_sparse: AtomicBool,
    /// The default series limit of a vec; 0 is unlimited.
    max_series: usize,
    /// The labels of every series of the process (`DYN_METRICS_CONST_LABELS`).
    const_labels: Vec<(String, String)>,
    /// The storage that processes share, if the values are there.
    storage: Option<Arc<dyn Storage>>,
}

/// By name.
pub(super) type Families = BTreeMap<String, RegisteredFamily>;

/// A family of the registry.
pub(super) struct RegisteredFamily {
    pub(super) gathered: GatheredFamily,
    overlaps: Overlaps,
    sparse: Sparse,
    /// Whether a metric updates a series that another one shows.
    has_aliases: bool,
}

/// A `Series<I>`.
type AnySeries = Arc<dyn Any + Send + Sync>;

/// A handle that does not keep the families alive. The collectors of the families hold it.
#[derive(Clone)]
pub(crate) struct WeakRegistry(Weak<Inner>);

impl WeakRegistry {
    pub(crate) fn upgrade(&self) -> Option<Registry> {
        self.0.upgrade().map(Registry)
    }
}

impl Registry {
    /// An empty registry whose vecs have `max_series` series at most by default; 0 is unlimited. All metrics
    /// get `const_labels`.
    #[cfg(test)]
    pub(crate) fn new(max_series: usize, const_labels: Vec<(String, String)>) -> Self {
        Self::with_storage(max_series, const_labels, None)
    }

    /// As [`new`](Self::new). With a storage, the values of all series are there.
    pub(crate) fn with_storage(
        max_series: usize,
        const_labels: Vec<(String, String)>,
        storage: Option<Arc<dyn Storage>>,
    ) -> Self {
        Registry(Arc::new(Inner {
            families: RwLock::default(),
            reserved: RwLock::default(),
            next_sequence: AtomicU64::new(0),
            is_sparse: AtomicBool::new(false),
            max_series,
            const_labels,
            storage,
        }))
    }

    pub(crate) fn downgrade(&self) -> WeakRegistry {
        WeakRegistry(Arc::downgrade(&self.0))
    }

    /// The sequence number of a series that is created now.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.0.next_sequence.fetch_add(1, Relaxed)
    }

    /// The labels of every series of the process.
    pub(crate) fn const_labels(&self) -> &[(String, String)] {
        &self.0.const_labels
    }

    /// The default series limit of a vec; 0 is unlimited.
    pub(crate) fn max_series(&self) -> usize {
        self.0.max_series
    }

    /// Refuses these names to metrics that are created from now on.
    pub(crate) fn reserve(&self, names: impl IntoIterator<Item = String>, reason: &str) {
        let reason: Arc<str> = reason.into();
        let names = names.into_iter().map(|name| (name, Arc::clone(&reason)));
        write(&self.0.reserved).extend(names);
    }

    fn check_reserved(&self, desc: &Desc) -> Result<(), MetricsError> {
        let reserved = read(&self.0.reserved);
        let samples = desc.kind.sample_suffixes();
        for suffix in [""].iter().chain(samples) {
            let name = format!("{}{suffix}", desc.name);
            if let Some(reason) = reserved.get(&name) {
                return Err(MetricsError::Reserved {
                    metric: desc.name.clone(),
                    owner: desc.owner.to_string(),
                    name,
                    reason: reason.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Whether a vec has had a series with an empty label value: new series may be such a series.
    pub(crate) fn is_sparse(&self) -> bool {
        self.0.is_sparse.load(Relaxed)
    }

    /// Calls `insert` with the series of another metric that has the same labels with a value, if there is
    /// one. Until it returns, no other metric gets such a series.
    pub(crate) fn with_same_series<T>(
        &self,
        desc: &Arc<Desc>,
        labels: &[(String, String)],
        insert: impl FnOnce(Option<AnySeries>) -> T,
    ) -> T {
        let mut families = write(&self.0.families);
        let Some(family) = families.get_mut(&desc.name) else {
            return insert(None);
        };
        let is_own = |metric: &Arc<dyn MetricCollector>| Arc::ptr_eq(metric.desc(), desc);
        let Some(own) = family.overlaps.find(desc).into_iter().find(is_own) else {
            return insert(None);
        };
        let series = family.series_of_others(desc, labels);
        if series.is_some() {
            family.has_aliases = true;
        } else if labels.len() < desc.const_labels.len() + desc.label_names.len() {
            family.sparse.add(&own);
            self.0.is_sparse.store(true, Relaxed);
        }
        insert(series)
    }

    /// The series of another metric than `desc` that has the same labels with a value.
    pub(crate) fn same_series(
        &self,
        desc: &Arc<Desc>,
        labels: &[(String, String)],
    ) -> Option<AnySeries> {
        let mut families = write(&self.0.families);
        families.get_mut(&desc.name)?.series_of_others(desc, labels)
    }

    /// Has no metric of the family update a series that another one shows.
    pub(crate) fn forget_aliases(&self, desc: &Desc) {
        if let Some(family) = write(&self.0.families).get_mut(&desc.name) {
            family.forget_aliases();
        }
    }

    /// Registers the metric that `make` creates, or returns the identical metric that is registered. `make`
    /// gets the series of a vec that has the same labels with a value, if there is one.
    pub(crate) fn register<M: MetricCollector>(
        &self,
        desc: Desc,
        type_name: &'static str,
        buckets: BucketLayout,
        make: impl FnOnce(Arc<Desc>, &Registry, Option<AnySeries>) -> M,
    ) -> Result<Arc<M>, MetricsError> {
        let desc = desc.with_labels(&self.0.const_labels);
        self.check_reserved(&desc)?;
        let mut families = write(&self.0.families);
        let mut adopted = None;
        if let Some(existing) = families.get_mut(&desc.name) {
            existing.gathered.check(&desc, &buckets)?;
            let overlapping = existing.overlaps.find(&desc);
            for collector in &overlapping {
                if collector.desc().is_identical(&desc)
                    && let Ok(same) =
                        (Arc::clone(collector) as Arc<dyn Any + Send + Sync>).downcast()
                {
                    return Ok(same);
                }
            }
            let same_series = |collector: &Arc<dyn MetricCollector>| {
                let label_names = desc.all_label_names().into_iter().map(str::to_owned);
                let difference = Difference::SameSeries {
                    new: type_name,
                    existing: collector.type_name(),
                    label_names: label_names.collect(),
                };
                conflict(&desc, collector.desc(), difference)
            };
            if let Some(collector) = overlapping.first() {
                return Err(same_series(collector));
            }
            if desc.label_names.is_empty() {
                let labels = desc.labels_with_value();
                let mut vecs = existing.sparse.find_series(&labels).into_iter();
                if let Some(vec) = vecs.find(|vec| vec.series(&labels).is_some()) {
                    if vec.type_name() != type_name {
                        return Err(same_series(&vec));
                    }
                    adopted = vec.lend(&labels);
                    existing.has_aliases = true;
                }
            }
        }
        check_sample_names(&families, &desc)?;

        let desc = Arc::new(desc);
        let collector = Arc::new(make(Arc::clone(&desc), self, adopted));
        self.share(&*collector)?;
        add(
            &mut families,
            Arc::clone(&collector) as Arc<dyn MetricCollector>,
        );
        Ok(collector)
    }

    /// Registers a metric of the runtime itself, under the name as given.
    pub(crate) fn own_metric<'a, I: Instrument>(
        &self,
        name: &str,
        description: impl Into<Description<'a>>,
        labels: &[(&str, &str)],
    ) -> Result<Arc<SingleCore<I>>, MetricsError> {
        let desc = Desc::own(name, description, I::KIND, labels)?;
        SingleCore::register(self, desc, I::Options::default())
    }

    /// Registers a metric of the runtime itself; the name gets the prefix [`name_prefix::RUNTIME`].
    pub(crate) fn runtime_metric<'a, I: Instrument>(
        &self,
        name: &str,
        description: impl Into<Description<'a>>,
        labels: &[(&str, &str)],
    ) -> Result<Arc<SingleCore<I>>, MetricsError> {
        self.own_metric(
            &format!("{}_{name}", name_prefix::RUNTIME),
            description,
            labels,
        )
    }

    /// The registered metric with this metadata.
    pub(crate) fn find(&self, desc: &Arc<Desc>) -> Option<Arc<dyn MetricCollector>> {
        let families = read(&self.0.families);
        families.get(&desc.name)?.gathered.find(desc).cloned()
    }

    /// Registers a metric of another registry here as well. Does nothing if it is registered here.
    pub(crate) fn adopt(&self, collector: Arc<dyn MetricCollector>) -> Result<(), MetricsError> {
        let mut families = write(&self.0.families);
        let desc = collector.desc();
        if let Some(existing) = families.get(&desc.name) {
            if existing.gathered.find(desc).is_some() {
                return Ok(());
            }
            existing.gathered.check(desc, &collector.bucket_layout())?;
        }
        check_sample_names(&families, desc)?;
        self.share(&*collector)?;
        add(&mut families, collector);
        Ok(())
    }

    fn share(&self, collector: &dyn MetricCollector) -> Result<(), MetricsError> {
        let Some(storage) = &self.0.storage else {
            return Ok(());
        };
        collector
            .share(&**storage)
            .map_err(|error| MetricsError::Storage {
                metric: collector.desc().name.clone(),
                reason: error.to_string(),
            })
    }

    /// Removes the series that other processes have removed.
    pub(crate) fn apply(&self, removals: &[Removal]) {
        for removal in removals {
            let collectors = {
                let families = read(&self.0.families);
                let family = families.get(&removal.name);
                family.map(|family| family.gathered.collectors.clone())
            };
            for collector in collectors.into_iter().flatten() {
                collector.apply(removal);
            }
        }
    }

    /// In a forked child: starts all series at 0. The locks of the registry are free.
    pub(crate) fn reset(&self) {
        let families = read(&self.0.families);
        for collector in families
            .values()
            .flat_map(|family| &family.gathered.collectors)
        {
            collector.reset();
        }
    }

    /// Removes a metric from the registry. Returns whether it was registered.
    pub(crate) fn unregister(&self, desc: &Arc<Desc>) -> bool {
        let mut families = write(&self.0.families);
        let Some(family) = families.get_mut(&desc.name) else {
            return false;
        };
        let collectors = &mut family.gathered.collectors;
        let before = collectors.len();
        collectors.retain(|collector| {
            let is_other = !Arc::ptr_eq(collector.desc(), desc);
            if !is_other && self.0.storage.is_some() {
                collector.withdraw();
            }
            is_other
        });
        let found = collectors.len() < before;
        family.overlaps.remove(desc);
        family.sparse.remove(desc);
        family.forget_aliases();
        if family.gathered.collectors.is_empty() {
            families.remove(&desc.name);
        }
        found
    }

    /// Removes all metrics of a node with this exposed name. Returns whether there was one.
    pub(crate) fn unregister_named(&self, name: &str, owner: &Path) -> bool {
        let descs: Vec<_> = {
            let families = read(&self.0.families);
            let collectors = families
                .get(name)
                .map(|family| family.gathered.collectors.iter());
            let descs = collectors.into_iter().flatten();
            descs
                .map(|collector| Arc::clone(collector.desc()))
                .filter(|desc| desc.owner == *owner)
                .collect()
        };
        let removed = descs.iter().filter(|desc| self.unregister(desc)).count();
        removed > 0
    }

    /// The families with metrics of `scope` and the nodes below it, sorted by name.
    pub(crate) fn gather(&self, scope: &Path) -> Vec<GatheredFamily> {
        read(&self.0.families)
            .values()
            .filter_map(|RegisteredFamily { gathered, .. }| {
                let collectors: Vec<_> = gathered
                    .collectors
                    .iter()
                    .filter(|collector| scope.contains(&collector.desc().owner))
                    .cloned()
                    .collect();
                let family = Arc::clone(&gathered.family);
                (!collectors.is_empty()).then_some(GatheredFamily { family, collectors })
            })
            .collect()
    }
}

impl RegisteredFamily {
    fn series_of_others(
        &mut self,
        desc: &Arc<Desc>,
        labels: &[(String, String)],
    ) -> Option<AnySeries> {
        let mut others = self.overlaps.find_series(labels);
        others.extend(self.sparse.find_series(labels));
        others.retain(|other| !Arc::ptr_eq(other.desc(), desc));
        others.iter().find_map(|other| other.series(labels))
    }

    fn forget_aliases(&mut self) {
        if std::mem::take(&mut self.has_aliases) {
            for collector in &self.gathered.collectors {
                collector.forget_aliases();
            }
        }
    }
}

/// Adds a checked metric to the family of its name.
fn add(families: &mut Families, collector: Arc<dyn MetricCollector>) {
    let name = collector.desc().name.clone();
    let family = families.entry(name).or_insert_with(|| RegisteredFamily {
        gathered: GatheredFamily::new(&*collector),
        overlaps: Overlaps::default(),
        sparse: Sparse::default(),
        has_aliases: false,
    });
    family.gathered.collectors.push(Arc::clone(&collector));
    family.overlaps.add(collector);
}

//! [`MetricVec`]: the series of one metric, one for each combination of label values.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use smallvec::SmallVec;

use super::children::{Children, OVERFLOW};
use super::collector::{Collector, Cursor, MetricCollector, Visitor};
use super::counter::CounterCell;
use super::desc::Desc;
use super::errors::{MetricsError, UseError};
use super::instrument::{BucketLayout, Instrument};
use super::labels::key;
use super::metric::{KeepAlive, Metric, MetricShared, SingleCore, describe};
use super::registry::{Registry, WeakRegistry};
use super::series::{Series, clock};
use super::storage::{FamilyStorage, Removal, Storage};
use crate::prometheus_names::runtime_metrics;
use crate::sync::{self, read, write};
use crate::system::release_memory;

/// The series of one metric, one for each combination of label values.
///
/// Clones are handles of the same vec.
pub struct MetricVec<I: Instrument> {
    core: Arc<VecCore<I>>,
    shared: Arc<MetricShared>,
}

/// The value of a label that a removal is about.
#[derive(Clone, Copy)]
struct Wanted<'a>(Option<&'a str>);

impl<'a> From<&'a str> for Wanted<'a> {
    fn from(value: &'a str) -> Self {
        Wanted(Some(value))
    }
}

/// The label values of a key.
fn owned(key: &[u8]) -> Vec<String> {
    let values = key::parts(key);
    values
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}

/// A vec without a limit logs one warning when it reaches this number of series.
const MANY: usize = 10_000;

type OverflowCounter = Arc<SingleCore<CounterCell<u64>>>;

/// An event that a look-up reports after it has released the lock.
enum Event {
    None,
    /// The vec is at its limit: the update goes to the overflow series.
    Overflow,
    /// The new series is number [`MANY`].
    Many,
}

/// A vec in the registry.
pub(crate) struct VecCore<I: Instrument> {
    desc: Arc<Desc>,
    layout: I::Layout,
    children: RwLock<Children<I>>,
    registry: WeakRegistry,
    /// 0 is unlimited.
    max_series: AtomicUsize,
    /// In milliseconds; 0 disables expiry.
    idle_timeout: AtomicU32,
    /// The [`clock`] of the last expiry.
    last_expiry: AtomicU32,
    /// Changes when caches of series become invalid.
    version: AtomicU64,
    many_logged: AtomicBool,
    /// Whether another metric of the family updates a series that this one shows.
    has_borrowers: AtomicBool,
    overflow_logged: AtomicBool,
    /// The storage that processes share, if the values are there.
    storage: OnceLock<Arc<dyn FamilyStorage>>,
    storage_error_logged: AtomicBool,
    /// Counts updates of the overflow series; registered with the first one.
    overflow_counter: OnceLock<Option<Result<OverflowCounter, MetricsError>>>,
}

impl<I: Instrument> VecCore<I> {
    pub(crate) fn new(desc: Arc<Desc>, layout: I::Layout, registry: &Registry) -> Self {
        VecCore {
            desc,
            layout,
            children: RwLock::new(Children::new()),
            registry: registry.downgrade(),
            max_series: AtomicUsize::new(registry.max_series()),
            idle_timeout: AtomicU32::new(0),
            last_expiry: AtomicU32::new(0),
            version: AtomicU64::new(0),
            many_logged: AtomicBool::new(false),
            has_borrowers: AtomicBool::new(false),
            overflow_logged: AtomicBool::new(false),
            storage: OnceLock::new(),
            storage_error_logged: AtomicBool::new(false),
            overflow_counter: OnceLock::new(),
        }
    }

    /// Registers a vec, or returns the identical vec that is registered.
    pub(crate) fn register(
        registry: &Registry,
        desc: Desc,
        options: I::Options,
    ) -> Result<Arc<Self>, MetricsError> {
        if desc.label_names.is_empty() {
            return Err(MetricsError::NoLabelNames {
                metric: desc.name,
                kind: I::KIND,
            });
        }
        let layout = I::check(options, &desc.name)?;
        registry.register(
            desc,
            I::TYPE_NAME,
            I::bucket_layout(&layout),
            |desc, registry, _| VecCore::new(desc, layout.clone(), registry),
        )
    }

    /// Calls `update` with the series of these values, or with the overflow series.
    #[inline]
    fn with<T>(&self, values: &[&str], update: impl FnOnce(&Arc<Series<I>>) -> T) -> T {
        let children = read(&self.children);
        if let Some(series) = children
            .get(values)
            .filter(|series| !self.is_expired(series))
        {
            return update(series);
        }
        drop(children);
        update(&self.find_or_create(values))
    }

    #[cold]
    fn find_or_create(&self, values: &[&str]) -> Arc<Series<I>> {
        let (series, event) = self.create(values);
        // Without the lock: this may register a metric, and a log subscriber is user code.
        match event {
            Event::None => {}
            Event::Overflow => self.count_overflow(),
            Event::Many => self.warn_of_many(),
        }
        series
    }

    /// The series of these values, or the overflow series.
    fn create(&self, values: &[&str]) -> (Arc<Series<I>>, Event) {
        {
            // Updates of the overflow series take only the read lock: they run concurrently.
            let children = read(&self.children);
            if self.is_full(&children)
                && children.get(values).is_none()
                && let Some(series) = children.get(&vec![OVERFLOW; values.len()])
            {
                return (Arc::clone(series), Event::Overflow);
            }
        }
        let registry = self.registry.upgrade();
        let may_be_known = |registry: &&Registry| {
            values.iter().any(|value| value.is_empty()) || registry.is_sparse()
        };
        let Some(registry) = registry.as_ref().filter(may_be_known) else {
            return self.create_own(values);
        };
        let labels = self.labels_with_value(values);
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        registry.with_same_series(&self.desc, &labels.collect::<Vec<_>>(), |same| {
            let Some(series) = same.and_then(|same| same.downcast::<Series<I>>().ok()) else {
                return self.create_own(values);
            };
            write(&self.children).insert_alias(values, Arc::clone(&series));
            (series, Event::None)
        })
    }

    /// As [`create`](Self::create), for values that no other metric has.
    fn create_own(&self, values: &[&str]) -> (Arc<Series<I>>, Event) {
        let mut children = write(&self.children);
        if let Some(series) = children.get(values) {
            if !self.is_expired(series) {
                return (Arc::clone(series), Event::None);
            }
            series.retire();
            children.remove(values);
        }
        self.expire_if_due(&mut children);
        let is_full = self.is_full(&children) || self.is_group_full(values);
        let overflows = is_full && values.iter().any(|value| *value != OVERFLOW);
        let overflow;
        let (values, event) = if overflows {
            overflow = vec![OVERFLOW; values.len()];
            if let Some(series) = children.get(&overflow) {
                return (Arc::clone(series), Event::Overflow);
            }
            (&*overflow, Event::Overflow)
        } else {
            (values, Event::None)
        };
        let Some(registry) = self.registry.upgrade() else {
            // The registry is dropped: no scrape will show the series.
            let series = Series::new(&self.desc, values, &self.layout);
            return (Arc::new(series), Event::None);
        };
        let series = Arc::new(Series::new(&self.desc, values, &self.layout));
        self.share(&series);
        children.insert(values, registry.next_sequence(), Arc::clone(&series));
        let is_many = children.len() == MANY && !overflows;
        (series, if is_many { Event::Many } else { event })
    }

    /// Whether a series of the table is past its idle timeout and no handle holds it. A look-up then
    /// creates a new series, as if a scrape had already removed the expired one.
    #[inline]
    fn is_expired(&self, series: &Arc<Series<I>>) -> bool {
        let timeout = self.idle_timeout.load(Relaxed);
        timeout != 0 && Arc::strong_count(series) == 1 && series.is_idle(clock(), timeout)
    }

    fn is_full(&self, children: &Children<I>) -> bool {
        let limit = self.max_series.load(Relaxed);
        limit != 0 && children.len() >= limit
    }

    /// Whether all processes together have as many series as the limit allows, and none has this one.
    fn is_group_full(&self, values: &[&str]) -> bool {
        let limit = self.max_series.load(Relaxed);
        let Some(storage) = self.storage.get().filter(|_| limit != 0) else {
            return false;
        };
        !storage.admits(&self.labels_with_value(values), limit)
    }

    /// The labels of these values that have a value, sorted by name.
    fn labels_with_value<'a>(&'a self, values: &[&'a str]) -> Vec<(&'a str, &'a str)> {
        let mut labels = self.all_labels(values.iter().copied());
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort_unstable();
        labels
    }

    /// The values of the series with these labels; `None` if the vec has no such series.
    fn values_of<'a>(&self, labels: &'a [(String, String)]) -> Option<Vec<&'a str>> {
        let value_of = |name: &str| {
            let found = labels.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let mut constants = self.desc.const_labels.iter();
        let agree = constants.all(|(name, value)| value_of(name) == value);
        let values: Vec<_> = self
            .desc
            .label_names
            .iter()
            .map(|name| value_of(name))
            .collect();
        (agree && self.labels_with_value(&values).len() == labels.len()).then_some(values)
    }

    /// After the removal of series: other metrics stop updating them.
    fn forget_borrowers(&self) {
        if self.has_borrowers.load(Relaxed) {
            let _section = sync::enter();
            self.forget_borrowers_in_section();
        }
    }

    /// As [`forget_borrowers`](Self::forget_borrowers), for callers inside a section of [`sync`].
    fn forget_borrowers_in_section(&self) {
        if self.has_borrowers.swap(false, Relaxed)
            && let Some(registry) = self.registry.upgrade()
        {
            registry.forget_aliases(&self.desc);
        }
    }

    /// The names of all labels, each with what is given for the variable ones and `From` the value of a
    /// constant one.
    fn all_labels<'a, T: From<&'a str>>(
        &'a self,
        values: impl Iterator<Item = T>,
    ) -> Vec<(&'a str, T)> {
        let constants = self.desc.const_labels.iter();
        let constants = constants.map(|(name, value)| (name.as_str(), T::from(value.as_str())));
        let names = self.desc.label_names.iter().map(String::as_str);
        constants.chain(names.zip(values)).collect()
    }

    /// Removes series in all processes that share the storage; `None` is any value of a label.
    fn remove_everywhere<'a>(&'a self, values: impl Iterator<Item = Option<&'a str>>) {
        let Some(storage) = self.storage.get() else {
            return;
        };
        let mut labels = self.all_labels(values.map(Wanted));
        labels.sort_unstable_by_key(|(name, _)| *name);
        let owned = labels.into_iter();
        let owned = owned.map(|(name, Wanted(value))| (name.to_owned(), value.map(str::to_owned)));
        storage.remove(owned.collect());
    }

    /// Removes a series here. The caller has borrowers forgotten then.
    fn remove_here(&self, values: &[&str]) -> bool {
        let (removed, was_alias) = {
            let mut children = write(&self.children);
            (children.remove(values), children.remove_alias(values))
        };
        if let Some(series) = &removed {
            series.withdraw();
        }
        self.version.fetch_add(1, Relaxed);
        removed.is_some() || was_alias
    }

    /// Moves a new series into shared storage. If that fails, the series counts, and no scrape shows it.
    fn share(&self, series: &Series<I>) {
        let Some(storage) = self.storage.get() else {
            return;
        };
        if let Err(error) = series.share(&self.desc, &**storage)
            && !self.storage_error_logged.swap(true, Relaxed)
        {
            tracing::error!(
                "a new series of metric {:?} cannot be stored in the shared directory, and scrapes do not show it: {error}; make room there",
                self.desc.name
            );
        }
    }

    fn expire_if_due(&self, children: &mut Children<I>) {
        let timeout = self.idle_timeout.load(Relaxed);
        let now = clock();
        if timeout != 0 && now.wrapping_sub(self.last_expiry.load(Relaxed)) > timeout / 2 {
            self.expire_children(children, now, timeout);
        }
    }

    fn expire_children(&self, children: &mut Children<I>, now: u32, timeout: u32) {
        self.last_expiry.store(now, Relaxed);
        if children.expire(now, timeout) {
            self.version.fetch_add(1, Relaxed);
        }
    }

    #[cold]
    fn warn_of_many(&self) {
        if self.max_series.load(Relaxed) == 0 && !self.many_logged.swap(true, Relaxed) {
            tracing::warn!(
                "metric {:?} has {MANY} series and no limit: an unbounded label value, such as a request id, exhausts the memory; set max_series on the vec or DYN_METRICS_MAX_SERIES",
                self.desc.name
            );
        }
    }

    #[cold]
    fn count_overflow(&self) {
        let counter = self.overflow_counter.get_or_init(|| {
            let registry = self.registry.upgrade()?;
            Some(registry.runtime_metric(
                runtime_metrics::SERIES_OVERFLOW_TOTAL,
                "Updates counted in the overflow series of a metric that reached its series limit.",
                &[("metric", &self.desc.name)],
            ))
        });
        if let Some(Ok(counter)) = counter {
            counter.update().inc();
        }
        if !self.overflow_logged.swap(true, Relaxed) {
            tracing::warn!(
                "metric {:?} has reached its limit of {} series: updates with new label values go to the series with the label values {OVERFLOW:?}",
                self.desc.name,
                self.max_series.load(Relaxed)
            );
            if let Some(Err(error)) = counter {
                tracing::error!("updates of overflow series are not counted: {error}");
            }
        }
    }

    fn check_count(&self, given: usize) -> Result<(), UseError> {
        if given == self.desc.label_names.len() {
            return Ok(());
        }
        Err(UseError::LabelCount {
            metric: self.desc.name.clone(),
            expected: self.desc.label_names.clone(),
            given,
        })
    }
}

impl<I: Instrument> Collector for VecCore<I> {
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let timeout = self.idle_timeout.load(Relaxed);
        let now = clock();
        let children = read(&self.children);
        let last = at.last.min(children.last_sequence()?);
        children.prefetch(at.next, limit);
        let mut rest = children
            .since(at.next)
            .take_while(|(sequence, _)| *sequence <= last);
        for (sequence, series) in rest.by_ref().take(limit) {
            if timeout == 0 || !series.is_idle(now, timeout) {
                series.visit(sequence, &self.desc, visitor);
            }
        }
        rest.next().map(|(next, _)| Cursor { next, last })
    }

    fn expire(&self) {
        let timeout = self.idle_timeout.load(Relaxed);
        if timeout != 0 {
            let mut children = write(&self.children);
            let before = children.len();
            self.expire_children(&mut children, clock(), timeout);
            let expired = before - children.len();
            drop(children);
            if expired >= MANY {
                release_memory();
            }
        }
    }
}

impl<I: Instrument> MetricCollector for VecCore<I> {
    fn share(&self, storage: &dyn Storage) -> io::Result<()> {
        let layout = I::shared_layout(&self.layout);
        let children = write(&self.children);
        if self.storage.get().is_none() {
            let _ = self.storage.set(storage.family(&self.desc, &layout)?);
        }
        let Some(family) = self.storage.get() else {
            return Ok(());
        };
        for series in children.all() {
            series.share(&self.desc, &**family)?;
        }
        Ok(())
    }

    fn withdraw(&self) {
        read(&self.children)
            .all()
            .for_each(|series| series.withdraw());
    }

    fn apply(&self, removal: &Removal) {
        let names = self.desc.label_names.iter();
        let exact: Option<SmallVec<[&str; 8]>> = names.map(|name| removal.value(name)).collect();
        if let Some(values) = exact {
            let is_removed = read(&self.children)
                .get(&values)
                .is_some_and(|series| series.is_removed_by(&self.desc, removal));
            if is_removed {
                self.remove_here(&values);
                self.forget_borrowers_in_section();
            }
            return;
        }
        let found: Vec<Vec<String>> = {
            let children = read(&self.children);
            let all = children.since(0).map(|(_, series)| series);
            let removed = all.filter(|series| series.is_removed_by(&self.desc, removal));
            removed.map(|series| owned(series.key())).collect()
        };
        for values in found {
            let values: SmallVec<[&str; 8]> = values.iter().map(String::as_str).collect();
            self.remove_here(&values);
        }
        self.forget_borrowers_in_section();
    }

    fn reset(&self) {
        // A thread of the parent may have held the lock: then it is never released.
        if let Ok(children) = self.children.try_read() {
            children.all().for_each(|series| series.reset());
        }
    }

    fn series(&self, labels: &[(String, String)]) -> Option<Arc<dyn Any + Send + Sync>> {
        let values = self.values_of(labels)?;
        let series = Arc::clone(read(&self.children).get(&values)?);
        self.has_borrowers.store(true, Relaxed);
        Some(series)
    }

    fn lend(&self, labels: &[(String, String)]) -> Option<Arc<dyn Any + Send + Sync>> {
        let values = self.values_of(labels)?;
        let series = write(&self.children).lend(&values)?;
        Some(series)
    }

    fn forget_aliases(&self) {
        if write(&self.children).forget_aliases() {
            self.version.fetch_add(1, Relaxed);
        }
    }

    fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    fn type_name(&self) -> &'static str {
        I::TYPE_NAME
    }

    fn bucket_layout(&self) -> BucketLayout {
        I::bucket_layout(&self.layout)
    }
}

impl<I: Instrument> Clone for MetricVec<I> {
    fn clone(&self) -> Self {
        MetricVec {
            core: Arc::clone(&self.core),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<I: Instrument> fmt::Debug for MetricVec<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Vec({})", I::TYPE_NAME, self.core.desc.name)
    }
}

impl<I: Instrument> MetricVec<I> {
    pub(crate) fn new(core: Arc<VecCore<I>>, keep_alive: KeepAlive) -> Self {
        MetricVec {
            shared: MetricShared::new(&core.desc, keep_alive),
            core,
        }
    }

    /// The series with these label values, in the order of the label names; created at 0 if it is new.
    ///
    /// # Panics
    /// If there are not as many values as label names.
    /// [`get_metric_with_label_values`](Self::get_metric_with_label_values) returns the error.
    pub fn with_label_values<V: AsRef<str>>(&self, values: &[V]) -> Metric<I> {
        match self.get_metric_with_label_values(values) {
            Ok(metric) => metric,
            Err(error) => panic!("{error}"),
        }
    }

    /// The series with these label values, in the order of the label names; created at 0 if it is new.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    pub fn get_metric_with_label_values<V: AsRef<str>>(
        &self,
        values: &[V],
    ) -> Result<Metric<I>, UseError> {
        let values: SmallVec<[&str; 8]> = values.iter().map(AsRef::as_ref).collect();
        self.child(&values)
    }

    /// As [`get_metric_with_label_values`](Self::get_metric_with_label_values).
    #[inline]
    pub(crate) fn child(&self, values: &[&str]) -> Result<Metric<I>, UseError> {
        self.core.check_count(values.len())?;
        let series = self.core.with(values, Arc::clone);
        Ok(Metric::of_vec(series, &self.shared))
    }

    /// The series with exactly these label values, if it exists; never the overflow series.
    pub(crate) fn existing(&self, values: &[&str]) -> Option<Metric<I>> {
        let series = read(&self.core.children).get(values).map(Arc::clone)?;
        Some(Metric::of_vec(series, &self.shared))
    }

    /// Calls `update` with the storage of the series with these label values, without making a handle.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    #[inline]
    pub(crate) fn with_cell<T>(
        &self,
        values: &[&str],
        update: impl FnOnce(&I) -> T,
    ) -> Result<T, UseError> {
        self.core.check_count(values.len())?;
        Ok(self.core.with(values, |series| update(series.update())))
    }

    /// Calls `look` with the storage of the series with these label values, if it exists.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    pub(crate) fn peek_cell<T>(
        &self,
        values: &[&str],
        look: impl FnOnce(&I) -> T,
    ) -> Result<Option<T>, UseError> {
        self.core.check_count(values.len())?;
        Ok(read(&self.core.children)
            .get(values)
            .map(|series| look(series.cell())))
    }

    /// Counts an update by a value that this kind of metric does not take. No series has changed.
    #[cold]
    pub(crate) fn reject(&self, value: f64) {
        self.shared.reject(value);
    }

    /// Identifies the vec among all that are alive.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.core).addr()
    }

    /// Removes the series with these label values from the vec. Returns whether it existed.
    ///
    /// Handles of the removed series still count, but no scrape shows them. The next series created with
    /// these values starts at 0.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    pub fn remove_label_values<V: AsRef<str>>(&self, values: &[V]) -> Result<bool, UseError> {
        let values: SmallVec<[&str; 8]> = values.iter().map(AsRef::as_ref).collect();
        self.core.check_count(values.len())?;
        let is_removed = self.core.remove_here(&values);
        self.core.forget_borrowers();
        self.core.remove_everywhere(values.into_iter().map(Some));
        Ok(is_removed)
    }

    /// Removes all series that have these labels, some or all of the vec's, as
    /// [`remove_label_values`](Self::remove_label_values) does. Returns the number of series removed.
    ///
    /// # Errors
    /// [`UseError::UnknownLabel`] for a label that the vec does not have.
    pub fn remove_matching(&self, labels: &[(&str, &str)]) -> Result<usize, UseError> {
        let names = &self.core.desc.label_names;
        let mut wanted: Vec<Option<&str>> = vec![None; names.len()];
        for &(label, value) in labels {
            let position = names.iter().position(|name| name == label);
            let position = position.ok_or_else(|| UseError::UnknownLabel {
                metric: self.core.desc.name.clone(),
                label: label.to_owned(),
                expected: names.clone(),
            })?;
            wanted[position] = Some(value);
        }
        let found: Vec<Vec<String>> = read(&self.core.children)
            .keys()
            .map(key::parts)
            .filter(|values| {
                let mut pairs = values.clone().zip(&wanted);
                pairs.all(|(value, wanted)| wanted.is_none_or(|wanted| wanted.as_bytes() == value))
            })
            .map(|values| {
                let values = values.map(|value| String::from_utf8_lossy(value).into_owned());
                values.collect()
            })
            .collect();
        let mut removed = 0;
        for values in found {
            let values: SmallVec<[&str; 8]> = values.iter().map(String::as_str).collect();
            removed += usize::from(self.core.remove_here(&values));
        }
        self.core.forget_borrowers();
        self.core.remove_everywhere(wanted.into_iter());
        Ok(removed)
    }

    /// Removes all series from the vec, as [`remove_label_values`](Self::remove_label_values) does.
    pub fn clear(&self) {
        // The binding calls this without the GIL: a fork must find the lock free.
        let cleared = {
            let _section = sync::enter();
            let mut children = write(&self.core.children);
            children.all().for_each(|series| series.withdraw());
            children.take()
        };
        self.core.forget_borrowers();
        self.core.version.fetch_add(1, Relaxed);
        let names = &self.core.desc.label_names;
        self.core.remove_everywhere(names.iter().map(|_| None));
        let count = cleared.len();
        // Without the lock: a million series take a while.
        drop(cleared);
        if count >= MANY {
            release_memory();
        }
    }

    /// Changes when a series is removed, and when an idle series could be removed if no cache held a
    /// handle: then caches of handles release them.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.core.version.load(Relaxed)
    }

    /// Sets the series limit, `None` for unlimited. Existing series stay. Updates beyond the limit go to
    /// the overflow series, whose label values are all `__overflow__`. The default is
    /// [`Config::max_series`](crate::Config::max_series).
    pub fn set_max_series(&self, limit: Option<std::num::NonZeroUsize>) {
        self.core
            .max_series
            .store(limit.map_or(0, |limit| limit.get()), Relaxed);
    }

    /// Sets the idle timeout: a series without an update for this time expires. `None`, the default, is
    /// never.
    ///
    /// Scrapes measure the time, so a series disappears with the first scrape after its timeout. A series
    /// that a handle still holds reappears with its value at the next update. Timeouts are rounded up
    /// to a millisecond; the longest is 24 days.
    pub fn set_idle_timeout(&self, timeout: Option<Duration>) {
        const LONGEST: u128 = (i32::MAX) as u128;
        let millis = timeout.map_or(0, |timeout| {
            timeout.as_micros().div_ceil(1000).clamp(1, LONGEST) as u32
        });
        self.core.idle_timeout.store(millis, Relaxed);
    }

    /// The names of the variable labels, in the order given.
    pub fn variable_labels(&self) -> &[String] {
        &self.shared.desc.label_names
    }
}

describe!(MetricVec);

#[cfg(test)]
mod tests;

//! The table of a vec: finds, creates and removes its series.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, RwLock};

use super::super::children::{Children, OVERFLOW};
use super::super::desc::Desc;
use super::super::errors::{MetricsError, Misuse, UseError};
use super::super::instrument::Instrument;
use super::super::registry::{Registry, WeakRegistry};
use super::super::series::{Series, clock};
use super::super::storage::FamilyStorage;
use super::limit::{MANY, OverflowCounter};
use crate::sync::{self, read, write};

/// A vec in the registry.
pub(crate) struct VecCore<I: Instrument> {
    pub(super) desc: Arc<Desc>,
    pub(super) layout: I::Layout,
    pub(super) children: RwLock<Children<I>>,
    pub(super) registry: WeakRegistry,
    /// 0 is unlimited.
    pub(super) max_series: AtomicUsize,
    /// In milliseconds; 0 disables expiry.
    pub(super) idle_timeout: AtomicU32,
    /// The [`clock`] of the last expiry.
    pub(super) last_expiry: AtomicU32,
    /// Changes when caches of series become invalid.
    pub(super) version: AtomicU64,
    pub(super) many_logged: AtomicBool,
    /// Whether another metric of the family updates a series that this one shows.
    pub(super) has_borrowers: AtomicBool,
    pub(super) overflow_logged: AtomicBool,
    /// The storage that processes share, if the values are there.
    pub(super) storage: OnceLock<Arc<dyn FamilyStorage>>,
    pub(super) storage_error_logged: AtomicBool,
    /// Counts updates of the overflow series; registered with the first one.
    pub(super) overflow_counter: OnceLock<Option<Result<OverflowCounter, MetricsError>>>,
}

/// An event that a look-up reports after it has released the lock.
enum Event {
    None,
    /// The vec is at its limit: the update goes to the overflow series.
    Overflow,
    /// The new series is number [`MANY`].
    Many,
}

/// The value of a label that a removal is about.
#[derive(Clone, Copy)]
struct Wanted<'a>(Option<&'a str>);

impl<'a> From<&'a str> for Wanted<'a> {
    fn from(value: &'a str) -> Self {
        Wanted(Some(value))
    }
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
    pub(super) fn with<T>(&self, values: &[&str], update: impl FnOnce(&Arc<Series<I>>) -> T) -> T {
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
    pub(super) fn find_or_create(&self, values: &[&str]) -> Arc<Series<I>> {
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
        let Some(registry) = self.registry_with_same(values) else {
            return self.create_own(values);
        };
        registry.with_same_series(&self.desc, &self.owned_labels(values), |same| {
            let Some(series) = same.and_then(|same| same.downcast::<Series<I>>().ok()) else {
                return self.create_own(values);
            };
            write(&self.children).insert_alias(values, Arc::clone(&series));
            (series, Event::None)
        })
    }

    /// The series of these values that another metric shows, if this vec has none.
    pub(super) fn of_another(&self, values: &[&str]) -> Option<Arc<Series<I>>> {
        let registry = self.registry_with_same(values)?;
        let same = registry.same_series(&self.desc, &self.owned_labels(values))?;
        same.downcast().ok()
    }

    /// The registry, if another metric may have the series of these values.
    fn registry_with_same(&self, values: &[&str]) -> Option<Registry> {
        let registry = self.registry.upgrade()?;
        let may_be_known = values.iter().any(|value| value.is_empty()) || registry.is_sparse();
        may_be_known.then_some(registry)
    }

    fn owned_labels(&self, values: &[&str]) -> Vec<(String, String)> {
        let labels = self.labels_with_value(values).into_iter();
        labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
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

    /// The labels of these values that have a value, sorted by name.
    pub(super) fn labels_with_value<'a>(&'a self, values: &[&'a str]) -> Vec<(&'a str, &'a str)> {
        let mut labels = self.all_labels(values.iter().copied());
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort_unstable();
        labels
    }

    /// The values of the series with these labels; `None` if the vec has no such series.
    pub(super) fn values_of<'a>(&self, labels: &'a [(String, String)]) -> Option<Vec<&'a str>> {
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
    pub(super) fn forget_borrowers(&self) {
        if self.has_borrowers.load(Relaxed) {
            let _section = sync::enter();
            self.forget_borrowers_in_section();
        }
    }

    /// As [`forget_borrowers`](Self::forget_borrowers), for callers inside a section of [`sync`].
    pub(super) fn forget_borrowers_in_section(&self) {
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
    pub(super) fn remove_everywhere<'a>(&'a self, values: impl Iterator<Item = Option<&'a str>>) {
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
    pub(super) fn remove_here(&self, values: &[&str]) -> bool {
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

    pub(super) fn expire_children(&self, children: &mut Children<I>, now: u32, timeout: u32) {
        self.last_expiry.store(now, Relaxed);
        if children.expire(now, timeout) {
            self.version.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn check_count(&self, given: usize) -> Result<(), UseError> {
        if given == self.desc.label_names.len() {
            return Ok(());
        }
        let expected = self.desc.label_names.clone();
        Err(Misuse::LabelCount { expected, given }.of(&self.desc.name))
    }
}

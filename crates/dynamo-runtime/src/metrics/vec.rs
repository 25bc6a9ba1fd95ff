//! [`MetricVec`]: the series of one metric, told apart by the values of their labels.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use smallvec::SmallVec;

use super::counter::CounterCell;
use super::desc::Desc;
use super::errors::{MetricsError, UseError};
use super::kind::{Instrument, Layout};
use super::metric::{DescOf, Described, Home, Metric, SingleCore};
use super::registry::{Cursor, Member, Registry, Source, Visitor, WeakRegistry};
use super::series::{Children, OVERFLOW, Series, clock};
use crate::hierarchy::Tree;
use crate::prometheus_names::runtime_metrics;
use crate::sync::{read, write};

/// Series of one metric that differ in the values of their labels.
///
/// Clones are handles of the same vec.
pub struct MetricVec<I: Instrument> {
    core: Arc<VecCore<I>>,
    home: Arc<Home>,
}

/// A vec that passes this many series without a limit says so, once.
const MANY: usize = 10_000;

type Overflowed = Arc<SingleCore<CounterCell<u64>>>;

/// What is to be told of a series that was looked up in vain, once no lock is held.
enum News {
    None,
    /// The vec is at its limit.
    KeptOut,
    /// It is the last one of [`MANY`].
    Many,
}

/// What a registry holds of a vec.
pub(crate) struct VecCore<I: Instrument> {
    desc: Arc<Desc>,
    options: I::Options,
    children: RwLock<Children<I>>,
    registry: WeakRegistry,
    /// 0 for any number.
    max_series: AtomicUsize,
    /// In milliseconds, 0 for ever.
    idle_timeout: AtomicU32,
    /// When idle series were last looked for.
    last_expiry: AtomicU32,
    /// Counts how often series went, or should be let go of.
    version: AtomicU64,
    many_logged: AtomicBool,
    overflow_logged: AtomicBool,
    /// Counts what the limit kept out; registered with the first.
    overflowed: OnceLock<Option<Result<Overflowed, MetricsError>>>,
}

impl<I: Instrument> VecCore<I> {
    pub(crate) fn new(desc: Arc<Desc>, options: I::Options, registry: &Registry) -> Self {
        VecCore {
            desc,
            options,
            children: RwLock::new(Children::new()),
            registry: registry.downgrade(),
            max_series: AtomicUsize::new(registry.max_series()),
            idle_timeout: AtomicU32::new(0),
            last_expiry: AtomicU32::new(0),
            version: AtomicU64::new(0),
            many_logged: AtomicBool::new(false),
            overflow_logged: AtomicBool::new(false),
            overflowed: OnceLock::new(),
        }
    }

    /// Calls `update` with the series of these values, or with the one that takes their place.
    #[inline]
    fn with<T>(&self, values: &[&str], update: impl FnOnce(&Arc<Series<I>>) -> T) -> T {
        let children = read(&self.children);
        if let Some(series) = children.get(values).filter(|series| !self.has_gone(series)) {
            return update(series);
        }
        drop(children);
        update(&self.make(values))
    }

    #[cold]
    fn make(&self, values: &[&str]) -> Arc<Series<I>> {
        let (series, news) = self.create(values);
        // Without the lock: this may register a metric, and whoever takes the log may do anything.
        match news {
            News::None => {}
            News::KeptOut => self.count_overflow(),
            News::Many => self.warn_of_many(),
        }
        series
    }

    /// The series of these values, or the overflow series.
    fn create(&self, values: &[&str]) -> (Arc<Series<I>>, News) {
        let mut children = {
            // A vec that is full must not make its updates wait for each other.
            let children = read(&self.children);
            if self.is_full(&children)
                && children.get(values).is_none()
                && let Some(series) = children.get(&vec![OVERFLOW; values.len()])
            {
                return (Arc::clone(series), News::KeptOut);
            }
            drop(children);
            write(&self.children)
        };
        if let Some(series) = children.get(values) {
            if !self.has_gone(series) {
                return (Arc::clone(series), News::None);
            }
            children.remove(values);
        }
        self.expire_now_and_then(&mut children);
        let kept_out = self.is_full(&children) && values.iter().any(|value| *value != OVERFLOW);
        let overflow;
        let (values, news) = if kept_out {
            overflow = vec![OVERFLOW; values.len()];
            if let Some(series) = children.get(&overflow) {
                return (Arc::clone(series), News::KeptOut);
            }
            (&*overflow, News::KeptOut)
        } else {
            (values, News::None)
        };
        let Some(registry) = self.registry.upgrade() else {
            // The tree is gone, and with it every scrape that would show the series.
            let series = Series::new(&self.desc, values, &self.options);
            return (Arc::new(series), News::None);
        };
        let series = Arc::new(Series::new(&self.desc, values, &self.options));
        children.insert(values, registry.next_sequence(), Arc::clone(&series));
        let is_many = children.len() == MANY && !kept_out;
        (series, if is_many { News::Many } else { news })
    }

    /// Whether a series of the table has been idle for too long and nobody holds a handle: whoever
    /// asks for it gets a new one, as if a scrape had taken it out already.
    #[inline]
    fn has_gone(&self, series: &Arc<Series<I>>) -> bool {
        let timeout = self.idle_timeout.load(Relaxed);
        timeout != 0 && Arc::strong_count(series) == 1 && series.is_quiet(clock(), timeout)
    }

    fn is_full(&self, children: &Children<I>) -> bool {
        let limit = self.max_series.load(Relaxed);
        limit != 0 && children.len() >= limit
    }

    fn expire_now_and_then(&self, children: &mut Children<I>) {
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
                "metric {:?} has {MANY} series and no limit: a label value without bounds, such as a request's id, fills the memory; set max_series on the vec or DYN_METRICS_MAX_SERIES",
                self.desc.name
            );
        }
    }

    #[cold]
    fn count_overflow(&self) {
        let counter = self.overflowed.get_or_init(|| {
            let registry = self.registry.upgrade()?;
            Some(registry.figure(
                runtime_metrics::SERIES_OVERFLOW_TOTAL,
                "Updates that went to a metric's overflow series because it was at its limit of series",
                &[("metric", &self.desc.name)],
            ))
        });
        if let Some(Ok(counter)) = counter {
            counter.update().inc();
        }
        if !self.overflow_logged.swap(true, Relaxed) {
            tracing::warn!(
                "metric {:?} is at its limit of {} series: updates of new ones go to a series whose labels are all {OVERFLOW:?}",
                self.desc.name,
                self.max_series.load(Relaxed)
            );
            if let Some(Err(error)) = counter {
                tracing::error!("overflowing series are not counted: {error}");
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

impl<I: Instrument> Source for VecCore<I> {
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let timeout = self.idle_timeout.load(Relaxed);
        let now = clock();
        let children = read(&self.children);
        let last = at.last.min(children.last_sequence()?);
        children.fetch(at.next, limit);
        let mut rest = children
            .since(at.next)
            .take_while(|(sequence, _)| *sequence <= last);
        for (sequence, series) in rest.by_ref().take(limit) {
            if timeout == 0 || !series.is_quiet(now, timeout) {
                series.show(sequence, &self.desc, visitor);
            }
        }
        rest.next().map(|(next, _)| Cursor { next, last })
    }

    fn expire(&self) {
        let timeout = self.idle_timeout.load(Relaxed);
        if timeout != 0 {
            self.expire_children(&mut write(&self.children), clock(), timeout);
        }
    }
}

impl<I: Instrument> Member for VecCore<I> {
    fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    fn type_name(&self) -> &'static str {
        I::TYPE_NAME
    }

    fn layout(&self) -> Layout {
        I::layout(&self.options)
    }
}

impl<I: Instrument> Clone for MetricVec<I> {
    fn clone(&self) -> Self {
        MetricVec {
            core: Arc::clone(&self.core),
            home: Arc::clone(&self.home),
        }
    }
}

impl<I: Instrument> fmt::Debug for MetricVec<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Vec({})", I::TYPE_NAME, self.core.desc.name)
    }
}

impl<I: Instrument> MetricVec<I> {
    pub(crate) fn new(core: Arc<VecCore<I>>, tree: Tree) -> Self {
        MetricVec {
            home: Home::new(&core.desc, tree),
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
    #[doc(hidden)]
    #[inline]
    pub fn child(&self, values: &[&str]) -> Result<Metric<I>, UseError> {
        self.core.check_count(values.len())?;
        let series = self.core.with(values, Arc::clone);
        Ok(Metric::of(series, &self.home))
    }

    /// The series with just these label values, if there is one: never the overflow series instead.
    #[doc(hidden)]
    pub fn existing(&self, values: &[&str]) -> Option<Metric<I>> {
        let series = read(&self.core.children).get(values).map(Arc::clone)?;
        Some(Metric::of(series, &self.home))
    }

    /// Calls `update` with the storage of the series with these label values, without making a handle.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    #[doc(hidden)]
    #[inline]
    pub fn with_cell<T>(
        &self,
        values: &[&str],
        update: impl FnOnce(&I) -> T,
    ) -> Result<T, UseError> {
        self.core.check_count(values.len())?;
        Ok(self.core.with(values, |series| update(series.update())))
    }

    /// Calls `look` with the storage of the series with these label values, if there is one.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    #[doc(hidden)]
    pub fn peek_cell<T>(
        &self,
        values: &[&str],
        look: impl FnOnce(&I) -> T,
    ) -> Result<Option<T>, UseError> {
        self.core.check_count(values.len())?;
        Ok(read(&self.core.children)
            .get(values)
            .map(|series| look(series.cell())))
    }

    /// Tells apart vecs that are not the same one, while either lives.
    #[doc(hidden)]
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.core).addr()
    }

    /// Takes the series with these label values out of the vec and says whether it was there.
    ///
    /// Handles of it still count, unseen; the next one created with these values starts at 0.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    pub fn remove_label_values<V: AsRef<str>>(&self, values: &[V]) -> Result<bool, UseError> {
        let values: SmallVec<[&str; 8]> = values.iter().map(AsRef::as_ref).collect();
        self.core.check_count(values.len())?;
        let removed = write(&self.core.children).remove(&values);
        self.core.version.fetch_add(1, Relaxed);
        Ok(removed.is_some())
    }

    /// Takes all series out of the vec, as [`remove_label_values`](Self::remove_label_values) does.
    pub fn clear(&self) {
        write(&self.core.children).clear();
        self.core.version.fetch_add(1, Relaxed);
    }

    /// Changes whenever a series has been taken out, or has been idle for so long that whoever keeps
    /// handles only to be quick should let go of them.
    #[doc(hidden)]
    #[inline]
    pub fn version(&self) -> u64 {
        self.core.version.load(Relaxed)
    }

    /// Lets the vec have at most this many series, `None` for any number; what is there stays. What
    /// comes beyond is counted in one more series, whose labels are all `__overflow__`. The limit
    /// at first is [`Config::max_series`](crate::Config::max_series).
    pub fn set_max_series(&self, limit: Option<std::num::NonZeroUsize>) {
        self.core
            .max_series
            .store(limit.map_or(0, |limit| limit.get()), Relaxed);
    }

    /// Takes series out that were not updated for this long, `None` for never, the default.
    ///
    /// Time is only told at scrapes, so a series goes with the first one that comes later than that.
    /// One that is updated through a handle held all along comes back with the value it had.
    /// Timeouts are rounded up to a millisecond and end at 24 days.
    pub fn set_idle_timeout(&self, timeout: Option<Duration>) {
        const LONGEST: u128 = (i32::MAX) as u128;
        let millis = timeout.map_or(0, |timeout| {
            timeout.as_micros().div_ceil(1000).clamp(1, LONGEST) as u32
        });
        self.core.idle_timeout.store(millis, Relaxed);
    }

    /// The names of the labels whose values tell the series apart, as given.
    pub fn variable_labels(&self) -> &[String] {
        &self.core.desc.label_names
    }
}

impl<I: Instrument> Described for MetricVec<I> {
    fn desc_of(&self) -> DescOf<'_> {
        DescOf(&self.core.desc)
    }
}

#[cfg(test)]
mod tests;

//! [`MetricVec`]: the series of one metric, one for each combination of label values.

mod collector;
mod core;
mod limit;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use smallvec::SmallVec;

pub(crate) use self::core::VecCore;
use self::limit::MANY;
use super::errors::{Misuse, UseError};
use super::instrument::Instrument;
use super::labels::key;
use super::metric::{KeepAlive, Metric, MetricShared, describe};
use crate::sync::{self, read, write};
use crate::system::release_memory;

/// The series of one metric, one for each combination of label values.
///
/// Clones are handles of the same vec.
pub struct MetricVec<I: Instrument> {
    core: Arc<VecCore<I>>,
    shared: Arc<MetricShared>,
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
    /// [`UseError`] with [`Misuse::LabelCount`] if there are not as many values as label names.
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
    /// [`UseError`] with [`Misuse::LabelCount`] if there are not as many values as label names.
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
    /// [`UseError`] with [`Misuse::LabelCount`] if there are not as many values as label names.
    pub(crate) fn peek_cell<T>(
        &self,
        values: &[&str],
        look: impl FnOnce(&I) -> T,
    ) -> Result<Option<T>, UseError> {
        self.core.check_count(values.len())?;
        let found = read(&self.core.children).get(values).map(Arc::clone);
        let found = found.or_else(|| self.core.of_another(values));
        Ok(found.map(|series| look(series.cell())))
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
    /// [`UseError`] with [`Misuse::LabelCount`] if there are not as many values as label names.
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
    /// [`UseError`] with [`Misuse::UnknownLabel`] for a label that the vec does not have.
    pub fn remove_matching(&self, labels: &[(&str, &str)]) -> Result<usize, UseError> {
        let names = &self.core.desc.label_names;
        let mut wanted: Vec<Option<&str>> = vec![None; names.len()];
        for &(label, value) in labels {
            let position = names.iter().position(|name| name == label);
            let position = position.ok_or_else(|| {
                let label = label.to_owned();
                let expected = names.clone();
                Misuse::UnknownLabel { label, expected }.of(&self.core.desc.name)
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
        if removed >= MANY {
            release_memory();
        }
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

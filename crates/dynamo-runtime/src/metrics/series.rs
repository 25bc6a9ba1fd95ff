//! One series: its rendered labels, its value and its exemplars.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;

use super::collector::Visitor;
use super::desc::Desc;
use super::exemplar::{Exemplar, Exemplars, Slot, unix_time};
use super::instrument::Instrument;
use super::labels::{Labels, key};
use super::snapshot::DataPoint;
use super::storage::{FamilyStorage, LATEST_REMOVAL, Removal, SeriesStorage};

/// One series. It renders its labels once, at creation.
#[derive(Debug)]
pub(crate) struct Series<I> {
    /// The key of the variable label values, then the rendered labels.
    text: Box<[u8]>,
    key_length: u32,
    /// The [`clock`] at which [`Series::is_idle`] first saw no update, or [`UPDATED`] or [`IDLE`].
    idle_since: AtomicU32,
    /// The time of creation, in milliseconds since 1970.
    created: u64,
    extra: OnceBox<Extra>,
    cell: I,
}

/// The parts that most series do not have.
#[derive(Default)]
struct Extra {
    exemplars: Exemplars,
    storage: OnceLock<Arc<dyn SeriesStorage>>,
}

impl std::fmt::Debug for Extra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Extra({:?})", self.exemplars)
    }
}

impl<I: Instrument> Series<I> {
    pub(crate) fn new(desc: &Desc, values: &[&str], layout: &I::Layout) -> Self {
        // The exact length, unless a value needs an escape.
        let length = key::len(values) + desc.template.len(values);
        let mut text = Vec::with_capacity(length);
        key::write(values, &mut text);
        let key_length = text.len() as u32;
        desc.template.render(values, &mut text);
        Series {
            text: text.into(),
            key_length,
            idle_since: AtomicU32::new(UPDATED),
            created: LATEST_REMOVAL
                .load(Relaxed)
                .max(unix_time().as_millis() as u64),
            extra: OnceBox::new(),
            cell: I::new(layout),
        }
    }

    /// The storage, for reading.
    #[inline]
    pub(crate) fn cell(&self) -> &I {
        &self.cell
    }

    /// The storage, for an update. Marks the series as not idle.
    #[inline]
    pub(crate) fn update(&self) -> &I {
        self.idle_since.store(UPDATED, Relaxed);
        &self.cell
    }

    fn extra(&self) -> &Extra {
        self.extra.get_or_init(Box::default)
    }

    pub(crate) fn store_exemplar(&self, slot: Slot, exemplar: Exemplar) {
        if let Some(storage) = self.storage() {
            storage.store_exemplar(slot, &exemplar);
        }
        self.extra().exemplars.store(slot, exemplar);
    }

    fn storage(&self) -> Option<&Arc<dyn SeriesStorage>> {
        self.extra.get()?.storage.get()
    }

    /// Moves the value into shared storage, unless it is there.
    pub(crate) fn share(&self, desc: &Desc, family: &dyn FamilyStorage) -> io::Result<()> {
        if self.storage().is_some() {
            return Ok(());
        }
        let storage = family.series(&self.labels_in(desc), self.created)?;
        self.cell.share(&*storage);
        self.cell.share_native(&storage);
        let _ = self.extra().storage.set(storage);
        Ok(())
    }

    /// All labels that have a value, sorted by name. An empty value is no label.
    fn labels_in<'a>(&'a self, desc: &'a Desc) -> Vec<(&'a str, &'a str)> {
        let constants = desc.const_labels.iter();
        let constants = constants.map(|(name, value)| (name.as_str(), value.as_str()));
        let values = key::parts(self.key()).filter_map(|value| std::str::from_utf8(value).ok());
        let variables = desc.label_names.iter().map(String::as_str).zip(values);
        let mut labels: Vec<_> = constants
            .chain(variables)
            .filter(|(_, value)| !value.is_empty())
            .collect();
        labels.sort_unstable();
        labels
    }

    /// Removes the series from shared storage.
    pub(crate) fn withdraw(&self) {
        if let Some(storage) = self.storage() {
            storage.remove();
        }
    }

    /// Ends the use of the series in shared storage: it is idle and no handle holds it.
    pub(crate) fn retire(&self) {
        if let Some(storage) = self.storage() {
            storage.expire();
        }
    }

    /// Whether another process has removed the series.
    pub(crate) fn is_removed_by(&self, desc: &Desc, removal: &Removal) -> bool {
        self.created < removal.before && removal.matches(self.labels_in(desc).into_iter())
    }

    /// Shows or hides the series in shared storage.
    pub(crate) fn show(&self, shown: bool) {
        if let Some(storage) = self.storage() {
            storage.show(shown);
        }
    }

    /// In a forked child: starts at 0.
    pub(crate) fn reset(&self) {
        if let Some(extra) = self.extra.get() {
            extra.exemplars.clear();
            if let Some(storage) = extra.storage.get() {
                storage.reset();
            }
        }
        self.cell.reset();
    }

    /// Calls `visitor` with the data point of the series.
    #[inline]
    pub(crate) fn visit(&self, sequence: u64, desc: &Desc, visitor: &mut Visitor<'_>) {
        let labels = Labels::Own {
            template: &desc.template,
            key: self.key(),
            text: self.labels(),
        };
        self.visit_as(labels, sequence, visitor);
    }

    /// As [`visit`](Self::visit), with the labels of another metric that shows the series.
    #[inline]
    pub(crate) fn visit_as(&self, labels: Labels<'_>, sequence: u64, visitor: &mut Visitor<'_>) {
        self.cell.read(|value| {
            visitor(&DataPoint {
                sequence,
                labels,
                value,
                created: Some(Duration::from_millis(self.created)),
                timestamp: None,
                exemplars: self.extra.get().map(|extra| &extra.exemplars),
            });
        });
    }

    /// Whether there was no update for `timeout` milliseconds, as far as earlier calls could observe.
    pub(crate) fn is_idle(&self, now: u32, timeout: u32) -> bool {
        // A concurrent update comes before or after the exchange. Either order is correct.
        let becomes = |old, new| {
            let change = self.idle_since.compare_exchange(old, new, Relaxed, Relaxed);
            change.is_ok()
        };
        match self.idle_since.load(Relaxed) {
            UPDATED => {
                becomes(UPDATED, now);
                false
            }
            IDLE => true,
            since => now.wrapping_sub(since) >= timeout && becomes(since, IDLE),
        }
    }

    /// The key of the variable label values.
    pub(super) fn key(&self) -> &[u8] {
        &self.text[..self.key_length as usize]
    }

    /// The labels as text.
    pub(super) fn labels(&self) -> &[u8] {
        &self.text[self.key_length as usize..]
    }

    /// The memory that a scrape reads apart from the series itself.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// A field of the series itself. Reading it brings the series into the cache.
    pub(super) fn key_length(&self) -> u32 {
        self.key_length
    }
}

/// There was an update since the last call of [`Series::is_idle`].
const UPDATED: u32 = 0;
/// The series is idle. A time could not mark that: the clock wraps round after 49 days.
const IDLE: u32 = 1;

/// Milliseconds since the first call, above [`IDLE`]. Differences are correct up to 49 days.
pub(crate) fn clock() -> u32 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    (START.elapsed().as_millis() as u32).max(IDLE + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::counter::CounterCell;

    #[test]
    fn a_series_is_idle_when_no_update_was_seen_for_the_timeout() {
        let desc = Desc::counter_vec();
        let series = Series::<CounterCell<u64>>::new(&desc, &["0"], &());
        assert!(!series.is_idle(1000, 50));
        assert!(!series.is_idle(1049, 50));
        assert!(series.is_idle(1050, 50));
        series.update();
        assert!(!series.is_idle(2000, 50));
        // The clock wraps round, between two calls and between calls for an idle series.
        assert!(series.is_idle(49, 50));
        assert!(series.is_idle(2001, 50));
    }
}

//! Exemplars: labels, such as a trace id, stored with the observation they belong to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::errors::Misuse;
use super::labels;
use crate::sync::lock;

/// The most characters that the names and values of an exemplar's labels may have together
/// (OpenMetrics 1.0, "Exemplars").
pub const MAX_EXEMPLAR_CHARS: usize = 128;

/// The number of exemplars of a histogram without classic buckets.
const MAX_MAGNITUDES: usize = 16;

/// One observation, with labels that identify its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// Since 1970, UTC.
    pub(crate) time: Duration,
    /// The exemplar came without a time: this is when it was first seen.
    pub(crate) has_assumed_time: bool,
}

impl Exemplar {
    /// An exemplar of an observation made now.
    ///
    /// # Errors
    /// [`Misuse`] if a label name is not valid or given twice, or if the labels are too long.
    pub fn new(labels: &[(&str, &str)], value: f64) -> Result<Self, Misuse> {
        let mut chars = 0;
        for (position, (name, value)) in labels.iter().enumerate() {
            let twice = labels[..position].iter().any(|(other, _)| other == name);
            if twice || !labels::is_valid(name) || name.starts_with("__") {
                return Err(Misuse::ExemplarLabel {
                    label: (*name).to_owned(),
                });
            }
            chars += name.chars().count() + value.chars().count();
        }
        if chars > MAX_EXEMPLAR_CHARS {
            return Err(Misuse::ExemplarTooLong { chars });
        }
        Ok(Exemplar {
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            value,
            time: unix_time(),
            has_assumed_time: false,
        })
    }
}

/// The time since 1970, UTC.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Identifies where a series stores an exemplar. A new exemplar replaces the one in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The index of a bucket; 0 for metrics without buckets.
    Bucket(usize),
    /// The power of two of an observation, with its sign, for histograms without classic buckets: common
    /// small values do not replace rare large ones. With too many magnitudes, the oldest exemplar is dropped.
    Magnitude(u16),
}

impl Slot {
    pub(super) fn by_magnitude(value: f64) -> Self {
        Slot::Magnitude((value.to_bits() >> 52) as u16)
    }
}

/// The exemplars of one series. Allocates memory with the first exemplar.
#[derive(Debug, Default)]
pub(crate) struct Exemplars(OnceLock<Box<Slots>>);

type Slots = Mutex<BTreeMap<Slot, Arc<Exemplar>>>;

impl Exemplars {
    /// Stores an exemplar in its slot.
    pub(crate) fn store(&self, slot: Slot, exemplar: Exemplar) {
        let mut slots = lock(self.0.get_or_init(Box::default));
        let is_one_more = !slots.contains_key(&slot);
        if is_one_more && matches!(slot, Slot::Magnitude(_)) && slots.len() >= MAX_MAGNITUDES {
            let oldest = slots.iter().min_by_key(|(_, exemplar)| exemplar.time);
            if let Some(oldest) = oldest.map(|(slot, _)| *slot) {
                slots.remove(&oldest);
            }
        }
        slots.insert(slot, Arc::new(exemplar));
    }

    /// Stores an exemplar unless there is a newer one in its slot.
    pub(crate) fn store_newest(&self, slot: Slot, exemplar: Exemplar) {
        let slots = self.0.get_or_init(Box::default);
        let is_newer = lock(slots)
            .get(&slot)
            .is_none_or(|stored| stored.time <= exemplar.time);
        if is_newer {
            self.store(slot, exemplar);
        }
    }

    /// In a forked child: drops all exemplars.
    pub(crate) fn clear(&self) {
        // A thread of the parent may have held the lock: then it is never released.
        if let Some(Ok(mut slots)) = self.0.get().map(|slots| slots.try_lock()) {
            slots.clear();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// Takes the times of exemplars that came without a time from the same exemplars of `before`.
    pub(crate) fn keep_times(&self, before: &Exemplars) {
        let (Some(slots), Some(before)) = (self.0.get(), before.0.get()) else {
            return;
        };
        let before = lock(before).clone();
        for (slot, exemplar) in lock(slots).iter_mut() {
            let same = before.get(slot).filter(|old| {
                exemplar.has_assumed_time
                    && old.has_assumed_time
                    && old.labels == exemplar.labels
                    && old.value.to_bits() == exemplar.value.to_bits()
            });
            if let Some(old) = same {
                *exemplar = Arc::clone(old);
            }
        }
    }

    /// The exemplar of a bucket, if it has one.
    #[inline]
    pub(crate) fn at(&self, bucket: usize) -> Option<Arc<Exemplar>> {
        lock(self.0.get()?).get(&Slot::Bucket(bucket)).cloned()
    }

    /// All exemplars with their slots.
    pub(crate) fn with_slots(&self) -> Vec<(Slot, Arc<Exemplar>)> {
        let Some(slots) = self.0.get() else {
            return Vec::new();
        };
        let slots = lock(slots);
        let all = slots.iter();
        all.map(|(slot, one)| (*slot, Arc::clone(one))).collect()
    }

    /// All exemplars, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Exemplar>> {
        let Some(slots) = self.0.get() else {
            return Vec::new();
        };
        let mut all: Vec<_> = lock(slots).values().cloned().collect();
        all.sort_by_key(|exemplar| exemplar.time);
        all
    }

    /// The newest exemplar, if there is one.
    pub(crate) fn last(&self) -> Option<Arc<Exemplar>> {
        self.all().pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_openmetrics_refuses_are_refused() {
        let long = "x".repeat(MAX_EXEMPLAR_CHARS);
        assert_eq!(
            Exemplar::new(&[("a", &long)], 1.0).unwrap_err(),
            Misuse::ExemplarTooLong { chars: 129 }
        );
        assert!(Exemplar::new(&[("a", &long[1..])], 1.0).is_ok());
        // Characters count, not bytes.
        assert!(Exemplar::new(&[("a", &"é".repeat(127))], 1.0).is_ok());
        for labels in [
            &[("1a", "")][..],
            &[("", "")],
            &[("__a", "")],
            &[("a", ""), ("a", "")],
        ] {
            assert!(matches!(
                Exemplar::new(labels, 1.0).unwrap_err(),
                Misuse::ExemplarLabel { .. }
            ));
        }
    }

    fn exemplar(value: f64) -> Exemplar {
        Exemplar::new(&[("trace_id", "x")], value).unwrap()
    }

    #[test]
    fn a_bucket_has_its_newest_exemplar() {
        let exemplars = Exemplars::default();
        assert_eq!((exemplars.at(0), exemplars.last()), (None, None));
        for value in [1.0, 2.0] {
            exemplars.store(Slot::Bucket(3), exemplar(value));
        }
        assert_eq!(exemplars.at(3).unwrap().value, 2.0);
        assert_eq!((exemplars.at(0), exemplars.at(9)), (None, None));
        assert_eq!(exemplars.all().len(), 1);
    }

    #[test]
    fn with_too_many_magnitudes_the_oldest_exemplar_is_dropped() {
        let exemplars = Exemplars::default();
        let store = |value: f64, seconds| {
            let time = Duration::from_secs(seconds);
            let exemplar = Exemplar {
                time,
                ..exemplar(value)
            };
            exemplars.store(Slot::by_magnitude(value), exemplar);
        };
        for exponent in 0..16 {
            store(f64::from(exponent).exp2(), 100 + exponent as u64);
        }
        store(1.5, 200);
        store(-1.5, 201);
        let values: Vec<f64> = exemplars.all().iter().map(|one| one.value).collect();
        assert_eq!(values.len(), MAX_MAGNITUDES);
        assert_eq!(values[0], 4.0, "the oldest, of 2.0, is dropped");
        assert_eq!(values[14..], [1.5, -1.5]);
        assert_eq!(exemplars.last().unwrap().value, -1.5);
    }
}

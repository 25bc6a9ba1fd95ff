//! Exemplars: a trace's id, say, kept beside the observation it belongs to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::errors::UseError;
use super::labels;
use crate::sync::lock;

/// The most characters that the names and values of an exemplar's labels may have together
/// (OpenMetrics 1.0, "Exemplars").
pub const MAX_EXEMPLAR_CHARS: usize = 128;

/// How many exemplars a histogram without classic buckets keeps.
const MAGNITUDES: usize = 16;

/// One observation and the labels that lead to where it came from.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// Since 1970, UTC.
    pub(crate) time: Duration,
}

impl Exemplar {
    /// An exemplar of what is observed now.
    ///
    /// # Errors
    /// [`UseError`] if a label name is not valid or twice there, or the labels are too long.
    pub fn new(labels: &[(&str, &str)], value: f64) -> Result<Self, UseError> {
        let mut chars = 0;
        for (position, (name, value)) in labels.iter().enumerate() {
            let twice = labels[..position].iter().any(|(other, _)| other == name);
            if twice || !labels::is_valid(name) || name.starts_with("__") {
                return Err(UseError::ExemplarLabel {
                    label: (*name).to_owned(),
                });
            }
            chars += name.chars().count() + value.chars().count();
        }
        if chars > MAX_EXEMPLAR_CHARS {
            return Err(UseError::ExemplarTooLong { chars });
        }
        Ok(Exemplar {
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            value,
            time: unix_time(),
        })
    }
}

/// The time since 1970, UTC.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Where in its series an exemplar is kept: in the place of the one before.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The number of a bucket, or 0 where there are none.
    Bucket(usize),
    /// The power of two of an observation, with its sign, where there are no buckets to go by: so
    /// rare large values are not crowded out by common small ones. The oldest goes if there are many.
    Magnitude(u16),
}

impl Place {
    pub(super) fn by_magnitude(value: f64) -> Self {
        Place::Magnitude((value.to_bits() >> 52) as u16)
    }
}

/// The exemplars of one series. Takes memory from the first one on.
#[derive(Debug, Default)]
pub(crate) struct Exemplars(OnceLock<Box<Places>>);

type Places = Mutex<BTreeMap<Place, Arc<Exemplar>>>;

impl Exemplars {
    /// Keeps an exemplar in its place.
    pub(crate) fn keep(&self, place: Place, exemplar: Exemplar) {
        let mut places = lock(self.0.get_or_init(Box::default));
        let is_one_more = !places.contains_key(&place);
        if is_one_more && matches!(place, Place::Magnitude(_)) && places.len() >= MAGNITUDES {
            let oldest = places.iter().min_by_key(|(_, exemplar)| exemplar.time);
            if let Some(oldest) = oldest.map(|(place, _)| *place) {
                places.remove(&oldest);
            }
        }
        places.insert(place, Arc::new(exemplar));
    }

    /// The exemplar of a bucket, if there is one.
    #[inline]
    pub(crate) fn at(&self, bucket: usize) -> Option<Arc<Exemplar>> {
        lock(self.0.get()?).get(&Place::Bucket(bucket)).cloned()
    }

    /// All exemplars, the oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Exemplar>> {
        let Some(places) = self.0.get() else {
            return Vec::new();
        };
        let mut all: Vec<_> = lock(places).values().cloned().collect();
        all.sort_by_key(|exemplar| exemplar.time);
        all
    }

    /// The last one, if there is any.
    pub(crate) fn last(&self) -> Option<Arc<Exemplar>> {
        self.all().pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_openmetrics_would_refuse_are_refused_at_once() {
        let long = "x".repeat(MAX_EXEMPLAR_CHARS);
        assert_eq!(
            Exemplar::new(&[("a", &long)], 1.0).unwrap_err(),
            UseError::ExemplarTooLong { chars: 129 }
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
                UseError::ExemplarLabel { .. }
            ));
        }
    }

    fn exemplar(value: f64) -> Exemplar {
        Exemplar::new(&[("trace_id", "x")], value).unwrap()
    }

    #[test]
    fn a_bucket_keeps_the_last_exemplar() {
        let exemplars = Exemplars::default();
        assert_eq!((exemplars.at(0), exemplars.last()), (None, None));
        for value in [1.0, 2.0] {
            exemplars.keep(Place::Bucket(3), exemplar(value));
        }
        assert_eq!(exemplars.at(3).unwrap().value, 2.0);
        assert_eq!((exemplars.at(0), exemplars.at(9)), (None, None));
        assert_eq!(exemplars.all().len(), 1);
    }

    #[test]
    fn of_many_magnitudes_the_oldest_goes() {
        let exemplars = Exemplars::default();
        let keep = |value: f64, seconds| {
            let time = Duration::from_secs(seconds);
            let exemplar = Exemplar {
                time,
                ..exemplar(value)
            };
            exemplars.keep(Place::by_magnitude(value), exemplar);
        };
        for exponent in 0..16 {
            keep(f64::from(exponent).exp2(), 100 + exponent as u64);
        }
        keep(1.5, 200);
        keep(-1.5, 201);
        let values: Vec<f64> = exemplars.all().iter().map(|one| one.value).collect();
        assert_eq!(values.len(), MAGNITUDES);
        assert_eq!(values[0], 4.0, "the oldest, which was of 2, has gone");
        assert_eq!(values[14..], [1.5, -1.5]);
        assert_eq!(exemplars.last().unwrap().value, -1.5);
    }
}

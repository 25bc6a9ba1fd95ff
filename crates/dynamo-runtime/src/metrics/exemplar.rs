//! Exemplars: a trace's id, say, kept beside the observation it belongs to.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::errors::UseError;
use super::labels;
use crate::sync::lock;

/// The most characters that the names and values of an exemplar's labels may have together
/// (OpenMetrics 1.0, "Exemplars").
pub const MAX_EXEMPLAR_CHARS: usize = 128;

/// How many exemplars a histogram without classic buckets keeps.
const MAGNITUDES: usize = 10;

/// One observation and the labels that lead to where it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exemplar {
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
    pub(crate) fn new(labels: &[(&str, &str)], value: f64) -> Result<Self, UseError> {
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

    /// A place for an observation of a histogram that has no buckets to keep it at: one for each
    /// of a few magnitudes, so that rare large values are not crowded out by common small ones.
    pub(super) fn place_by_magnitude(value: f64) -> usize {
        const EXPONENT: u64 = 0x7ff;
        (value.to_bits() >> 52 & EXPONENT) as usize % MAGNITUDES
    }
}

/// The time since 1970, UTC.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// The exemplars of one series by place: of a histogram's bucket, or 0. Takes memory from the first
/// one on.
#[derive(Debug, Default)]
pub(crate) struct Exemplars(OnceLock<Box<Places>>);

type Places = Mutex<Vec<Option<Arc<Exemplar>>>>;

impl Exemplars {
    /// Keeps an exemplar in the place of the one before.
    pub(crate) fn keep(&self, place: usize, exemplar: Exemplar) {
        let mut places = lock(self.0.get_or_init(Box::default));
        if places.len() <= place {
            places.resize(place + 1, None);
        }
        places[place] = Some(Arc::new(exemplar));
    }

    /// The exemplar at `place`, if there is one.
    #[inline]
    pub(crate) fn at(&self, place: usize) -> Option<Arc<Exemplar>> {
        lock(self.0.get()?).get(place)?.clone()
    }

    /// All exemplars, the oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Exemplar>> {
        let Some(places) = self.0.get() else {
            return Vec::new();
        };
        let mut all: Vec<_> = lock(places).iter().flatten().cloned().collect();
        all.sort_by_key(|exemplar| exemplar.time);
        all
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

    #[test]
    fn a_place_keeps_the_last_exemplar() {
        let exemplars = Exemplars::default();
        assert_eq!(exemplars.at(0), None);
        for value in [1.0, 2.0] {
            exemplars.keep(3, Exemplar::new(&[("trace_id", "x")], value).unwrap());
        }
        assert_eq!(exemplars.at(3).unwrap().value, 2.0);
        assert_eq!((exemplars.at(0), exemplars.at(9)), (None, None));
        assert_eq!(exemplars.all().len(), 1);
    }
}

//! External families: parsed from the exposition of another library, shown beside our own metrics.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::loss::{Loss, Reason};
use crate::metrics::{
    Collector, Cursor, DataPoint, Exemplars, ExternalLabels, Family, FixedHistogram, Labels,
    Scalar, Snapshot, SummarySnapshot, Visitor, is_valid_label,
};

/// One series of another library.
#[derive(Clone, Debug)]
pub(crate) struct ExternalSeries {
    pub(crate) labels: ExternalLabels,
    pub(crate) value: ExternalValue,
    /// In milliseconds since 1970.
    pub(crate) timestamp: Option<i64>,
    /// The time of creation since 1970, UTC.
    pub(crate) created: Option<Duration>,
    pub(crate) exemplars: Arc<Exemplars>,
}

/// The value of an external series.
#[derive(Clone, Debug)]
pub(crate) enum ExternalValue {
    Scalar(f64),
    Histogram(FixedHistogram),
    Summary(SummarySnapshot),
}

/// One family of one external exposition, with its series.
#[derive(Clone, Debug)]
pub(crate) struct ExternalFamily {
    pub(crate) family: Arc<Family>,
    series: Arc<[ExternalSeries]>,
    /// The indices in `series` of the series that are shown.
    shown: Vec<u32>,
    /// The position of the exposition among those of a scrape.
    order: u32,
    /// The name of the callback, and the number of the first line of the family.
    source: Arc<str>,
    line: usize,
}

/// External series follow all of our own.
const FIRST_SEQUENCE: u64 = 1 << 63;

impl ExternalFamily {
    /// Drops series with the labels of an earlier one. Returns their number.
    pub(crate) fn new(family: Arc<Family>, mut series: Vec<ExternalSeries>) -> (Self, u64) {
        let given = series.len();
        let mut seen = HashSet::with_capacity(given);
        series.retain(|series| seen.insert(series.labels.text.clone()));
        let external = ExternalFamily {
            family,
            shown: (0..series.len() as u32).collect(),
            series: series.into(),
            order: 0,
            source: "".into(),
            line: 0,
        };
        let duplicates = given - external.series.len();
        (external, duplicates as u64)
    }

    /// Sets where the family comes from: the name of the callback and the number of its first line.
    pub(crate) fn at_line(self, source: &Arc<str>, line: usize) -> Self {
        ExternalFamily {
            source: Arc::clone(source),
            line,
            ..self
        }
    }

    /// The loss of the whole family.
    pub(crate) fn lost(&self, reason: Reason) -> Loss {
        Loss {
            reason,
            source: Arc::clone(&self.source),
            family: self.family.name.clone(),
            line: self.line,
            text: String::new(),
            families: 1,
            series: 0,
        }
    }

    /// The loss of some of its series, if there are any.
    pub(crate) fn lost_series(&self, reason: Reason, series: u64) -> Option<Loss> {
        (series > 0).then(|| Loss {
            families: 0,
            series,
            ..self.lost(reason)
        })
    }

    /// Sets the times of creation, by the labels of the series as text.
    pub(crate) fn set_created(&mut self, created: &HashMap<&[u8], Duration>) {
        let mut series = self.series.to_vec();
        for series in &mut series {
            series.created = created.get(&*series.labels.text).copied();
        }
        self.series = series.into();
    }

    /// Sets the position of the exposition among those of a scrape.
    pub(crate) fn in_order(&self, order: u32) -> Self {
        ExternalFamily {
            order,
            ..self.clone()
        }
    }

    /// Replaces the family and its series, with the rule of [`ExternalFamily::new`]. Keeps the order.
    pub(crate) fn with(&self, family: Arc<Family>, series: Vec<ExternalSeries>) -> (Self, u64) {
        let (external, duplicates) = Self::new(family, series);
        let external = external.at_line(&self.source, self.line);
        (external.in_order(self.order), duplicates)
    }

    /// The family with a label added to all series.
    pub(crate) fn labelled(&self, name: &str, value: &str) -> Self {
        let series = self.series().map(|series| {
            let mut pairs = series.labels.pairs.clone();
            pairs.retain(|(other, _)| other != name);
            pairs.push((name.to_owned(), value.to_owned()));
            ExternalSeries {
                labels: ExternalLabels::new(pairs),
                ..series.clone()
            }
        });
        self.with(Arc::clone(&self.family), series.collect()).0
    }

    /// Downcasts a collector.
    pub(crate) fn of(collector: &Arc<dyn Collector>) -> Option<&Self> {
        (&**collector as &dyn Any).downcast_ref()
    }

    /// The series that are shown.
    pub(crate) fn series(&self) -> impl Iterator<Item = &ExternalSeries> {
        self.shown.iter().map(|index| &self.series[*index as usize])
    }

    /// Hides the series for whose labels, as text, `keep` returns false.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let series = &self.series;
        self.shown
            .retain(|index| keep(&series[*index as usize].labels.text));
    }

    /// Whether a name has characters outside `[a-zA-Z0-9_:]`.
    pub(crate) fn needs_escaping(&self) -> bool {
        let mut labels = self.series().flat_map(|series| &series.labels.pairs);
        self.family.is_quoted || labels.any(|(name, _)| !is_valid_label(name))
    }

    /// The values that are one number.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = f64> {
        self.series().filter_map(|series| match series.value {
            ExternalValue::Scalar(value) => Some(value),
            _ => None,
        })
    }

    fn sequence(&self, index: u32) -> u64 {
        FIRST_SEQUENCE | u64::from(self.order) << 32 | u64::from(index)
    }
}

/// Exemplars that were read without a time take the times of the same exemplars of `before`: they keep the
/// time at which they were first seen.
pub(crate) fn keep_exemplar_times(families: &[ExternalFamily], before: &[ExternalFamily]) {
    let mut old: HashMap<_, Vec<&Exemplars>> = HashMap::new();
    for (name, series) in with_exemplars(before) {
        let all = old.entry((name, &series.labels.text)).or_default();
        all.push(&series.exemplars);
    }
    for (name, series) in with_exemplars(families) {
        for old in old.get(&(name, &series.labels.text)).into_iter().flatten() {
            series.exemplars.keep_times(old);
        }
    }
}

/// The series that have exemplars, with the names of their families.
fn with_exemplars(families: &[ExternalFamily]) -> impl Iterator<Item = (&str, &ExternalSeries)> {
    families.iter().flat_map(|external| {
        let series = external.series.iter();
        series
            .filter(|series| !series.exemplars.is_empty())
            .map(|series| (external.family.name.as_str(), series))
    })
}

impl Collector for ExternalFamily {
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let start = self
            .shown
            .partition_point(|index| self.sequence(*index) < at.next);
        let mut rest = self.shown[start..].iter();
        for index in rest.by_ref().take(limit) {
            let series = &self.series[*index as usize];
            visitor(&DataPoint {
                sequence: self.sequence(*index),
                labels: Labels::External(&series.labels),
                value: match &series.value {
                    ExternalValue::Scalar(value) => Snapshot::Scalar(Scalar::Float(*value)),
                    ExternalValue::Histogram(histogram) => {
                        Snapshot::Histogram(histogram.snapshot())
                    }
                    ExternalValue::Summary(summary) => Snapshot::Summary(summary),
                },
                created: series.created,
                timestamp: series.timestamp,
                exemplars: Some(&series.exemplars),
            });
        }
        rest.next().map(|index| Cursor {
            next: self.sequence(*index),
            ..at
        })
    }
}

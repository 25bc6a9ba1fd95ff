//! Metrics of other libraries: text that was parsed, and stands beside our own metrics.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use crate::metrics::{
    Cursor, Exemplars, Family, FixedHistogram, ForeignLabels, Labels, Point, Reading, Scalar,
    Source, SummaryReading, Visitor, is_valid_label,
};

/// One series of another library.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: ForeignLabels,
    pub(crate) value: Value,
    /// In milliseconds since 1970.
    pub(crate) timestamp: Option<i64>,
    pub(crate) exemplars: Arc<Exemplars>,
}

/// What one series measured.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(f64),
    Histogram(FixedHistogram),
    Summary(SummaryReading),
}

/// The series of one family that came in one text.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) family: Arc<Family>,
    series: Arc<[Series]>,
    /// The places in `series` of those that are shown.
    shown: Vec<u32>,
    /// Which of the texts of a scrape this is from, to keep their order.
    order: u32,
}

/// Foreign series come after all of our own.
const FIRST_SEQUENCE: u64 = 1 << 63;

impl Part {
    /// Leaves out series with the labels of one before; says how many.
    pub(crate) fn new(family: Arc<Family>, mut series: Vec<Series>) -> (Self, u64) {
        let given = series.len();
        let mut seen = HashSet::with_capacity(given);
        series.retain(|series| seen.insert(series.labels.text.clone()));
        let part = Part {
            family,
            shown: (0..series.len() as u32).collect(),
            series: series.into(),
            order: 0,
        };
        let duplicates = given - part.series.len();
        (part, duplicates as u64)
    }

    /// As one of several texts of a scrape.
    pub(crate) fn in_order(&self, order: u32) -> Self {
        Part {
            order,
            ..self.clone()
        }
    }

    /// Other series in its place, as [`Part::new`] takes them.
    pub(crate) fn with(&self, family: Arc<Family>, series: Vec<Series>) -> (Self, u64) {
        let (part, duplicates) = Self::new(family, series);
        (part.in_order(self.order), duplicates)
    }

    /// The part that `source` is, if it is one.
    pub(crate) fn of(source: &Arc<dyn Source>) -> Option<&Self> {
        (&**source as &dyn Any).downcast_ref()
    }

    /// The series that are shown.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Series> {
        self.shown.iter().map(|place| &self.series[*place as usize])
    }

    /// Shows a series no more unless `keep` says so of its labels as text.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let series = &self.series;
        self.shown
            .retain(|place| keep(&series[*place as usize].labels.text));
    }

    /// Whether a name has characters that not every reader knows.
    pub(crate) fn has_odd_names(&self) -> bool {
        let mut labels = self.series().flat_map(|series| &series.labels.pairs);
        self.family.is_quoted || labels.any(|(name, _)| !is_valid_label(name))
    }

    /// The values that are one number.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = f64> {
        self.series().filter_map(|series| match series.value {
            Value::Scalar(value) => Some(value),
            _ => None,
        })
    }

    pub(crate) fn summaries(&self) -> impl Iterator<Item = &SummaryReading> {
        self.series().filter_map(|series| match &series.value {
            Value::Summary(summary) => Some(summary),
            _ => None,
        })
    }

    fn sequence(&self, place: u32) -> u64 {
        FIRST_SEQUENCE | u64::from(self.order) << 32 | u64::from(place)
    }
}

impl Source for Part {
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let start = self
            .shown
            .partition_point(|place| self.sequence(*place) < at.next);
        let mut rest = self.shown[start..].iter();
        for place in rest.by_ref().take(limit) {
            let series = &self.series[*place as usize];
            visitor(&Point {
                sequence: self.sequence(*place),
                labels: Labels::Foreign(&series.labels),
                reading: match &series.value {
                    Value::Scalar(value) => Reading::Scalar(Scalar::Float(*value)),
                    Value::Histogram(histogram) => Reading::Histogram(histogram.reading()),
                    Value::Summary(summary) => Reading::Summary(summary),
                },
                created: None,
                timestamp: series.timestamp,
                exemplars: Some(&series.exemplars),
            });
        }
        rest.next().map(|place| Cursor {
            next: self.sequence(*place),
            ..at
        })
    }
}

//! The lines of one family, put together to series.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::line::{RawExemplar, Sample};
use crate::exposition::foreign::{Part, Series, Value};
use crate::exposition::number::write_le;
use crate::metrics::buckets::Buckets;
use crate::metrics::{
    Exemplar, Exemplars, Family, FixedHistogram, ForeignLabels, Kind, Layout, Place,
    SummaryReading, is_valid_name,
};

/// What a sample says of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Its value.
    Scalar,
    Bucket,
    Quantile,
    Sum,
    Count,
    /// The family has no such samples.
    Misplaced,
}

/// One family as far as it has been read.
pub(super) struct FamilyText {
    kind: Kind,
    /// The name under which comments describe it.
    pub(super) described_by: String,
    /// A line of it could not be understood.
    pub(super) is_bad: bool,
    series: Vec<SeriesText>,
    /// Places in `series`, by the labels.
    places: HashMap<Vec<(String, String)>, usize>,
    duplicates: u64,
}

#[derive(Default)]
struct SeriesText {
    value: Option<f64>,
    /// Buckets or quantiles: the number in the label, the value, an exemplar.
    steps: Vec<(f64, f64, Option<RawExemplar>)>,
    sum: Option<f64>,
    count: Option<f64>,
    timestamp: Option<i64>,
    exemplar: Option<RawExemplar>,
}

impl FamilyText {
    pub(super) fn new(kind: Kind, described_by: String) -> Self {
        FamilyText {
            kind,
            described_by,
            is_bad: false,
            series: Vec::new(),
            places: HashMap::new(),
            duplicates: 0,
        }
    }

    /// Adds a sample; `unit` is what a timestamp of 1 is in milliseconds.
    pub(super) fn add(&mut self, sample: Sample, role: Role, unit: f64) {
        let Sample {
            mut labels,
            value,
            timestamp,
            exemplar,
            ..
        } = sample;
        let step = match role {
            Role::Bucket => take_number(&mut labels, "le"),
            Role::Quantile => take_number(&mut labels, "quantile"),
            _ => None,
        };
        if self.keeps(&labels) {
            self.is_bad = true;
            return;
        }
        let series = match self.places.entry(labels) {
            Entry::Occupied(place) => &mut self.series[*place.get()],
            Entry::Vacant(place) => {
                place.insert(self.series.len());
                self.series.push(SeriesText::default());
                let last = self.series.len() - 1;
                &mut self.series[last]
            }
        };
        // Prometheus takes no page of text with a time before 1970.
        if let Some(timestamp) = timestamp.filter(|timestamp| *timestamp >= 0.0) {
            series.timestamp = Some((timestamp * unit).round() as i64);
        }
        let place = match (role, step) {
            (Role::Scalar, _) => {
                if series.value.is_none() {
                    series.exemplar = exemplar;
                }
                &mut series.value
            }
            (Role::Sum, _) => &mut series.sum,
            (Role::Count, _) => &mut series.count,
            (Role::Bucket | Role::Quantile, Some(step)) => {
                series.steps.push((step, value, exemplar));
                return;
            }
            (Role::Bucket | Role::Quantile, None) | (Role::Misplaced, _) => {
                self.is_bad = true;
                return;
            }
        };
        self.duplicates += u64::from(place.is_some());
        place.get_or_insert(value);
    }

    /// Whether one of the labels is the one that this kind writes by itself: a series would have it
    /// twice, and readers would refuse the whole page.
    fn keeps(&self, labels: &[(String, String)]) -> bool {
        let own = match self.kind {
            Kind::Histogram => "le",
            Kind::Summary => "quantile",
            _ => return false,
        };
        labels.iter().any(|(name, _)| name == own)
    }

    /// The family with `labels` added where they are not there already, and how many samples it had
    /// more than once. `None` if it makes no sense.
    pub(super) fn into_part(
        self,
        name: String,
        help: String,
        unit: Option<String>,
        labels: &[(String, String)],
    ) -> Option<(Part, u64)> {
        if self.is_bad {
            return None;
        }
        let mut places: Vec<_> = self.places.into_iter().collect();
        places.sort_unstable_by_key(|(_, place)| *place);
        let mut duplicates = self.duplicates;
        let mut series = Vec::with_capacity(places.len());
        for ((mut own, _), mut text) in places.into_iter().zip(self.series) {
            let missing = labels
                .iter()
                .filter(|(label, _)| own.iter().all(|(known, _)| known != label));
            let missing: Vec<_> = missing.cloned().collect();
            own.extend(missing);
            duplicates += text.sort_steps();
            series.push(text.into_series(self.kind, own)?);
        }
        let family = Family {
            is_quoted: !is_valid_name(&name),
            name,
            help,
            kind: self.kind,
            // Formats have no way to write any other one.
            unit: unit.filter(|unit| !unit.is_empty() && is_valid_name(&format!("_{unit}"))),
            layout: Layout::default(),
        };
        let (part, more) = Part::new(Arc::new(family), series);
        Some((part, duplicates + more))
    }
}

/// Takes a label that is a number.
fn take_number(labels: &mut Vec<(String, String)>, name: &str) -> Option<f64> {
    let position = labels.iter().position(|(label, _)| label == name)?;
    let number: f64 = labels.remove(position).1.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

impl SeriesText {
    /// Sorts buckets or quantiles and keeps one of each; says how many were more than that.
    fn sort_steps(&mut self) -> u64 {
        let given = self.steps.len();
        self.steps.sort_by(|one, other| one.0.total_cmp(&other.0));
        self.steps.dedup_by(|next, kept| next.0 == kept.0);
        (given - self.steps.len()) as u64
    }

    fn into_series(self, kind: Kind, labels: Vec<(String, String)>) -> Option<Series> {
        let exemplars = Exemplars::default();
        let timestamp = self.timestamp;
        let value = match kind {
            Kind::Histogram => Value::Histogram(self.into_histogram(&exemplars)?),
            Kind::Summary => Value::Summary(self.into_summary()),
            Kind::Counter | Kind::Gauge | Kind::Unknown => {
                if let Some(exemplar) = self.exemplar.and_then(RawExemplar::checked) {
                    exemplars.keep(Place::Bucket(0), exemplar);
                }
                Value::Scalar(self.value?)
            }
        };
        Some(Series {
            labels: ForeignLabels::new(labels),
            value,
            timestamp,
            exemplars: Arc::new(exemplars),
        })
    }

    /// `None` if the counts are not those of a histogram.
    fn into_histogram(mut self, exemplars: &Exemplars) -> Option<FixedHistogram> {
        if self.steps.last().is_none_or(|last| last.0 != f64::INFINITY) {
            self.steps.push((f64::INFINITY, self.count?, None));
        }
        let total = self.steps.last()?.1;
        if self.count.is_some_and(|count| count != total) {
            return None;
        }
        let finite: Vec<f64> = self.steps.iter().map(|(bound, ..)| *bound).collect();
        let buckets = match finite.as_slice() {
            [_infinity] => Buckets::none(),
            bounds => Buckets::new(bounds).ok()?,
        };
        let mut below = 0;
        let mut counts = Vec::with_capacity(self.steps.len());
        for (place, (_, cumulative, exemplar)) in self.steps.into_iter().enumerate() {
            let whole = cumulative as u64;
            if whole as f64 != cumulative {
                return None;
            }
            counts.push(whole.checked_sub(below)?);
            below = whole;
            if let Some(exemplar) = exemplar.and_then(RawExemplar::checked) {
                exemplars.keep(Place::Bucket(place), exemplar);
            }
        }
        Some(FixedHistogram {
            buckets,
            counts: counts.into(),
            sum: self.sum,
        })
    }

    fn into_summary(self) -> SummaryReading {
        let quantiles = self.steps.into_iter().map(|(quantile, value, _)| {
            let mut label = b"quantile=\"".to_vec();
            write_le(quantile, &mut label);
            label.push(b'"');
            (quantile, label.into(), value)
        });
        SummaryReading {
            quantiles: quantiles.collect(),
            sum: self.sum,
            count: self.count,
        }
    }
}

impl RawExemplar {
    /// `None` if OpenMetrics would refuse a page with it: the sample stands without.
    fn checked(self) -> Option<Exemplar> {
        let labels: Vec<(&str, &str)> = self
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let exemplar = Exemplar::new(&labels, self.value).ok()?;
        Some(Exemplar {
            time: self.time.unwrap_or(exemplar.time),
            ..exemplar
        })
    }
}

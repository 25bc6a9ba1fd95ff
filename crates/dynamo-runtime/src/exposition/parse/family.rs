//! Builds the series of one family from its samples.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::line::{self, RawExemplar, Sample};
use crate::exposition::external::{ExternalFamily, ExternalSeries, ExternalValue};
use crate::exposition::loss::{Loss, Reason};
use crate::format::number::write_le;
use crate::metrics::buckets::Buckets;
use crate::metrics::{
    Across, BucketLayout, Exemplar, Exemplars, ExternalLabels, Family, FixedHistogram, Kind, Slot,
    SummarySnapshot, is_valid_name,
};

/// The role of a sample in its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The value.
    Scalar,
    Bucket,
    Quantile,
    Sum,
    Count,
    /// The kind of the family has no such samples.
    Misplaced,
}

/// One family whose samples are being added.
pub(super) struct FamilyBuilder {
    kind: Kind,
    /// The name in its comment lines.
    pub(super) described_by: String,
    series: Vec<SeriesBuilder>,
    /// Indices in `series`, by labels.
    indices: HashMap<Vec<(String, String)>, usize>,
    /// The number of the first line.
    line: usize,
    duplicates: DropCount,
    invalid_lines: DropCount,
    invalid_series: DropCount,
    invalid_exemplars: DropCount,
    invalid_timestamps: DropCount,
}

/// How much was dropped for one reason, and the number of the first line of it.
#[derive(Clone, Copy, Default)]
struct DropCount {
    count: u64,
    line: usize,
}

impl DropCount {
    fn add(&mut self, count: u64, line: usize) {
        if self.count == 0 {
            self.line = line;
        }
        self.count += count;
    }
}

#[derive(Default)]
struct SeriesBuilder {
    value: Option<f64>,
    /// Buckets or quantiles: the number in the label, the value, the exemplar.
    steps: Vec<(f64, f64, Option<Exemplar>)>,
    sum: Option<f64>,
    count: Option<f64>,
    timestamp: Option<i64>,
    exemplar: Option<Exemplar>,
    /// The number of the first line.
    line: usize,
}

impl FamilyBuilder {
    pub(super) fn new(kind: Kind, described_by: String) -> Self {
        FamilyBuilder {
            kind,
            described_by,
            series: Vec::new(),
            indices: HashMap::new(),
            line: 0,
            duplicates: DropCount::default(),
            invalid_lines: DropCount::default(),
            invalid_series: DropCount::default(),
            invalid_exemplars: DropCount::default(),
            invalid_timestamps: DropCount::default(),
        }
    }

    /// Adds a sample; `unit` is the unit of timestamps in milliseconds.
    pub(super) fn add(&mut self, sample: Sample<'_>, role: Role, unit: f64, line: usize) {
        if self.line == 0 {
            self.line = line;
        }
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
        let is_step = matches!(role, Role::Bucket | Role::Quantile);
        if role == Role::Misplaced || is_step && step.is_none() || self.has_reserved(&labels) {
            return self.invalid_lines.add(1, line);
        }
        let exemplar = exemplar.and_then(|text| self.exemplar(text, role, line));
        let series = match self.indices.entry(labels) {
            Entry::Occupied(index) => &mut self.series[*index.get()],
            Entry::Vacant(index) => {
                index.insert(self.series.len());
                self.series.push(SeriesBuilder {
                    line,
                    ..SeriesBuilder::default()
                });
                let last = self.series.len() - 1;
                &mut self.series[last]
            }
        };
        match timestamp {
            Some(before_1970) if before_1970 < 0.0 => self.invalid_timestamps.add(1, line),
            Some(timestamp) => series.timestamp = Some((timestamp * unit).round() as i64),
            None => {}
        }
        let field = match (role, step) {
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
            (Role::Bucket | Role::Quantile, None) | (Role::Misplaced, _) => return,
        };
        if field.is_some() {
            self.duplicates.add(1, line);
        } else {
            *field = Some(value);
        }
    }

    /// Parses an exemplar. `None` if it is not valid, or not on a sample that OpenMetrics shows with one: the
    /// sample is then shown without it.
    fn exemplar(&mut self, text: &str, role: Role, line: usize) -> Option<Exemplar> {
        let has_place = role == Role::Bucket || role == Role::Scalar && self.kind == Kind::Counter;
        let exemplar = line::exemplar(text).filter(|_| has_place);
        let exemplar = exemplar.and_then(RawExemplar::checked);
        if exemplar.is_none() {
            self.invalid_exemplars.add(1, line);
        }
        exemplar
    }

    /// Whether one of the labels is the label that encoders add for this kind: a series would have it twice,
    /// and scrapers would refuse the whole exposition.
    fn has_reserved(&self, labels: &[(String, String)]) -> bool {
        let reserved = match self.kind {
            Kind::Histogram => "le",
            Kind::Summary => "quantile",
            _ => return false,
        };
        labels.iter().any(|(name, _)| name == reserved)
    }

    /// Builds the family, unless nothing of it is valid. Adds `labels` to series without a label of the same
    /// name. `source` is the name of the callback. Returns what was dropped, too.
    pub(super) fn into_external(
        self,
        name: String,
        help: String,
        unit: Option<String>,
        labels: &[(String, String)],
        source: &Arc<str>,
    ) -> (Option<ExternalFamily>, Vec<Loss>) {
        let FamilyBuilder {
            kind,
            line,
            mut duplicates,
            invalid_lines,
            mut invalid_series,
            invalid_exemplars,
            invalid_timestamps,
            ..
        } = self;
        let mut indices: Vec<_> = self.indices.into_iter().collect();
        indices.sort_unstable_by_key(|(_, index)| *index);
        let mut series = Vec::with_capacity(indices.len());
        for ((mut own, _), mut builder) in indices.into_iter().zip(self.series) {
            let missing = labels.iter().filter(|(label, value)| {
                !value.is_empty() && own.iter().all(|(known, _)| known != label)
            });
            let missing: Vec<_> = missing.cloned().collect();
            own.extend(missing);
            let line = builder.line;
            duplicates.add(builder.sort_steps(), line);
            match builder.into_series(kind, own) {
                Some(built) => series.push(built),
                None => invalid_series.add(1, line),
            }
        }
        let is_empty = series.is_empty();
        let family = Family {
            is_quoted: !is_valid_name(&name),
            name,
            help,
            kind,
            // The formats cannot represent other units.
            unit: unit.filter(|unit| !unit.is_empty() && is_valid_name(&format!("_{unit}"))),
            buckets: BucketLayout::default(),
            across: Across::default(),
        };
        let (external, more) = ExternalFamily::new(Arc::new(family), series);
        let external = external.at_line(source, line);
        duplicates.add(more, line);
        let mut losses = Vec::new();
        for (reason, dropped) in [
            (Reason::InvalidSeries, invalid_series),
            (Reason::InvalidLine, invalid_lines),
            (Reason::Duplicate, duplicates),
            (Reason::InvalidExemplar, invalid_exemplars),
            (Reason::InvalidTimestamp, invalid_timestamps),
        ] {
            let lost = external.lost_series(reason, dropped.count);
            losses.extend(lost.map(|lost| Loss {
                line: dropped.line,
                ..lost
            }));
        }
        if !is_empty {
            return (Some(external), losses);
        }
        // Nothing of the family is left.
        if let Some(first) = losses.first_mut() {
            (first.families, first.series) = (1, 0);
        }
        losses.truncate(1);
        (None, losses)
    }
}

/// Removes a label and parses its value as a number.
fn take_number(labels: &mut Vec<(String, String)>, name: &str) -> Option<f64> {
    let position = labels.iter().position(|(label, _)| label == name)?;
    let number: f64 = labels.remove(position).1.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

impl SeriesBuilder {
    /// Sorts buckets or quantiles and drops duplicates. Returns the number of duplicates.
    fn sort_steps(&mut self) -> u64 {
        let given = self.steps.len();
        self.steps.sort_by(|one, other| one.0.total_cmp(&other.0));
        self.steps.dedup_by(|next, kept| next.0 == kept.0);
        (given - self.steps.len()) as u64
    }

    fn into_series(self, kind: Kind, labels: Vec<(String, String)>) -> Option<ExternalSeries> {
        let exemplars = Exemplars::default();
        let timestamp = self.timestamp;
        let value = match kind {
            Kind::Histogram => ExternalValue::Histogram(self.into_histogram(&exemplars)?),
            Kind::Summary => ExternalValue::Summary(self.into_summary()),
            Kind::Counter | Kind::Gauge | Kind::Unknown => {
                if let Some(exemplar) = self.exemplar {
                    exemplars.store(Slot::Bucket(0), exemplar);
                }
                ExternalValue::Scalar(self.value?)
            }
        };
        Some(ExternalSeries {
            labels: ExternalLabels::new(labels),
            value,
            timestamp,
            created: None,
            exemplars: Arc::new(exemplars),
        })
    }

    /// `None` if the counts are not valid for a histogram.
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
        for (index, (_, cumulative, exemplar)) in self.steps.into_iter().enumerate() {
            let whole = cumulative as u64;
            if whole as f64 != cumulative {
                return None;
            }
            counts.push(whole.checked_sub(below)?);
            below = whole;
            if let Some(exemplar) = exemplar {
                exemplars.store(Slot::Bucket(index), exemplar);
            }
        }
        Some(FixedHistogram {
            buckets,
            counts: counts.into(),
            sum: self.sum.unwrap_or(f64::NAN),
        })
    }

    fn into_summary(self) -> SummarySnapshot {
        let quantiles = self.steps.into_iter().map(|(quantile, value, _)| {
            let mut label = b"quantile=\"".to_vec();
            write_le(quantile, &mut label);
            label.push(b'"');
            (quantile, label.into(), value)
        });
        SummarySnapshot {
            quantiles: quantiles.collect(),
            sum: self.sum,
            count: self.count,
        }
    }
}

impl RawExemplar {
    /// `None` if OpenMetrics does not allow the exemplar.
    fn checked(self) -> Option<Exemplar> {
        let labels: Vec<(&str, &str)> = self
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let exemplar = Exemplar::new(&labels, self.value).ok()?;
        Some(match self.time {
            Some(time) => Exemplar { time, ..exemplar },
            None => Exemplar {
                has_assumed_time: true,
                ..exemplar
            },
        })
    }
}

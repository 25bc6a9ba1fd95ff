//! The merged families of a group, for the encoders.

use std::sync::Arc;
use std::time::Duration;

use super::table::{Entry, FamilyEntries, Value};
use crate::metrics::{
    Buckets, Collector, Counts, Cursor, DataPoint, Exemplars, ExternalLabels, HistogramSnapshot,
    Kind, Labels, NativeSnapshot, Scalar, Snapshot, SummarySnapshot, Visitor,
};

/// A family of the group.
pub(super) struct GroupFamily {
    buckets: Option<Arc<Buckets>>,
    series: Vec<GroupSeries>,
}

struct GroupSeries {
    sequence: u64,
    labels: Arc<ExternalLabels>,
    value: GroupValue,
    created: Duration,
    exemplars: Option<Arc<Exemplars>>,
}

enum GroupValue {
    Scalar(Scalar),
    Summary(SummarySnapshot),
    Histogram {
        counts: Box<[u64]>,
        sum: f64,
        native: Option<NativeSnapshot>,
    },
}

impl GroupFamily {
    pub(super) fn new(family: &FamilyEntries, entries: &[Entry]) -> Self {
        let indices = family.entries.iter();
        let series = indices.filter_map(|&index| {
            let entry = &entries[index as usize];
            Some(GroupSeries {
                sequence: index.into(),
                labels: Arc::clone(&entry.labels),
                value: match &entry.value {
                    Value::Empty => return None,
                    Value::Sum(total) => GroupValue::Scalar(total.scalar()),
                    Value::One(scalar, _) => GroupValue::Scalar(*scalar),
                    Value::Histogram(total) if family.family.kind == Kind::Summary => {
                        GroupValue::Summary(SummarySnapshot {
                            quantiles: Vec::new(),
                            sum: Some(total.sum.value()),
                            count: Some(total.counts.iter().sum::<u64>() as f64),
                        })
                    }
                    Value::Histogram(total) => GroupValue::Histogram {
                        counts: total.counts.as_slice().into(),
                        sum: total.sum.value(),
                        native: total.native.clone(),
                    },
                },
                created: Duration::from_millis(entry.created),
                exemplars: entry.exemplars.clone(),
            })
        });
        GroupFamily {
            buckets: family.buckets.clone(),
            series: series.collect(),
        }
    }
}

impl Collector for GroupFamily {
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let start = self
            .series
            .partition_point(|series| series.sequence < at.next);
        let mut rest = self.series[start..].iter();
        for series in rest.by_ref().take(limit) {
            let value = match (&series.value, &self.buckets) {
                (GroupValue::Scalar(scalar), _) => Snapshot::Scalar(*scalar),
                (GroupValue::Summary(summary), _) => Snapshot::Summary(summary),
                (
                    GroupValue::Histogram {
                        counts,
                        sum,
                        native,
                    },
                    Some(buckets),
                ) => Snapshot::Histogram(HistogramSnapshot {
                    buckets,
                    counts: Counts::Fixed(counts),
                    sum: *sum,
                    native: native.as_ref(),
                }),
                (GroupValue::Histogram { .. }, None) => continue,
            };
            visitor(&DataPoint {
                sequence: series.sequence,
                labels: Labels::External(&series.labels),
                value,
                created: Some(series.created),
                timestamp: None,
                exemplars: series.exemplars.as_deref(),
            });
        }
        rest.next().map(|series| Cursor {
            next: series.sequence,
            ..at
        })
    }
}

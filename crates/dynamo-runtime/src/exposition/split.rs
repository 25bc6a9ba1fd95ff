//! Splits a family that a format cannot represent into one family for each of its sample names.

use std::sync::Arc;

use super::encode::{ExposedFamily, samples, visit_all};
use super::external::{ExternalFamily, ExternalSeries, ExternalValue};
use crate::metrics::{BucketLayout, Collector, ExternalLabels, Family, Kind};

/// The samples of a family as families of unknown type, in the order of the samples, the series of each in
/// order of creation. Series keep their names, labels and values; their labels are available only as text.
pub(super) fn split(exposed: &ExposedFamily) -> Vec<ExposedFamily> {
    let mut all: Vec<(u64, &str, ExternalSeries)> = Vec::new();
    for collector in &exposed.collectors {
        visit_all(&**collector, &mut |point| {
            samples(point.value, |suffix, last, value| {
                let mut text = point.labels.text().to_vec();
                if !(text.is_empty() || last.is_empty()) {
                    text.push(b',');
                }
                text.extend_from_slice(last);
                let series = ExternalSeries {
                    labels: ExternalLabels {
                        pairs: Vec::new(),
                        text,
                    },
                    value: ExternalValue::Scalar(value.to_f64()),
                    timestamp: point.timestamp,
                    created: None,
                    exemplars: Arc::default(),
                };
                all.push((point.sequence, suffix, series));
            });
        });
    }
    all.sort_by_key(|(sequence, ..)| *sequence);
    let mut families: Vec<(&str, Vec<ExternalSeries>)> = Vec::new();
    for (_, suffix, series) in all {
        match families.iter_mut().find(|(known, _)| *known == suffix) {
            Some((_, all)) => all.push(series),
            None => families.push((suffix, vec![series])),
        }
    }
    let of_suffix = |(suffix, series): (&str, Vec<ExternalSeries>)| {
        let family = Arc::new(Family {
            name: format!("{}{suffix}", exposed.family.name),
            kind: Kind::Unknown,
            unit: None,
            buckets: BucketLayout::default(),
            ..(*exposed.family).clone()
        });
        let (external, _) = ExternalFamily::new(Arc::clone(&family), series);
        let collectors = vec![Arc::new(external) as Arc<dyn Collector>];
        ExposedFamily { family, collectors }
    };
    families.into_iter().map(of_suffix).collect()
}

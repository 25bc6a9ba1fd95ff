//! Families that a format cannot show as what they are: each of their samples' names by itself.

use std::sync::Arc;

use super::foreign::{Part, Series, Value};
use super::{Exposed, samples, visit_all};
use crate::metrics::{Family, ForeignLabels, Kind, Layout, Source};

/// The samples of a family as families of unknown type, in the order in which the family has them.
/// Series keep their names, labels and values; their labels are known as text only.
pub(super) fn dissolve(exposed: &Exposed) -> Vec<Exposed> {
    let mut families: Vec<(&str, Vec<Series>)> = Vec::new();
    for source in &exposed.sources {
        visit_all(&**source, &mut |point| {
            samples(point.reading, |suffix, last, value| {
                let mut text = point.labels.text().to_vec();
                if !(text.is_empty() || last.is_empty()) {
                    text.push(b',');
                }
                text.extend_from_slice(last);
                let series = Series {
                    labels: ForeignLabels {
                        pairs: Vec::new(),
                        text,
                    },
                    value: Value::Scalar(value.to_f64()),
                    timestamp: point.timestamp,
                    exemplars: Arc::default(),
                };
                match families.iter_mut().find(|(known, _)| *known == suffix) {
                    Some((_, all)) => all.push(series),
                    None => families.push((suffix, vec![series])),
                }
            });
        });
    }
    let of_suffix = |(suffix, series): (&str, Vec<Series>)| {
        let family = Arc::new(Family {
            name: format!("{}{suffix}", exposed.family.name),
            kind: Kind::Unknown,
            unit: None,
            layout: Layout::default(),
            ..(*exposed.family).clone()
        });
        let (part, _) = Part::new(Arc::clone(&family), series);
        let sources = vec![Arc::new(part) as Arc<dyn Source>];
        Exposed { family, sources }
    };
    families.into_iter().map(of_suffix).collect()
}

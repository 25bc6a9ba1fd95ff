//! What the text format allows and OpenMetrics 1 forbids, and how each family goes out there: under
//! the names it has everywhere, and with all that can be shown under them.

use std::collections::HashMap;

use super::dissolve::dissolve;
use super::{Exposed, foreign, visit_all};
use crate::metrics::{Family, Kind, Point, Reading, SummaryReading};

/// How one family goes out.
#[derive(Default)]
pub(super) struct Plan {
    /// For a counter, the length of its name without `_total`. A counter without one goes out as
    /// unknown: its name must not change.
    pub(super) base: Option<usize>,
    /// The values of a family `…_created` that belongs to this one, by their labels as text.
    pub(super) created: HashMap<Vec<u8>, f64>,
}

/// The suffixes that OpenMetrics keeps for samples of these kinds.
pub(super) fn suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Histogram => &["_bucket", "_count", "_sum", "_created"],
        Kind::Summary => &["_count", "_sum", "_created"],
        _ => &[],
    }
}

/// Decides how each family goes out.
///
/// OpenMetrics keeps the names of all samples apart by family: a counter `x_total` is the family
/// `x`, which must not be another family or one's sample; `x_created` belongs to `x`. So a counter
/// that has no such name of its own is of unknown type, and a gauge `x_created` of another library
/// becomes samples of `x`. Where that cannot be, `x` is dissolved and the gauge stays.
pub(super) fn plan(families: Vec<Exposed>) -> Vec<(Exposed, Plan)> {
    let families = dissolve_improper(families, SummaryReading::is_proper);
    let positions: HashMap<&str, usize> = families
        .iter()
        .enumerate()
        .map(|(position, exposed)| (exposed.family.name.as_str(), position))
        .collect();
    let kind_of = |name: &str| {
        let position = positions.get(name)?;
        Some(families[*position].family.kind)
    };
    let mut plans: Vec<Plan> = families
        .iter()
        .map(|exposed| Plan {
            base: base_of(exposed, kind_of),
            ..Plan::default()
        })
        .collect();

    let mut fates = vec![Fate::Shown; families.len()];
    for (host, exposed) in families.iter().enumerate() {
        let family = &exposed.family;
        let name = match (plans[host].base, suffixes(family.kind)) {
            (None, []) => continue,
            (base, _) => &family.name[..base.unwrap_or(family.name.len())],
        };
        let Some(&guest) = positions.get(&*format!("{name}_created")) else {
            continue;
        };
        match created_of(exposed, &families[guest]) {
            Some(created) => {
                plans[host].created = created;
                fates[guest] = Fate::Absorbed;
            }
            None if family.kind == Kind::Counter => plans[host].base = None,
            None => fates[host] = Fate::Dissolved,
        }
    }
    let mut planned = Vec::with_capacity(families.len());
    for ((exposed, plan), fate) in families.into_iter().zip(plans).zip(fates) {
        match fate {
            Fate::Shown => planned.push((exposed, plan)),
            Fate::Absorbed => {}
            Fate::Dissolved => {
                planned.extend(
                    dissolve(&exposed)
                        .into_iter()
                        .map(|part| (part, Plan::default())),
                );
            }
        }
    }
    planned
}

#[derive(Clone, Copy)]
enum Fate {
    Shown,
    /// As samples of another family.
    Absorbed,
    /// As a family for each of its samples' names.
    Dissolved,
}

/// The length of a counter's name without `_total`, if it may go without.
fn base_of(exposed: &Exposed, kind_of: impl Fn(&str) -> Option<Kind>) -> Option<usize> {
    let Family { name, kind, .. } = &*exposed.family;
    let base = name
        .strip_suffix("_total")
        .filter(|base| !base.is_empty() && *kind == Kind::Counter)?;
    let is_sample = [Kind::Histogram, Kind::Summary].into_iter().any(|kind| {
        suffixes(kind).iter().any(|suffix| {
            let owner = base.strip_suffix(suffix);
            owner.is_some_and(|owner| kind_of(owner) == Some(kind))
        })
    });
    let of_another_counter = base
        .strip_suffix("_created")
        .is_some_and(|other| kind_of(&format!("{other}_total")).is_some());
    let clashes = kind_of(base).is_some() || is_sample || of_another_counter;
    (!clashes && is_countable(exposed)).then_some(base.len())
}

/// The values of `guest` by their labels as text, if they can stand beside the series of `host`: one
/// number for each, and none for series that are not there.
fn created_of(host: &Exposed, guest: &Exposed) -> Option<HashMap<Vec<u8>, f64>> {
    let mut created = HashMap::new();
    let mut count = 0;
    each(guest, &mut |point| {
        count += 1;
        if let Reading::Scalar(value) = point.reading {
            created.insert(point.labels.text().to_vec(), value.to_f64());
        }
    });
    let mut found = 0;
    each(host, &mut |point| {
        found += usize::from(created.contains_key(point.labels.text()));
    });
    (found == count).then_some(created)
}

fn each(exposed: &Exposed, look: &mut dyn FnMut(&Point<'_>)) {
    for source in &exposed.sources {
        visit_all(&**source, look);
    }
}

/// Dissolves the families with a summary that is not proper.
pub(super) fn dissolve_improper(
    families: Vec<Exposed>,
    is_proper: fn(&SummaryReading) -> bool,
) -> Vec<Exposed> {
    let is_shown = |exposed: &Exposed| {
        let mut parts = exposed.sources.iter().filter_map(foreign::Part::of);
        parts.all(|part| part.summaries().all(is_proper))
    };
    let mut shown = Vec::with_capacity(families.len());
    for exposed in families {
        if is_shown(&exposed) {
            shown.push(exposed);
        } else {
            shown.extend(dissolve(&exposed));
        }
    }
    shown
}

/// Whether all values are those of a counter; another library's need not be.
pub(super) fn is_countable(exposed: &Exposed) -> bool {
    let parts = exposed.sources.iter().filter_map(foreign::Part::of);
    parts
        .flat_map(foreign::Part::scalars)
        .all(|value| value >= 0.0)
}

impl SummaryReading {
    /// Whether it is what OpenMetrics takes for a summary: quantiles from 0 to 1 with values that
    /// are not negative, and totals that are those of counters.
    fn is_proper(&self) -> bool {
        let mut quantiles = self.quantiles.iter();
        quantiles
            .all(|(at, _, value)| (0.0..=1.0).contains(at) && (*value >= 0.0 || value.is_nan()))
            && self.sum.is_none_or(|sum| sum >= 0.0)
            && self
                .count
                .is_none_or(|count| count >= 0.0 && count.fract() == 0.0)
    }

    /// The same where both totals must be there.
    pub(super) fn is_whole(&self) -> bool {
        self.is_proper() && self.sum.is_some() && self.count.is_some()
    }
}

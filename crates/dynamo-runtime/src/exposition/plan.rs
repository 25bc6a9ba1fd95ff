//! How OpenMetrics represents families that it does not allow as they are: under the names they have in
//! every format, and with as much of them as those names permit.

use std::collections::HashMap;

use super::encode::{ExposedFamily, visit_all};
use super::external::ExternalFamily;
use super::split::split;
use crate::metrics::{DataPoint, Family, HistogramSnapshot, Kind, Snapshot, SummarySnapshot};

/// How OpenMetrics 1 represents one family.
#[derive(Default)]
pub(super) struct Plan {
    /// For a counter, the length of its name without `_total`. A counter that has no such name is
    /// represented as unknown: its name must not change.
    pub(super) base: Option<usize>,
    /// The values of the family `…_created` that belongs to this family, by their labels as text.
    pub(super) created: HashMap<Vec<u8>, f64>,
}

/// The suffixes that OpenMetrics reserves for samples of a kind.
pub(super) fn reserved_suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Histogram => &["_bucket", "_count", "_sum", "_created"],
        Kind::Summary => &["_count", "_sum", "_created"],
        _ => &[],
    }
}

/// Plans how OpenMetrics 1 represents each family.
///
/// Sample names of different families must not collide: a counter `x_total` is the family `x`, which must
/// not be another family or the sample name of one; `x_created` belongs to `x`. A counter whose base name
/// collides is represented as unknown. An external gauge `x_created` becomes samples of `x`. If that is
/// not possible, `x` is split into its samples and the gauge stays.
pub(super) fn plan(families: Vec<ExposedFamily>) -> Vec<(ExposedFamily, Plan)> {
    let families = split_invalid(families, |value| match value {
        Snapshot::Summary(summary) => summary.is_valid(),
        Snapshot::Histogram(histogram) => histogram.is_valid(),
        Snapshot::Scalar(_) => true,
    });
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

    let mut outputs = vec![Output::Family; families.len()];
    for (parent, exposed) in families.iter().enumerate() {
        let family = &exposed.family;
        let name = match (plans[parent].base, reserved_suffixes(family.kind)) {
            (None, []) => continue,
            (base, _) => &family.name[..base.unwrap_or(family.name.len())],
        };
        let Some(&gauge) = positions.get(&*format!("{name}_created")) else {
            continue;
        };
        match created_of(exposed, &families[gauge]) {
            Some(created) => {
                plans[parent].created = created;
                outputs[gauge] = Output::SamplesOfParent;
            }
            None if family.kind == Kind::Counter => plans[parent].base = None,
            None => outputs[parent] = Output::Split,
        }
    }
    let mut planned = Vec::with_capacity(families.len());
    for ((exposed, plan), output) in families.into_iter().zip(plans).zip(outputs) {
        match output {
            Output::Family => planned.push((exposed, plan)),
            Output::SamplesOfParent => {}
            Output::Split => {
                planned.extend(
                    split(&exposed)
                        .into_iter()
                        .map(|family| (family, Plan::default())),
                );
            }
        }
    }
    planned
}

/// The representation of a family.
#[derive(Clone, Copy)]
enum Output {
    /// It stays one family.
    Family,
    /// Its values become `_created` samples of another family.
    SamplesOfParent,
    /// It becomes one family for each of its sample names.
    Split,
}

/// The length of a counter's name without `_total`, if the name without `_total` collides with no other.
fn base_of(exposed: &ExposedFamily, kind_of: impl Fn(&str) -> Option<Kind>) -> Option<usize> {
    let Family { name, kind, .. } = &*exposed.family;
    let base = name
        .strip_suffix("_total")
        .filter(|base| !base.is_empty() && *kind == Kind::Counter)?;
    let is_sample = [Kind::Histogram, Kind::Summary].into_iter().any(|kind| {
        reserved_suffixes(kind).iter().any(|suffix| {
            let owner = base.strip_suffix(suffix);
            owner.is_some_and(|owner| kind_of(owner) == Some(kind))
        })
    });
    let of_another_counter = base
        .strip_suffix("_created")
        .is_some_and(|other| kind_of(&format!("{other}_total")).is_some());
    let collides = kind_of(base).is_some() || is_sample || of_another_counter;
    (!collides && has_counter_values(exposed)).then_some(base.len())
}

/// The values of `gauge` by their labels as text, if each of them belongs to a series of `parent`.
fn created_of(parent: &ExposedFamily, gauge: &ExposedFamily) -> Option<HashMap<Vec<u8>, f64>> {
    let mut created = HashMap::new();
    let mut count = 0;
    each(gauge, &mut |point| {
        count += 1;
        if let Snapshot::Scalar(value) = point.value {
            created.insert(point.labels.text().to_vec(), value.to_f64());
        }
    });
    let mut found = 0;
    each(parent, &mut |point| {
        found += usize::from(created.contains_key(point.labels.text()));
    });
    (found == count).then_some(created)
}

fn each(exposed: &ExposedFamily, visitor: &mut dyn FnMut(&DataPoint<'_>)) {
    for collector in &exposed.collectors {
        visit_all(&**collector, visitor);
    }
}

/// Splits the families of histograms and summaries that have a value for which `is_valid` returns false.
pub(super) fn split_invalid(
    families: Vec<ExposedFamily>,
    is_valid: fn(Snapshot<'_>) -> bool,
) -> Vec<ExposedFamily> {
    let all_valid = |exposed: &ExposedFamily| {
        let mut valid = true;
        if matches!(exposed.family.kind, Kind::Histogram | Kind::Summary) {
            each(exposed, &mut |point| valid &= is_valid(point.value));
        }
        valid
    };
    let mut result = Vec::with_capacity(families.len());
    for exposed in families {
        if all_valid(&exposed) {
            result.push(exposed);
        } else {
            result.extend(split(&exposed));
        }
    }
    result
}

/// Whether all values are valid for a counter. Those of another library may not be.
pub(super) fn has_counter_values(exposed: &ExposedFamily) -> bool {
    let external = exposed.collectors.iter().filter_map(ExternalFamily::of);
    external
        .flat_map(ExternalFamily::scalars)
        .all(|value| value >= 0.0)
}

impl HistogramSnapshot<'_> {
    /// Whether OpenMetrics 1 allows the histogram with its sum: without negative buckets and with a sum that
    /// is not negative.
    fn is_valid(&self) -> bool {
        let mut bounds = self.buckets.bounds().iter();
        self.sum >= 0.0 && bounds.all(|bound| *bound >= 0.0)
    }
}

impl SummarySnapshot {
    /// Whether OpenMetrics 1 allows the summary: its quantiles are from 0 to 1 with values that are not
    /// negative, its sum is not negative and its count is a natural number.
    fn is_valid(&self) -> bool {
        let mut quantiles = self.quantiles.iter();
        quantiles
            .all(|(at, _, value)| (0.0..=1.0).contains(at) && (*value >= 0.0 || value.is_nan()))
            && self.sum.is_none_or(|sum| sum >= 0.0)
            && self
                .count
                .is_none_or(|count| count >= 0.0 && count.fract() == 0.0)
    }

    /// Whether OpenMetrics 2 allows the summary, which must have a sum and a count.
    pub(super) fn is_complete(&self) -> bool {
        self.is_valid() && self.sum.is_some() && self.count.is_some()
    }
}

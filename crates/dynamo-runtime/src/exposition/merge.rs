//! Merges external families into our own: one family for each name.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::encode::{ExposedFamily, visit_all};
use super::external::ExternalFamily;
use super::loss::{Loss, Reason};
use crate::metrics::{Collector, Family, Kind, identity};

/// Merges external families, in the order given, into families sorted by name. The result is sorted by name.
///
/// An external family joins the family of its name and takes its description. It is dropped if the kinds
/// differ, or if its name is the name of another family's samples. A series is dropped if the
/// family already has it.
pub(crate) fn merge(
    families: Vec<ExposedFamily>,
    external: impl Iterator<Item = ExternalFamily>,
) -> (Vec<ExposedFamily>, Vec<Loss>) {
    let mut losses = Vec::new();
    let mut merged: BTreeMap<String, ExposedFamily> = families
        .into_iter()
        .map(|exposed| (exposed.family.name.clone(), exposed))
        .collect();
    for mut external in external {
        if collides(&merged, &external.family) {
            losses.push(external.lost(Reason::SampleName));
            continue;
        }
        let Some(exposed) = merged.get_mut(&external.family.name) else {
            let family = Arc::clone(&external.family);
            let collectors = vec![Arc::new(external) as Arc<dyn Collector>];
            merged.insert(family.name.clone(), ExposedFamily { family, collectors });
            continue;
        };
        if !can_join(external.family.kind, exposed.family.kind) {
            losses.push(external.lost(Reason::OtherType));
            continue;
        }
        let duplicates = drop_duplicates(&mut external, &exposed.collectors);
        losses.extend(external.lost_series(Reason::Duplicate, duplicates));
        exposed.collectors.push(Arc::new(external));
    }
    (merged.into_values().collect(), losses)
}

/// Hides the series that the collectors have. Returns their number.
fn drop_duplicates(external: &mut ExternalFamily, collectors: &[Arc<dyn Collector>]) -> u64 {
    let mut taken: HashSet<Vec<u8>> = HashSet::new();
    for collector in collectors {
        visit_all(&**collector, &mut |point| {
            taken.insert(identity(point.labels.text()).into_owned());
        });
    }
    let mut count = 0;
    external.retain(|labels| {
        let is_new = !taken.contains(labels);
        count += u64::from(!is_new);
        is_new
    });
    count
}

fn can_join(new: Kind, existing: Kind) -> bool {
    let is_number = matches!(existing, Kind::Counter | Kind::Gauge);
    new == existing || new == Kind::Unknown && is_number
}

/// Whether the family's name is a sample name of another family, or one of its sample names is the name of
/// another family.
pub(super) fn collides(families: &BTreeMap<String, ExposedFamily>, family: &Family) -> bool {
    let kind_of = |name: &str| families.get(name).map(|exposed| exposed.family.kind);
    let is_sample = ["_bucket", "_sum", "_count"].iter().any(|suffix| {
        let owner = family.name.strip_suffix(suffix).and_then(kind_of);
        owner.is_some_and(|kind| kind.sample_suffixes().contains(suffix))
    });
    let mut suffixes = family.kind.sample_suffixes().iter();
    is_sample || suffixes.any(|suffix| kind_of(&format!("{}{suffix}", family.name)).is_some())
}

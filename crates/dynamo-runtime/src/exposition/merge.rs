//! Our own families and those of other libraries on one page: one family for each name.

use std::collections::{BTreeMap, HashSet};
use std::ops::Add;
use std::sync::Arc;

use super::foreign::Part;
use super::{Exposed, visit_all};
use crate::metrics::{Family, Kind, Source};

/// What there was no place for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) families: u64,
    pub(crate) series: u64,
}

impl Add for Dropped {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Dropped {
            families: self.families + other.families,
            series: self.series + other.series,
        }
    }
}

/// Adds parts, in the order given, to families sorted by name, and keeps them sorted.
///
/// A part joins the family of its name, under the description that is there. It is dropped if its
/// kind is another one, or its name is that of another family's samples; a series is dropped if the
/// family has it already.
pub(crate) fn merge(
    families: Vec<Exposed>,
    parts: impl Iterator<Item = Part>,
) -> (Vec<Exposed>, Dropped) {
    let mut dropped = Dropped::default();
    let mut merged: BTreeMap<String, Exposed> = families
        .into_iter()
        .map(|exposed| (exposed.family.name.clone(), exposed))
        .collect();
    for part in parts {
        if collides(&merged, &part.family) {
            dropped.families += 1;
            continue;
        }
        let Some(exposed) = merged.get_mut(&part.family.name) else {
            let family = Arc::clone(&part.family);
            let sources = vec![Arc::new(part) as Arc<dyn Source>];
            merged.insert(family.name.clone(), Exposed { family, sources });
            continue;
        };
        if !can_join(part.family.kind, exposed.family.kind) {
            dropped.families += 1;
            continue;
        }
        let mut part = part;
        dropped.series += drop_duplicates(&mut part, &exposed.sources);
        exposed.sources.push(Arc::new(part));
    }
    (merged.into_values().collect(), dropped)
}

/// Takes out the series that the sources have, and says how many there were.
fn drop_duplicates(part: &mut Part, sources: &[Arc<dyn Source>]) -> u64 {
    let mut taken: HashSet<Vec<u8>> = HashSet::new();
    for source in sources {
        visit_all(&**source, &mut |point| {
            taken.insert(point.labels.text().to_vec());
        });
    }
    let mut count = 0;
    part.retain(|labels| {
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

/// Whether the family's name, or that of its samples, is another family's sample's, or name.
fn collides(families: &BTreeMap<String, Exposed>, family: &Family) -> bool {
    let kind_of = |name: &str| families.get(name).map(|exposed| exposed.family.kind);
    let is_sample = ["_bucket", "_sum", "_count"].iter().any(|suffix| {
        let owner = family.name.strip_suffix(suffix).and_then(kind_of);
        owner.is_some_and(|kind| kind.samples().contains(suffix))
    });
    let mut samples = family.kind.samples().iter();
    is_sample || samples.any(|suffix| kind_of(&format!("{}{suffix}", family.name)).is_some())
}

//! The families of a runtime: what may share a name, and what a scrape finds.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock};

use super::buckets::Buckets;
use super::desc::Desc;
use super::errors::{Difference, MetricsError};
use super::kind::{Kind, Reading};
use crate::hierarchy::Path;
use crate::sync::{read, write};

/// Numbers the series of a registry in order of creation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence(Arc<AtomicU64>);

impl Sequence {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }
}

/// How far the listing of a metric's series has come, in sequence numbers.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    /// The first one not shown yet.
    pub(super) next: u64,
    /// The last one to show.
    pub(super) last: u64,
}

impl Cursor {
    /// Nothing is shown yet.
    pub(crate) const START: Cursor = Cursor {
        next: 0,
        last: u64::MAX,
    };
}

/// Takes a series: its sequence number, its rendered labels, its value.
pub(crate) type Visitor<'a> = dyn FnMut(u64, &[u8], Reading<'_>) + 'a;

/// A metric as the registry sees it: one series or a vec of them.
pub(crate) trait Member: Any + Send + Sync {
    fn desc(&self) -> &Arc<Desc>;

    /// The metric type's name, for messages.
    fn type_name(&self) -> &'static str;

    /// Shows up to `limit` series, in order of creation; returns where to go on, if there are more.
    /// Holds the metric's lock only for so long. Series younger than the first call are left out:
    /// one that was removed and created again in between would be shown twice.
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor>;
}

/// What the metrics of one name have in common.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) buckets: Option<Arc<Buckets>>,
}

/// A family and those of its metrics that a scrape is about, in order of creation.
pub(crate) struct Gathered {
    pub(crate) family: Arc<Family>,
    pub(crate) members: Vec<Arc<dyn Member>>,
}

/// The families of one runtime, by name.
#[derive(Default)]
pub(crate) struct Registry {
    families: RwLock<BTreeMap<String, Gathered>>,
    sequence: Sequence,
}

impl Registry {
    /// Registers the metric that `make` creates, or returns the identical one that is there.
    pub(crate) fn register<M: Member>(
        &self,
        desc: Desc,
        type_name: &'static str,
        buckets: Option<&Arc<Buckets>>,
        make: impl FnOnce(Arc<Desc>, &Sequence) -> M,
    ) -> Result<Arc<M>, MetricsError> {
        let mut families = write(&self.families);
        if let Some(gathered) = families.get(&desc.name) {
            gathered.family.check(&desc, buckets, &gathered.members)?;
            for member in &gathered.members {
                if member.desc().is_identical(&desc)
                    && let Ok(same) = (Arc::clone(member) as Arc<dyn Any + Send + Sync>).downcast()
                {
                    return Ok(same);
                }
                if member.desc().overlaps(&desc) {
                    let label_names = desc.all_label_names().into_iter().map(str::to_owned);
                    return Err(conflict(
                        &desc,
                        member.desc(),
                        Difference::SameSeries {
                            new: type_name,
                            existing: member.type_name(),
                            label_names: label_names.collect(),
                        },
                    ));
                }
            }
        }
        check_sample_names(&families, &desc)?;

        let desc = Arc::new(desc);
        let member = Arc::new(make(Arc::clone(&desc), &self.sequence));
        families
            .entry(desc.name.clone())
            .or_insert_with(|| Gathered {
                family: Arc::new(Family {
                    name: desc.name.clone(),
                    help: desc.help.clone(),
                    kind: desc.kind,
                    buckets: buckets.cloned(),
                }),
                members: Vec::new(),
            })
            .members
            .push(Arc::clone(&member) as Arc<dyn Member>);
        Ok(member)
    }

    /// Takes a metric out of the scrape and says whether it was in.
    pub(crate) fn unregister(&self, desc: &Arc<Desc>) -> bool {
        let mut families = write(&self.families);
        let Some(gathered) = families.get_mut(&desc.name) else {
            return false;
        };
        let before = gathered.members.len();
        gathered
            .members
            .retain(|member| !Arc::ptr_eq(member.desc(), desc));
        let found = gathered.members.len() < before;
        if gathered.members.is_empty() {
            families.remove(&desc.name);
        }
        found
    }

    /// The families with metrics of `scope` or below it, sorted by name.
    pub(crate) fn gather(&self, scope: &Path) -> Vec<Gathered> {
        read(&self.families)
            .values()
            .filter_map(|gathered| {
                let members: Vec<_> = gathered
                    .members
                    .iter()
                    .filter(|member| scope.contains(&member.desc().owner))
                    .cloned()
                    .collect();
                let family = Arc::clone(&gathered.family);
                (!members.is_empty()).then_some(Gathered { family, members })
            })
            .collect()
    }
}

impl Family {
    /// Refuses a metric that cannot be of this family.
    fn check(
        &self,
        desc: &Desc,
        buckets: Option<&Arc<Buckets>>,
        members: &[Arc<dyn Member>],
    ) -> Result<(), MetricsError> {
        let bounds = |buckets: Option<&Arc<Buckets>>| {
            buckets.map_or_else(Vec::new, |buckets| buckets.bounds().to_vec())
        };
        let (new, existing) = (bounds(buckets), bounds(self.buckets.as_ref()));
        let difference = if desc.kind != self.kind {
            Difference::Kind {
                new: desc.kind,
                existing: self.kind,
            }
        } else if desc.help != self.help {
            Difference::Help {
                new: desc.help.clone(),
                existing: self.help.clone(),
            }
        } else if new != existing {
            Difference::Buckets { new, existing }
        } else {
            return Ok(());
        };
        // A family in the registry has a member.
        members.first().map_or(Ok(()), |member| {
            Err(conflict(desc, member.desc(), difference))
        })
    }
}

/// The suffixes of a histogram's samples.
const SAMPLE_SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Refuses a name that a histogram's samples have, and a histogram whose samples' names are taken.
fn check_sample_names(
    families: &BTreeMap<String, Gathered>,
    desc: &Desc,
) -> Result<(), MetricsError> {
    let first = |name: &str| {
        families
            .get(name)
            .and_then(|gathered| gathered.members.first())
    };
    for suffix in SAMPLE_SUFFIXES {
        let histogram = desc.name.strip_suffix(suffix).and_then(first);
        if let Some(other) = histogram.filter(|other| other.desc().kind == Kind::Histogram) {
            let family = other.desc().name.clone();
            return Err(conflict(
                desc,
                other.desc(),
                Difference::SampleName { family, suffix },
            ));
        }
        if desc.kind == Kind::Histogram
            && let Some(other) = first(&format!("{}{suffix}", desc.name))
        {
            let family = desc.name.clone();
            return Err(conflict(
                desc,
                other.desc(),
                Difference::SampleName { family, suffix },
            ));
        }
    }
    Ok(())
}

fn conflict(new: &Desc, existing: &Desc, difference: Difference) -> MetricsError {
    MetricsError::Conflict {
        name: new.name.clone(),
        owner: new.owner.to_string(),
        other_owner: existing.owner.to_string(),
        difference: Box::new(difference),
    }
}

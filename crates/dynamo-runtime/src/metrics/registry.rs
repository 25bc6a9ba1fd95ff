//! The families of a runtime: what may share a name, and what a scrape finds.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock, Weak};
use std::time::Duration;

use super::desc::Desc;
use super::errors::{Difference, MetricsError};
use super::exemplar::Exemplars;
use super::kind::{Instrument, Kind, Layout, Reading};
use super::labels::Labels;
use super::metric::SingleCore;
use crate::hierarchy::Path;
use crate::prometheus_names::name_prefix;
use crate::sync::{read, write};

/// One series at the moment of a scrape: its labels, its value and what belongs to it.
pub(crate) struct Point<'a> {
    /// Places the series among all of its family in order of creation.
    pub(crate) sequence: u64,
    pub(crate) labels: Labels<'a>,
    pub(crate) reading: Reading<'a>,
    /// When it was born, since 1970, UTC.
    pub(crate) created: Option<Duration>,
    /// When it was measured, in milliseconds since 1970, if that is not now.
    pub(crate) timestamp: Option<i64>,
    pub(crate) exemplars: Option<&'a Exemplars>,
}

/// How far the listing of a source's series has come, in sequence numbers.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    /// The first one not shown yet.
    pub(crate) next: u64,
    /// The last one to show.
    pub(crate) last: u64,
}

impl Cursor {
    /// Nothing is shown yet.
    pub(crate) const START: Cursor = Cursor {
        next: 0,
        last: u64::MAX,
    };
}

/// Takes a series.
pub(crate) type Visitor<'a> = dyn FnMut(&Point<'_>) + 'a;

/// Some series of one family.
pub(crate) trait Source: Any + Send + Sync {
    /// Shows up to `limit` series, in order of creation; returns where to go on, if there are more.
    /// Holds a lock only for so long. Series younger than the first call are left out: one that was
    /// removed and created again in between would be shown twice.
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor>;

    /// Lets go of series that nobody has updated for as long as they may be idle.
    fn expire(&self) {}
}

/// A metric as the registry sees it: one series or a vec of them.
pub(crate) trait Member: Source {
    fn desc(&self) -> &Arc<Desc>;

    /// The metric type's name, for messages.
    fn type_name(&self) -> &'static str;

    /// What all histograms of its family have in common.
    fn layout(&self) -> Layout;
}

/// What the metrics of one name have in common.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    /// Whether formats must put the name into quotes: it has characters that Prometheus did not
    /// always allow. Never so for our own metrics.
    pub(crate) is_quoted: bool,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) unit: Option<String>,
    pub(crate) layout: Layout,
}

/// A family and those of its metrics that a scrape is about, in order of creation.
pub(crate) struct Gathered {
    pub(crate) family: Arc<Family>,
    pub(crate) members: Vec<Arc<dyn Member>>,
}

/// The families of one runtime, by name. Clones are handles of the same ones.
#[derive(Clone)]
pub(crate) struct Registry(Arc<Inner>);

struct Inner {
    families: RwLock<BTreeMap<String, Gathered>>,
    /// Names that no metric may take from now on, each with whose it is and what to do.
    reserved: RwLock<HashMap<String, Arc<str>>>,
    /// Numbers the series in order of creation.
    next_sequence: AtomicU64,
    /// How many series a vec has at most unless it says otherwise; 0 for any number.
    max_series: usize,
}

/// A handle that does not keep the families alive: what the families themselves hold.
#[derive(Clone)]
pub(crate) struct WeakRegistry(Weak<Inner>);

impl WeakRegistry {
    pub(crate) fn upgrade(&self) -> Option<Registry> {
        self.0.upgrade().map(Registry)
    }
}

impl Registry {
    pub(crate) fn new(max_series: usize) -> Self {
        Registry(Arc::new(Inner {
            families: RwLock::default(),
            reserved: RwLock::default(),
            next_sequence: AtomicU64::new(0),
            max_series,
        }))
    }

    pub(crate) fn downgrade(&self) -> WeakRegistry {
        WeakRegistry(Arc::downgrade(&self.0))
    }

    /// The place of a series that is created now among all.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.0.next_sequence.fetch_add(1, Relaxed)
    }

    /// How many series a vec has at most unless it says otherwise; 0 for any number.
    pub(crate) fn max_series(&self) -> usize {
        self.0.max_series
    }

    /// Refuses these names to metrics that are created from now on.
    pub(crate) fn reserve(&self, names: impl IntoIterator<Item = String>, reason: &str) {
        let reason: Arc<str> = reason.into();
        let names = names.into_iter().map(|name| (name, Arc::clone(&reason)));
        write(&self.0.reserved).extend(names);
    }

    fn check_reserved(&self, desc: &Desc) -> Result<(), MetricsError> {
        let reserved = read(&self.0.reserved);
        let samples = match desc.kind {
            Kind::Histogram => Kind::Histogram.samples(),
            _ => &[],
        };
        for suffix in [""].iter().chain(samples) {
            let name = format!("{}{suffix}", desc.name);
            if let Some(reason) = reserved.get(&name) {
                return Err(MetricsError::Reserved {
                    metric: desc.name.clone(),
                    owner: desc.owner.to_string(),
                    name,
                    reason: reason.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Registers the metric that `make` creates, or returns the identical one that is there.
    pub(crate) fn register<M: Member>(
        &self,
        desc: Desc,
        type_name: &'static str,
        layout: Layout,
        make: impl FnOnce(Arc<Desc>, &Registry) -> M,
    ) -> Result<Arc<M>, MetricsError> {
        self.check_reserved(&desc)?;
        let mut families = write(&self.0.families);
        if let Some(gathered) = families.get(&desc.name) {
            gathered.family.check(&desc, &layout, &gathered.members)?;
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
        let member = Arc::new(make(Arc::clone(&desc), self));
        Family::join(&mut families, Arc::clone(&member) as Arc<dyn Member>);
        Ok(member)
    }

    /// Registers a metric of the runtime itself.
    pub(crate) fn own<I: Instrument<Options = ()>>(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
    ) -> Result<Arc<SingleCore<I>>, MetricsError> {
        let desc = Desc::own(name, help, I::KIND, labels)?;
        self.register(desc, I::TYPE_NAME, Layout::default(), |desc, registry| {
            SingleCore::new(desc, &(), registry)
        })
    }

    /// Registers a figure of how the runtime itself fares; `name` is without the prefix.
    pub(crate) fn figure<I: Instrument<Options = ()>>(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
    ) -> Result<Arc<SingleCore<I>>, MetricsError> {
        self.own(&format!("{}_{name}", name_prefix::RUNTIME), help, labels)
    }

    /// Registers a metric that other registries show as well.
    pub(crate) fn adopt(&self, member: Arc<dyn Member>) -> Result<(), MetricsError> {
        let mut families = write(&self.0.families);
        let desc = Arc::clone(member.desc());
        if let Some(gathered) = families.get(&desc.name) {
            gathered
                .family
                .check(&desc, &member.layout(), &gathered.members)?;
        }
        check_sample_names(&families, &desc)?;
        Family::join(&mut families, member);
        Ok(())
    }

    /// Takes a metric out of the scrape and says whether it was in.
    pub(crate) fn unregister(&self, desc: &Arc<Desc>) -> bool {
        let mut families = write(&self.0.families);
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
        read(&self.0.families)
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
    /// Adds a metric to the family of its name, which it has been checked for.
    fn join(families: &mut BTreeMap<String, Gathered>, member: Arc<dyn Member>) {
        let desc = Arc::clone(member.desc());
        let gathered = families
            .entry(desc.name.clone())
            .or_insert_with(|| Gathered {
                family: Arc::new(Family {
                    name: desc.name.clone(),
                    is_quoted: false,
                    help: desc.help.clone(),
                    kind: desc.kind,
                    unit: desc.unit.clone(),
                    layout: member.layout(),
                }),
                members: Vec::new(),
            });
        gathered.members.push(member);
    }

    /// Refuses a metric that cannot be of this family.
    fn check(
        &self,
        desc: &Desc,
        layout: &Layout,
        members: &[Arc<dyn Member>],
    ) -> Result<(), MetricsError> {
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
        } else if desc.unit != self.unit {
            Difference::Unit {
                new: desc.unit.clone(),
                existing: self.unit.clone(),
            }
        } else if *layout != self.layout {
            Difference::Buckets {
                new: layout.to_string(),
                existing: self.layout.to_string(),
            }
        } else {
            return Ok(());
        };
        // A family in the registry has a member.
        members.first().map_or(Ok(()), |member| {
            Err(conflict(desc, member.desc(), difference))
        })
    }
}

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
    for suffix in Kind::Histogram.samples() {
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

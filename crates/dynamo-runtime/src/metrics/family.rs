//! Families, and the rules by which metrics share a name.

use std::sync::Arc;

use super::collector::MetricCollector;
use super::desc::Desc;
use super::errors::{Difference, MetricsError};
use super::instrument::BucketLayout;
use super::kind::Kind;
use super::name::is_valid;
use super::registry::Families;
use super::storage::Across;

/// The properties that all metrics of one name have in common.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    /// Whether formats must quote the name: it has characters outside `[a-zA-Z0-9_:]`.
    pub(crate) is_quoted: bool,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) unit: Option<String>,
    pub(crate) buckets: BucketLayout,
    pub(crate) across: Across,
}

/// A family and its metrics in order of creation: all of them in a registry, those of one scope in a
/// scrape.
pub(crate) struct GatheredFamily {
    pub(crate) family: Arc<Family>,
    pub(crate) collectors: Vec<Arc<dyn MetricCollector>>,
}

impl GatheredFamily {
    /// The family of `first`, still without collectors.
    pub(super) fn new(first: &dyn MetricCollector) -> Self {
        let desc = first.desc();
        GatheredFamily {
            family: Arc::new(Family {
                name: desc.name.clone(),
                is_quoted: !is_valid(&desc.name),
                help: desc.help.clone(),
                kind: desc.kind,
                unit: desc.unit.clone(),
                buckets: first.bucket_layout(),
                across: desc.across,
            }),
            collectors: Vec::new(),
        }
    }

    /// The metric with this metadata.
    pub(super) fn find(&self, desc: &Arc<Desc>) -> Option<&Arc<dyn MetricCollector>> {
        let mut collectors = self.collectors.iter();
        collectors.find(|collector| Arc::ptr_eq(collector.desc(), desc))
    }

    /// Refuses a metric that differs from the family in kind, description, unit or buckets.
    pub(super) fn check(&self, desc: &Desc, buckets: &BucketLayout) -> Result<(), MetricsError> {
        let Family {
            help,
            kind,
            unit,
            buckets: existing_buckets,
            across,
            ..
        } = &*self.family;
        let difference = if desc.kind != *kind {
            Difference::Kind {
                new: desc.kind,
                existing: *kind,
            }
        } else if desc.help != *help {
            Difference::Help {
                new: desc.help.clone(),
                existing: help.clone(),
            }
        } else if desc.unit != *unit {
            Difference::Unit {
                new: desc.unit.clone(),
                existing: unit.clone(),
            }
        } else if buckets != existing_buckets {
            Difference::Buckets {
                new: buckets.to_string(),
                existing: existing_buckets.to_string(),
            }
        } else if desc.across != *across {
            Difference::Across {
                new: desc.across,
                existing: *across,
            }
        } else {
            return Ok(());
        };
        // A family in the registry has at least one collector.
        self.collectors.first().map_or(Ok(()), |collector| {
            Err(conflict(desc, collector.desc(), difference))
        })
    }
}

/// Refuses a name that the samples of a histogram or summary have, and a histogram or summary with a
/// sample name that is another family's name.
pub(super) fn check_sample_names(families: &Families, desc: &Desc) -> Result<(), MetricsError> {
    let first = |name: &str| {
        families
            .get(name)
            .and_then(|family| family.gathered.collectors.first())
    };
    for suffix in Kind::Histogram.sample_suffixes() {
        let has = |desc: &Desc| desc.kind.sample_suffixes().contains(suffix);
        let of = |family: &Desc| Difference::SampleName {
            family: family.name.clone(),
            kind: family.kind,
            suffix,
        };
        let owner = desc.name.strip_suffix(suffix).and_then(first);
        if let Some(other) = owner.filter(|other| has(other.desc())) {
            return Err(conflict(desc, other.desc(), of(other.desc())));
        }
        if has(desc)
            && let Some(other) = first(&format!("{}{suffix}", desc.name))
        {
            return Err(conflict(desc, other.desc(), of(desc)));
        }
    }
    Ok(())
}

pub(super) fn conflict(new: &Desc, existing: &Desc, difference: Difference) -> MetricsError {
    MetricsError::Conflict {
        name: new.name.clone(),
        owner: new.owner.to_string(),
        other_owner: existing.owner.to_string(),
        difference: Box::new(difference),
    }
}

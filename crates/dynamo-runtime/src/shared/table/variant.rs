//! The metrics of one name that can be merged.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::records::FamilyRecord;
use crate::metrics::{Across, BucketLayout, Buckets, Family, Kind, Path, WordType, is_valid_name};

/// The metrics of one name that can be merged.
pub(in crate::shared) struct Variant {
    pub(super) name: String,
    pub(super) shape: Shape,
    /// Of the newest record, when `created` was.
    pub(super) help: String,
    pub(super) unit: Option<String>,
    pub(super) described: u64,
    /// The newest record among the members of a scrape.
    pub(super) newest: u64,
    pub(super) buckets: Option<Arc<Buckets>>,
    pub(super) family: Option<Arc<Family>>,
    pub(super) by_labels: HashMap<(Vec<(String, String)>, Path), u32>,
}

/// The properties that metrics must agree in to be merged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) across: Across,
    pub(super) bounds: Vec<f64>,
    pub(super) native: Option<String>,
}

impl Variant {
    pub(super) fn family(&mut self, name: &str) -> Arc<Family> {
        let Variant {
            shape, help, unit, ..
        } = self;
        let family = self.family.get_or_insert_with(|| {
            Arc::new(Family {
                name: name.to_owned(),
                is_quoted: !is_valid_name(name),
                help: help.clone(),
                kind: shape.kind,
                unit: unit.clone(),
                buckets: BucketLayout {
                    bounds: shape.bounds.clone(),
                    native: shape.native.clone(),
                },
                across: shape.across,
            })
        });
        Arc::clone(family)
    }

    /// Whether values count after the end of their process.
    pub(in crate::shared) fn outlives_process(&self) -> bool {
        self.shape.across.outlives_process(self.shape.kind)
    }

    pub(in crate::shared) fn record(
        &self,
        name: &str,
        owner: &Path,
        word_type: WordType,
    ) -> FamilyRecord {
        FamilyRecord {
            created: self.newest.max(self.described),
            kind: self.shape.kind,
            word_type,
            across: self.shape.across,
            name: name.to_owned(),
            help: self.help.clone(),
            unit: self.unit.clone(),
            owner: owner.clone(),
            bounds: self.shape.bounds.clone(),
            native: self.shape.native.clone(),
        }
    }
}

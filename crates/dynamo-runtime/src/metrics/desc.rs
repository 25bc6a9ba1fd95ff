//! What a metric is, apart from its values.

use super::errors::MetricsError;
use super::kind::Kind;
use super::labels::{self, Template};
use crate::hierarchy::Path;

/// The description of a metric; all its series share it.
#[derive(Debug)]
pub(crate) struct Desc {
    /// As on the page.
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    /// The node that created it.
    pub(crate) owner: Path,
    /// The hierarchy's labels, then the user's in the order given.
    pub(crate) const_labels: Vec<(String, String)>,
    pub(crate) label_names: Vec<String>,
    pub(crate) template: Template,
}

impl Desc {
    /// Checks the labels and puts the hierarchy's before them.
    pub(crate) fn new(
        name: String,
        help: &str,
        kind: Kind,
        owner: &Path,
        const_labels: &[(&str, &str)],
        label_names: &[&str],
    ) -> Result<Self, MetricsError> {
        let users = const_labels.iter().map(|(name, _)| *name);
        labels::check(&name, users.chain(label_names.iter().copied()))?;
        let users = const_labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let const_labels: Vec<_> = owner
            .labels()
            .map(|(name, value)| (name.to_owned(), value))
            .chain(users)
            .collect();
        let label_names: Vec<_> = label_names.iter().map(|&name| name.to_owned()).collect();
        Ok(Desc {
            name,
            help: help.to_owned(),
            kind,
            owner: owner.clone(),
            template: Template::new(&const_labels, &label_names),
            const_labels,
            label_names,
        })
    }

    /// All label names, sorted.
    pub(crate) fn all_label_names(&self) -> Vec<&str> {
        let constants = self.const_labels.iter().map(|(name, _)| name.as_str());
        let mut names: Vec<_> = constants
            .chain(self.label_names.iter().map(String::as_str))
            .collect();
        names.sort_unstable();
        names
    }

    /// Whether a series of this metric and one of `other`, of the same name, could be the same:
    /// equal label names, and no constant label that keeps them apart by its value.
    pub(crate) fn overlaps(&self, other: &Desc) -> bool {
        let apart = self.const_labels.iter().any(|(name, value)| {
            other
                .const_labels
                .iter()
                .any(|(other_name, other_value)| name == other_name && value != other_value)
        });
        !apart && self.all_label_names() == other.all_label_names()
    }

    /// Whether `other` describes the very same metric.
    pub(crate) fn is_identical(&self, other: &Desc) -> bool {
        let sorted = |desc: &Desc| {
            let mut labels = desc.const_labels.clone();
            labels.sort_unstable();
            labels
        };
        self.name == other.name
            && self.kind == other.kind
            && self.help == other.help
            && self.owner == other.owner
            && self.label_names == other.label_names
            && sorted(self) == sorted(other)
    }
}

//! The metadata of a metric: name, description, unit, labels.

use super::errors::MetricsError;
use super::kind::Kind;
use super::labels::{self, Template};
use super::name::NameStyle;
use super::path::Path;
use super::storage::Across;

/// The description of a metric, and optionally its unit.
///
/// A `&str` converts to a description without a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    help: &'a str,
    unit: Option<&'a str>,
    across: Option<Across>,
}

impl<'a> Description<'a> {
    /// The text shown as `# HELP`.
    pub fn new(help: &'a str) -> Self {
        Description {
            help,
            unit: None,
            across: None,
        }
    }

    /// Sets how an exposition of several processes shows the metric; see
    /// [`Config::shared_dir`](crate::Config::shared_dir). The default is [`Across::Each`] for gauges. The other
    /// kinds are sums over all processes that ever ran, unless they are [`Across::Each`] as well.
    pub fn across(self, across: Across) -> Self {
        Description {
            across: Some(across),
            ..self
        }
    }

    /// Adds the unit, such as `seconds` or `bytes`. The name of the metric must end in it, before the
    /// `_total` of a counter. OpenMetrics and protobuf show units.
    pub fn unit(self, unit: &'a str) -> Self {
        Description {
            unit: Some(unit),
            ..self
        }
    }
}

impl<'a> From<&'a str> for Description<'a> {
    fn from(help: &'a str) -> Self {
        Self::new(help)
    }
}

impl<'a> From<&'a String> for Description<'a> {
    fn from(help: &'a String) -> Self {
        Self::new(help)
    }
}

/// The metadata of a metric, shared by all its series.
#[derive(Debug)]
pub struct Desc {
    /// The name on `/metrics`.
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) unit: Option<String>,
    pub(crate) kind: Kind,
    /// How an exposition of several processes shows it.
    pub(crate) across: Across,
    /// The node that created it.
    pub(crate) owner: Path,
    /// The hierarchy labels, then the user's in the order given; none of them is empty.
    pub(crate) const_labels: Vec<(String, String)>,
    pub(crate) label_names: Vec<String>,
    pub(crate) template: Template,
}

impl Desc {
    /// Checks the labels and the unit, and adds the hierarchy labels.
    pub(crate) fn new(
        name: String,
        description: Description<'_>,
        kind: Kind,
        owner: &Path,
        style: NameStyle,
        const_labels: &[(&str, &str)],
        label_names: &[&str],
    ) -> Result<Self, MetricsError> {
        let users = const_labels.iter().map(|(name, _)| *name);
        labels::check(&name, users.chain(label_names.iter().copied()))?;
        check_unit(&name, kind, description.unit)?;
        let across = match (description.across, kind) {
            (across, Kind::Gauge) => across.unwrap_or(Across::Each),
            (Some(Across::Each), _) => Across::Each,
            (None | Some(Across::Sum), _) => Across::Sum,
            (Some(_), _) => return Err(MetricsError::Across { metric: name, kind }),
        };
        // A label with an empty value is no label.
        let users = const_labels
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let hierarchy = owner.labels(style);
        let hierarchy = hierarchy.map(|(name, value)| (name.to_owned(), value));
        let const_labels: Vec<_> = hierarchy.chain(users).collect();
        let label_names: Vec<_> = label_names.iter().map(|&name| name.to_owned()).collect();
        Ok(Desc {
            name,
            help: description.help.to_owned(),
            unit: description.unit.map(str::to_owned),
            kind,
            across,
            owner: owner.clone(),
            template: Template::new(&const_labels, &label_names),
            const_labels,
            label_names,
        })
    }

    /// The metadata of a metric of the runtime itself.
    pub(crate) fn own<'a>(
        name: &str,
        description: impl Into<Description<'a>>,
        kind: Kind,
        labels: &[(&str, &str)],
    ) -> Result<Self, MetricsError> {
        let (name, root, style) = (name.to_owned(), Path::root(), NameStyle::default());
        Self::new(name, description.into(), kind, &root, style, labels, &[])
    }

    /// The metadata of a counter vec `m` with the label `a`, for tests.
    #[cfg(test)]
    pub(crate) fn counter_vec() -> Self {
        let (root, style) = (Path::root(), NameStyle::default());
        Self::new(
            "m".into(),
            "".into(),
            Kind::Counter,
            &root,
            style,
            &[],
            &["a"],
        )
        .unwrap()
    }

    /// Whether the value counts after the end of its process.
    pub(crate) fn outlives_process(&self) -> bool {
        self.across.outlives_process(self.kind)
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

    /// The constant labels that have a value, sorted by name.
    pub(super) fn labels_with_value(&self) -> Vec<(String, String)> {
        let mut labels = self.const_labels.clone();
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort_unstable();
        labels
    }

    /// Adds constant labels that the metric has not itself.
    pub(crate) fn with_labels(mut self, labels: &[(String, String)]) -> Self {
        let own = self.all_label_names();
        let missing: Vec<_> = labels
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .cloned()
            .collect();
        if !missing.is_empty() {
            self.const_labels.extend(missing);
            self.template = Template::new(&self.const_labels, &self.label_names);
        }
        self
    }

    /// Whether `other` describes the same metric.
    pub(crate) fn is_identical(&self, other: &Desc) -> bool {
        let sorted = |desc: &Desc| {
            let mut labels = desc.const_labels.clone();
            labels.sort_unstable();
            labels
        };
        self.name == other.name
            && self.kind == other.kind
            && self.help == other.help
            && self.unit == other.unit
            && self.across == other.across
            && self.owner == other.owner
            && self.label_names == other.label_names
            && sorted(self) == sorted(other)
    }
}

/// Refuses a unit that the name does not end in (OpenMetrics 1.0, "Unit").
fn check_unit(name: &str, kind: Kind, unit: Option<&str>) -> Result<(), MetricsError> {
    let Some(unit) = unit else {
        return Ok(());
    };
    let base = match kind {
        Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let named = base
        .strip_suffix(unit)
        .is_some_and(|rest| rest.ends_with('_'));
    if named && !unit.is_empty() {
        return Ok(());
    }
    Err(MetricsError::Unit {
        metric: name.to_owned(),
        unit: unit.to_owned(),
    })
}

//! The errors of creating and using metrics. Each message is one line: the value, the rule and the remedy.

use std::fmt;

use super::buckets::BucketsError;
use super::exemplar::MAX_EXEMPLAR_CHARS;
use super::native::NativeError;
use crate::prometheus_names::NameError;

/// Why a metric was not created.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A part of the node's path is empty.
    #[error(
        "the name of a {level} is empty: give every namespace, component and endpoint a name (\"a..b\" has an empty part)"
    )]
    EmptyPathPart {
        /// `namespace`, `component` or `endpoint`.
        level: &'static str,
    },
    /// A metric name, or a part of the path, cannot be sanitised.
    #[error("{what} {reason}")]
    Name {
        /// What has the name: `metric`, `namespace` and so on.
        what: &'static str,
        /// The name as given, and the reason.
        reason: NameError,
    },
    /// A [`Name::Absolute`](crate::Name::Absolute) is empty.
    #[error("full metric name {name:?} is empty: give the metric a name")]
    AbsoluteName {
        /// The name as given.
        name: String,
    },
    /// A label name is not valid.
    #[error("label name {label:?} of metric {metric:?} is not valid: use [a-zA-Z_][a-zA-Z0-9_]*")]
    LabelName {
        /// The metric's name as exposed.
        metric: String,
        /// The label name as given.
        label: String,
    },
    /// A label name is reserved.
    #[error(
        "label name {label:?} of metric {metric:?} is reserved: dynamo_namespace, dynamo_component, dynamo_endpoint and dynamo_process are added automatically, le, quantile and __* are reserved by Prometheus; choose another name"
    )]
    ReservedLabel {
        /// The metric's name as exposed.
        metric: String,
        /// The label name as given.
        label: String,
    },
    /// A label name is given twice.
    #[error(
        "label name {label:?} of metric {metric:?} is given twice: use each name once among constant and variable labels"
    )]
    DuplicateLabel {
        /// The metric's name as exposed.
        metric: String,
        /// The label name.
        label: String,
    },
    /// A label cannot be added to external series.
    #[error(
        "label name {label:?} cannot be added to the series of another library: use [a-zA-Z_][a-zA-Z0-9_]*, each name once, and neither le, quantile nor __*"
    )]
    AddedLabel {
        /// The label name as given.
        label: String,
    },
    /// A vec has no label names.
    #[error(
        "metric {metric:?} has no label names: a vec needs at least one; create a plain {kind} instead"
    )]
    NoLabelNames {
        /// The metric's name as exposed.
        metric: String,
        /// The kind of the metric.
        kind: super::Kind,
    },
    /// The bucket bounds are not valid.
    #[error("metric {metric:?}: {source}")]
    Buckets {
        /// The metric's name as exposed.
        metric: String,
        /// The reason.
        source: BucketsError,
    },
    /// The options of native buckets are not valid.
    #[error("metric {metric:?}: {source}")]
    Native {
        /// The metric's name as exposed.
        metric: String,
        /// The reason.
        source: NativeError,
    },
    /// The name does not end in the unit.
    #[error(
        "unit {unit:?} of metric {metric:?} is not in its name: end the name in _{} (a counter's in _{}_total), or leave the unit out",
        unit.escape_debug(),
        unit.escape_debug()
    )]
    Unit {
        /// The metric's name as exposed.
        metric: String,
        /// The unit as given.
        unit: String,
    },
    /// A metric that is no gauge has a rule for several processes.
    #[error(
        "metric {metric:?} is a {kind}, which is the sum of all processes: leave across out, it is for gauges"
    )]
    Across {
        /// The metric's name as exposed.
        metric: String,
        /// The kind of the metric.
        kind: super::Kind,
    },
    /// The storage that processes share has no room for the metric.
    #[error(
        "metric {metric:?} cannot be stored in the shared directory: {reason}: make room there, or unset DYN_METRICS_SHARED_DIR"
    )]
    Storage {
        /// The metric's name as exposed.
        metric: String,
        /// The error of the system.
        reason: String,
    },
    /// The name, or the name of one of the metric's samples, belongs to the program that exposes the
    /// metrics.
    #[error(
        "metric {metric:?} of {owner} cannot be created: the name {name:?} is reserved: {reason}"
    )]
    Reserved {
        /// The metric's name as exposed.
        metric: String,
        /// The node that would own the metric.
        owner: String,
        /// The reserved name.
        name: String,
        /// The owner of the name, and what to do.
        reason: String,
    },
    /// A metric with the same name differs, or has the same series.
    #[error("metric {name:?} of {owner} conflicts with the one of {other_owner}: {difference}")]
    Conflict {
        /// The metric's name as exposed.
        name: String,
        /// The node of the new metric.
        owner: String,
        /// The node of the existing metric.
        other_owner: String,
        /// The difference, and the remedy.
        difference: Box<Difference>,
    },
}

impl MetricsError {
    /// The reason as a short stable word: `"conflict"`.
    pub fn reason(&self) -> &'static str {
        match self {
            MetricsError::EmptyPathPart { .. } => "empty_path_part",
            MetricsError::Name { .. } | MetricsError::AbsoluteName { .. } => "bad_name",
            MetricsError::LabelName { .. } | MetricsError::AddedLabel { .. } => "bad_label",
            MetricsError::ReservedLabel { .. } => "reserved_label",
            MetricsError::DuplicateLabel { .. } => "duplicate_label",
            MetricsError::NoLabelNames { .. } => "no_label_names",
            MetricsError::Buckets { .. } => "bad_buckets",
            MetricsError::Native { .. } => "bad_native_buckets",
            MetricsError::Unit { .. } => "bad_unit",
            MetricsError::Across { .. } => "bad_across",
            MetricsError::Storage { .. } => "storage",
            MetricsError::Reserved { .. } => "reserved_name",
            MetricsError::Conflict { .. } => "conflict",
        }
    }

    /// The metric's name as exposed, or as given if it cannot be exposed. `None` if the error is about
    /// something else.
    pub fn metric(&self) -> Option<&str> {
        match self {
            MetricsError::EmptyPathPart { .. } | MetricsError::AddedLabel { .. } => None,
            MetricsError::Name { what, reason } => (*what == "metric").then_some(&reason.raw),
            MetricsError::AbsoluteName { name } | MetricsError::Conflict { name, .. } => Some(name),
            MetricsError::LabelName { metric, .. }
            | MetricsError::ReservedLabel { metric, .. }
            | MetricsError::DuplicateLabel { metric, .. }
            | MetricsError::NoLabelNames { metric, .. }
            | MetricsError::Buckets { metric, .. }
            | MetricsError::Native { metric, .. }
            | MetricsError::Unit { metric, .. }
            | MetricsError::Across { metric, .. }
            | MetricsError::Storage { metric, .. }
            | MetricsError::Reserved { metric, .. } => Some(metric),
        }
    }

    /// The nodes of two metrics in conflict, the new metric's first.
    pub fn owners(&self) -> Option<[&str; 2]> {
        match self {
            MetricsError::Conflict {
                owner, other_owner, ..
            } => Some([owner, other_owner]),
            _ => None,
        }
    }
}

/// Why two metrics cannot share a name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// The kinds differ.
    Kind {
        /// The new metric's kind.
        new: super::Kind,
        /// The existing metric's kind.
        existing: super::Kind,
    },
    /// The descriptions differ.
    Help {
        /// The new metric's description.
        new: String,
        /// The existing metric's description.
        existing: String,
    },
    /// The units differ.
    Unit {
        /// The new metric's unit.
        new: Option<String>,
        /// The existing metric's unit.
        existing: Option<String>,
    },
    /// The rules for several processes differ.
    Across {
        /// The new metric's rule.
        new: super::Across,
        /// The existing metric's rule.
        existing: super::Across,
    },
    /// The buckets differ.
    Buckets {
        /// The bounds of the new metric, and a description of its native buckets.
        new: String,
        /// The existing metric's buckets.
        existing: String,
    },
    /// Both metrics could write the same series.
    SameSeries {
        /// The new metric's type: `IntCounter`.
        new: &'static str,
        /// The existing metric's type.
        existing: &'static str,
        /// The label names of both metrics.
        label_names: Vec<String>,
    },
    /// The name is a sample name of another family.
    SampleName {
        /// The other family.
        family: String,
        /// Its kind.
        kind: super::Kind,
        /// `_bucket`, `_sum` or `_count`.
        suffix: &'static str,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Kind { new, existing } => {
                write!(f, "this is a {new}, that a {existing}; use another name")
            }
            Difference::Help { new, existing } => write!(
                f,
                "the description here is {new:?}, there {existing:?}; use the same description or another name, or unregister the other metric first"
            ),
            Difference::Unit { new, existing } => write!(
                f,
                "the unit here is {:?}, there {:?}; use the same unit or another name, or unregister the other metric first",
                new.as_deref().unwrap_or_default(),
                existing.as_deref().unwrap_or_default()
            ),
            Difference::Across { new, existing } => write!(
                f,
                "across is {new} here, {existing} there; use the same or another name"
            ),
            Difference::Buckets { new, existing } => write!(
                f,
                "the buckets here are {new}, there {existing}; use the same buckets or another name, or unregister the other metric first"
            ),
            Difference::SameSeries {
                new,
                existing,
                label_names,
            } => write!(
                f,
                "{new} here and {existing} there could both write the same series, with labels {label_names:?}; keep the first one, or give one of them another name or a constant label with another value"
            ),
            Difference::SampleName {
                family,
                kind,
                suffix,
            } => write!(
                f,
                "the {suffix} samples of the {kind} {family:?} have this name; use another name"
            ),
        }
    }
}

/// A metric refused an update, or values of its labels.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("metric {metric:?}: {reason}")]
pub struct UseError {
    /// The metric's name as exposed.
    pub metric: String,
    /// The value, the rule and the remedy.
    pub reason: Misuse,
}

/// Why a metric refused an update, or values of its labels.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The increment of a counter is negative or NaN.
    #[error(
        "a counter cannot be increased by {value}: give a number >= 0, or use a gauge for a value that goes down"
    )]
    BadIncrement {
        /// The increment.
        value: f64,
    },
    /// The observation is NaN.
    #[error(
        "NaN cannot be observed: it belongs to no bucket and would make the sum NaN forever; omit such observations"
    )]
    ObservedNaN,
    /// The number of label values differs from the number of label names.
    #[error("label values: {given} given, {} expected, for {expected:?}: give one value for each name, in that order", expected.len())]
    LabelCount {
        /// The label names.
        expected: Vec<String>,
        /// The number of values given.
        given: usize,
    },
    /// A label has no value.
    #[error("label {label:?} is missing: give a value for each of {expected:?}")]
    MissingLabel {
        /// The label's name.
        label: String,
        /// All label names.
        expected: Vec<String>,
    },
    /// The metric has no such label.
    #[error("there is no label {label:?}: the labels are {expected:?}")]
    UnknownLabel {
        /// The label's name.
        label: String,
        /// All label names.
        expected: Vec<String>,
    },
    /// A label name is not valid for an exemplar.
    #[error(
        "label name {label:?} of an exemplar is not valid, reserved or given twice: use [a-zA-Z_][a-zA-Z0-9_]*, not __*, each name once"
    )]
    ExemplarLabel {
        /// The label's name.
        label: String,
    },
    /// The labels of an exemplar are longer than OpenMetrics allows.
    #[error(
        "the labels of an exemplar have {chars} characters together and OpenMetrics allows {MAX_EXEMPLAR_CHARS}, names included: use ids only, such as trace_id and span_id"
    )]
    ExemplarTooLong {
        /// The number of characters of all names and values.
        chars: usize,
    },
}

impl Misuse {
    /// The error of the metric with this name.
    #[cold]
    pub(crate) fn of(self, metric: &str) -> UseError {
        UseError {
            metric: metric.to_owned(),
            reason: self,
        }
    }
}

//! What can go wrong when metrics are created and used. Each message is one line: the value, the
//! rule, the way out.

use std::fmt;

use super::buckets::BucketsError;
use super::exemplar::MAX_EXEMPLAR_CHARS;
use super::native::NativeError;
use crate::prometheus_names::NameError;

/// Why a metric was not created.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A part of the hierarchy's path is empty.
    #[error(
        "the name of a {level} is empty: give every namespace, component and endpoint a name (\"a..b\" holds an empty one)"
    )]
    EmptyPathPart {
        /// `namespace`, `component` or `endpoint`.
        level: &'static str,
    },
    /// A metric's name, or a path part that becomes part of it, cannot be made valid.
    #[error("{what} {reason}")]
    Name {
        /// What was named: `metric`, `namespace` and so on.
        what: &'static str,
        /// The name as given, and why it was refused.
        reason: NameError,
    },
    /// A name to be kept as it stands is not a valid one.
    #[error(
        "full metric name {name:?} is not valid: use [a-zA-Z_:][a-zA-Z0-9_:]*, or let the name be sanitised by not asking for a full name"
    )]
    AbsoluteName {
        /// The name as given.
        name: String,
    },
    /// A label name that Prometheus does not take.
    #[error("label name {label:?} of metric {metric:?} is not valid: use [a-zA-Z_][a-zA-Z0-9_]*")]
    LabelName {
        /// The metric's name as exposed.
        metric: String,
        /// The label name as given.
        label: String,
    },
    /// A label name that is not the user's to set.
    #[error(
        "label name {label:?} of metric {metric:?} is reserved: dynamo_namespace, dynamo_component and dynamo_endpoint are added by themselves, le, quantile and __* belong to Prometheus; choose another name"
    )]
    ReservedLabel {
        /// The metric's name as exposed.
        metric: String,
        /// The label name as given.
        label: String,
    },
    /// The same label name twice.
    #[error(
        "label name {label:?} of metric {metric:?} is given twice: use each name once among constant and variable labels"
    )]
    DuplicateLabel {
        /// The metric's name as exposed.
        metric: String,
        /// The label name.
        label: String,
    },
    /// A label to be added to other libraries' series that they cannot all have.
    #[error(
        "label name {label:?} cannot be added to the series of another library: use [a-zA-Z_][a-zA-Z0-9_]*, each name once, and neither le, quantile nor __*"
    )]
    AddedLabel {
        /// The label name as given.
        label: String,
    },
    /// A vec whose children nothing tells apart.
    #[error(
        "metric {metric:?} has no label names: a vec needs at least one, without any create a plain {kind}"
    )]
    NoLabelNames {
        /// The metric's name as exposed.
        metric: String,
        /// The kind that would do.
        kind: super::Kind,
    },
    /// Bucket bounds that make no histogram.
    #[error("metric {metric:?}: {source}")]
    Buckets {
        /// The metric's name as exposed.
        metric: String,
        /// What is wrong with them.
        source: BucketsError,
    },
    /// Options that make no native histogram.
    #[error("metric {metric:?}: {source}")]
    Native {
        /// The metric's name as exposed.
        metric: String,
        /// What is wrong with them.
        source: NativeError,
    },
    /// A unit that the name does not end in.
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
    /// The name, or that of one of the metric's samples, belongs to the program that exposes the
    /// metrics.
    #[error(
        "metric {metric:?} of {owner} cannot be created: the name {name:?} is reserved: {reason}"
    )]
    Reserved {
        /// The metric's name as exposed.
        metric: String,
        /// Whose the metric would be.
        owner: String,
        /// The reserved name.
        name: String,
        /// Whose the name is, and what to do.
        reason: String,
    },
    /// The name is taken by something it cannot share it with.
    #[error("metric {name:?} of {owner} conflicts with the one of {other_owner}: {difference}")]
    Conflict {
        /// The metric's name as exposed.
        name: String,
        /// Whose the new metric would be.
        owner: String,
        /// Whose the existing metric is.
        other_owner: String,
        /// What differs, and the way out.
        difference: Box<Difference>,
    },
}

/// What keeps two metrics from sharing a name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// One is a counter, the other a gauge, for example.
    Kind {
        /// The new metric's kind.
        new: super::Kind,
        /// The existing metric's kind.
        existing: super::Kind,
    },
    /// Their descriptions.
    Help {
        /// The new metric's description.
        new: String,
        /// The existing metric's description.
        existing: String,
    },
    /// Their units.
    Unit {
        /// The new metric's unit.
        new: Option<String>,
        /// The existing metric's unit.
        existing: Option<String>,
    },
    /// Their buckets.
    Buckets {
        /// The new metric's bounds, and its native buckets if it has any, in words.
        new: String,
        /// The existing metric's buckets.
        existing: String,
    },
    /// Nothing that a series shows: both could write the same one.
    SameSeries {
        /// The new metric's type: `IntCounter`.
        new: &'static str,
        /// The existing metric's type.
        existing: &'static str,
        /// The label names they have in common.
        label_names: Vec<String>,
    },
    /// The name is that of another family's samples.
    SampleName {
        /// The other family.
        family: String,
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
                "the description here is {new:?}, there {existing:?}; use the same description or another name"
            ),
            Difference::Unit { new, existing } => write!(
                f,
                "the unit here is {:?}, there {:?}; use the same unit or another name",
                new.as_deref().unwrap_or_default(),
                existing.as_deref().unwrap_or_default()
            ),
            Difference::Buckets { new, existing } => write!(
                f,
                "the buckets here are {new}, there {existing}; use the same buckets or another name"
            ),
            Difference::SameSeries {
                new,
                existing,
                label_names,
            } => write!(
                f,
                "{new} here and {existing} there could both write the same series, with labels {label_names:?}; keep the first one, or give one of them another name or a constant label with another value"
            ),
            Difference::SampleName { family, suffix } => write!(
                f,
                "the {suffix} samples of the histogram {family:?} have that name; use another name"
            ),
        }
    }
}

/// Why a metric refused a value or labels.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UseError {
    /// A counter's increment that would take it back, or nowhere.
    #[error(
        "a counter cannot be increased by {value}: give a number >= 0, or use a gauge for what also goes down"
    )]
    BadIncrement {
        /// The increment.
        value: f64,
    },
    /// An observation of NaN.
    #[error(
        "NaN cannot be observed: it belongs in no bucket and would make the sum NaN for good; leave such observations out"
    )]
    ObservedNaN,
    /// As many label values as the metric has label names, in their order, are needed.
    #[error("metric {metric:?} takes {} label values, for {expected:?}, got {given}: give one value for each name, in that order", expected.len())]
    LabelCount {
        /// The metric's name as exposed.
        metric: String,
        /// Its label names.
        expected: Vec<String>,
        /// How many values were given.
        given: usize,
    },
    /// A label without a value.
    #[error(
        "label {label:?} of metric {metric:?} is missing: give a value for each of {expected:?}"
    )]
    MissingLabel {
        /// The metric's name as exposed.
        metric: String,
        /// The label's name.
        label: String,
        /// All label names.
        expected: Vec<String>,
    },
    /// A value for a label that the metric does not have.
    #[error("metric {metric:?} has no label {label:?}: its labels are {expected:?}")]
    UnknownLabel {
        /// The metric's name as exposed.
        metric: String,
        /// The label's name.
        label: String,
        /// All label names.
        expected: Vec<String>,
    },
    /// A label name that no exemplar can have.
    #[error(
        "label name {label:?} of an exemplar is not valid, reserved or given twice: use [a-zA-Z_][a-zA-Z0-9_]*, not __*, each name once"
    )]
    ExemplarLabel {
        /// The label's name.
        label: String,
    },
    /// An exemplar for which OpenMetrics has no room.
    #[error(
        "the labels of an exemplar have {chars} characters together and OpenMetrics allows {MAX_EXEMPLAR_CHARS}, names included: keep to ids, such as trace_id and span_id"
    )]
    ExemplarTooLong {
        /// The characters of all names and values.
        chars: usize,
    },
}

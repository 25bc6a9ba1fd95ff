//! What is dropped from external expositions: the smallest part that cannot be shown.

use std::fmt;
use std::sync::Arc;

/// Why a part of an external exposition is dropped: a value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// A line, or a sample that the type of its family does not have.
    InvalidLine,
    /// The samples of a series contradict each other.
    InvalidSeries,
    /// The exemplar has no place at its sample, or OpenMetrics does not allow it.
    InvalidExemplar,
    /// The timestamp is before 1970: Prometheus refuses an exposition with one.
    InvalidTimestamp,
    /// The series, or the sample, is there already.
    Duplicate,
    /// The family of the same name has another type.
    OtherType,
    /// The name belongs to the samples of another family.
    SampleName,
    /// Families, samples, series or labels have the same name in a format that allows fewer characters, or a
    /// label has a reserved one.
    Escaping,
}

impl Reason {
    pub(crate) const ALL: [Reason; 8] = [
        Reason::InvalidLine,
        Reason::InvalidSeries,
        Reason::InvalidExemplar,
        Reason::InvalidTimestamp,
        Reason::Duplicate,
        Reason::OtherType,
        Reason::SampleName,
        Reason::Escaping,
    ];

    /// The value of the label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Reason::InvalidLine => "invalid_line",
            Reason::InvalidSeries => "invalid_series",
            Reason::InvalidExemplar => "invalid_exemplar",
            Reason::InvalidTimestamp => "invalid_timestamp",
            Reason::Duplicate => "duplicate",
            Reason::OtherType => "other_type",
            Reason::SampleName => "sample_name",
            Reason::Escaping => "escaping",
        }
    }
}

/// A part of an external exposition that is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) reason: Reason,
    /// The name of the callback; empty for our own families.
    pub(crate) source: Arc<str>,
    /// The name of the family; empty if the line has none.
    pub(crate) family: String,
    /// The number of the first line concerned, from 1; 0 if it is not known.
    pub(crate) line: usize,
    /// The beginning of that line; empty if it is not known.
    pub(crate) text: String,
    /// How many families are dropped.
    pub(crate) families: u64,
    /// How many series, samples, exemplars or timestamps of families that are shown otherwise are dropped.
    pub(crate) series: u64,
}

/// The reason in words.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::InvalidLine => "the line is not valid",
            Reason::InvalidSeries => {
                "the samples of a series do not fit together, such as a _count that is not the +Inf bucket"
            }
            Reason::InvalidExemplar => {
                "an exemplar is not valid, has more than 128 characters or is not on a counter or bucket; its sample is shown without it"
            }
            Reason::InvalidTimestamp => {
                "a timestamp is before 1970; its sample is shown without it"
            }
            // Our own series are unique, except for labels without a value.
            Reason::Duplicate if self.source.is_empty() => {
                "a series is there already (a label without a value is no label)"
            }
            Reason::Duplicate => "a series or sample is there already",
            Reason::OtherType => "a family of the same name has another type",
            Reason::SampleName => "the name belongs to the samples of another family",
            Reason::Escaping if self.families > 0 => {
                "another family, or one of its samples, has the same name after escaping, in formats that allow fewer characters; rename one of them"
            }
            Reason::Escaping => {
                "two series, or two labels of a series, have the same name after escaping, or a label has a reserved one"
            }
        })
    }
}

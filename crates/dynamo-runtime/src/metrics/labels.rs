//! Labels: valid names, rendering, and the keys by which series are found.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::errors::MetricsError;
use crate::format::{escape_value, wire};
use crate::prometheus_names::labels;

/// Checks the label names that a user gives a metric, constant and variable ones together: they must be
/// valid, not reserved, and unique.
pub(crate) fn check<'a>(
    metric: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), MetricsError> {
    let mut seen: Vec<&str> = Vec::new();
    for label in names {
        let (metric, owned) = (metric.to_owned(), label.to_owned());
        if is_reserved(label) {
            return Err(MetricsError::ReservedLabel {
                metric,
                label: owned,
            });
        }
        if !is_valid(label) {
            return Err(MetricsError::LabelName {
                metric,
                label: owned,
            });
        }
        if seen.contains(&label) {
            return Err(MetricsError::DuplicateLabel {
                metric,
                label: owned,
            });
        }
        seen.push(label);
    }
    Ok(())
}

fn is_reserved(label: &str) -> bool {
    label.starts_with("__")
        || [
            labels::NAMESPACE,
            labels::COMPONENT,
            labels::ENDPOINT,
            labels::PROCESS,
            "le",
            "quantile",
        ]
        .contains(&label)
}

pub(crate) fn is_valid(label: &str) -> bool {
    let mut bytes = label.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The labels of one series.
#[derive(Clone, Copy)]
pub(crate) enum Labels<'a> {
    /// The labels of one of our metrics.
    Own {
        template: &'a Template,
        /// The values of the variable labels; see [`key`].
        key: &'a [u8],
        text: &'a [u8],
    },
    /// The labels of an external series.
    External(&'a ExternalLabels),
}

impl Labels<'_> {
    /// As text: `a="1",b="2"`, sorted by name, without braces.
    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Labels::Own { text, .. } => text,
            Labels::External(labels) => &labels.text,
        }
    }

    /// Calls `visit` with the name and the value of each label, sorted by name.
    #[inline]
    pub(crate) fn each(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        match self {
            Labels::Own { template, key, .. } => template.each(key, visit),
            Labels::External(labels) => labels
                .pairs
                .iter()
                .for_each(|(name, value)| visit(name.as_bytes(), value.as_bytes())),
        }
    }

    /// Whether a label has no value: such a label is no label (Prometheus' data model).
    #[inline]
    pub(crate) fn has_empty(&self) -> bool {
        match self {
            Labels::Own { template, key, .. } => {
                template.has_empty || key::parts(key).any(<[u8]>::is_empty)
            }
            // The parser leaves them out.
            Labels::External(_) => false,
        }
    }

    /// As the `label` fields of a protobuf `Metric`, sorted by name.
    #[inline]
    pub(crate) fn write_protobuf(&self, out: &mut Vec<u8>) {
        match self {
            Labels::Own { template, key, .. } => template.write_protobuf(key, out),
            Labels::External(labels) => labels
                .pairs
                .iter()
                .for_each(|(name, value)| wire::label(name, value, out)),
        }
    }
}

/// The labels, as text, without those that have no value: equal for equal series.
pub(crate) fn identity(text: &[u8]) -> Cow<'_, [u8]> {
    // Quotes inside values and names are escaped, so that this stands for an empty value only.
    const EMPTY: &[u8] = b"=\"\"";
    if !text.windows(EMPTY.len()).any(|window| window == EMPTY) {
        return Cow::Borrowed(text);
    }
    let mut kept = Vec::with_capacity(text.len());
    for label in split_labels(text).filter(|label| !label.ends_with(EMPTY)) {
        if !kept.is_empty() {
            kept.push(b',');
        }
        kept.extend_from_slice(label);
    }
    kept.into()
}

/// The labels in a text, one by one.
fn split_labels(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        let is_end = *byte == b',' && !quoted;
        quoted ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_end
    })
}

/// The labels of an external series, as pairs sorted by name and as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExternalLabels {
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) text: Vec<u8>,
}

impl ExternalLabels {
    pub(crate) fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.sort_unstable();
        let mut text = Vec::new();
        for (name, value) in &pairs {
            if !text.is_empty() {
                text.push(b',');
            }
            write_name(name, &mut text);
            text.extend_from_slice(b"=\"");
            escape_value(value, &mut text);
            text.push(b'"');
        }
        ExternalLabels { pairs, text }
    }
}

/// Writes a label name, in quotes if it has characters outside `[a-zA-Z0-9_]`.
fn write_name(name: &str, out: &mut Vec<u8>) {
    if is_valid(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'"');
        escape_value(name, out);
        out.push(b'"');
    }
}

/// Renders the labels of a metric's series, sorted by name.
///
/// The constant parts are rendered once. The values of the variable labels are inserted between them.
#[derive(Debug)]
pub(crate) struct Template {
    /// The length of the constant text.
    literals: usize,
    variables: Vec<Variable>,
    /// Whether a constant label has no value.
    has_empty: bool,
    /// Whether the user gave the label names in sorted order.
    is_sorted: bool,
    /// The constant part after the last variable.
    last: Piece,
    /// All labels, sorted by name.
    pairs: Box<[(Box<str>, PairValue)]>,
}

/// The value of a label in a [`Template`].
#[derive(Debug)]
enum PairValue {
    Constant(Box<str>),
    /// The index among the label names in the order given.
    Variable(usize),
}

#[derive(Debug)]
struct Variable {
    /// The text before the value.
    text: Vec<u8>,
    /// The same as protobuf fields of a `Metric`.
    protobuf: wire::Head,
    /// The index among the label names in the order given.
    index: usize,
}

/// Constant labels, rendered.
#[derive(Debug, Default)]
struct Piece {
    text: Vec<u8>,
    protobuf: Vec<u8>,
}

impl Template {
    pub(crate) fn new(constants: &[(String, String)], names: &[String]) -> Self {
        enum LabelSource<'a> {
            Constant(&'a str),
            Variable(usize),
        }
        let has_empty = constants.iter().any(|(_, value)| value.is_empty());
        let constants = constants
            .iter()
            .map(|(name, value)| (name.as_str(), LabelSource::Constant(value)));
        let variables = names.iter().enumerate();
        let variables =
            variables.map(|(index, name)| (name.as_str(), LabelSource::Variable(index)));
        let mut pairs: Vec<(&str, LabelSource<'_>)> = constants.chain(variables).collect();
        pairs.sort_unstable_by_key(|(name, _)| *name);
        let template_pairs = pairs
            .iter()
            .map(|(name, source)| {
                let value = match source {
                    LabelSource::Constant(value) => PairValue::Constant((*value).into()),
                    LabelSource::Variable(index) => PairValue::Variable(*index),
                };
                (Box::from(*name), value)
            })
            .collect();

        let mut variables = Vec::new();
        let mut piece = Piece::default();
        for (position, (name, source)) in pairs.into_iter().enumerate() {
            if position > 0 {
                piece.text.push(b',');
            }
            piece.text.extend_from_slice(name.as_bytes());
            piece.text.extend_from_slice(b"=\"");
            match source {
                LabelSource::Constant(value) => {
                    escape_value(value, &mut piece.text);
                    wire::label(name, value, &mut piece.protobuf);
                }
                LabelSource::Variable(index) => {
                    let Piece { text, protobuf } = std::mem::take(&mut piece);
                    variables.push(Variable {
                        text,
                        protobuf: wire::Head::new(protobuf, name),
                        index,
                    });
                }
            }
            piece.text.push(b'"');
        }
        let literals = variables.iter().map(|variable| &variable.text);
        Template {
            literals: literals.chain([&piece.text]).map(Vec::len).sum(),
            is_sorted: variables.is_sorted_by_key(|variable| variable.index),
            variables,
            has_empty,
            last: piece,
            pairs: template_pairs,
        }
    }

    /// The number of bytes that [`render`](Self::render) appends if no value needs an escape.
    pub(crate) fn len(&self, values: &[&str]) -> usize {
        let values = values.iter().map(|value| value.len()).sum::<usize>();
        self.literals + values
    }

    /// Appends the labels of the series with these variable values, as text.
    pub(crate) fn render(&self, values: &[&str], out: &mut Vec<u8>) {
        for variable in &self.variables {
            out.extend_from_slice(&variable.text);
            escape_value(values[variable.index], out);
        }
        out.extend_from_slice(&self.last.text);
    }

    /// Calls `visit` with the name and the value of each label of the series with this key.
    fn each(&self, key: &[u8], mut visit: impl FnMut(&[u8], &[u8])) {
        let values: SmallVec<[&[u8]; 8]> = key::parts(key).collect();
        for (name, value) in &self.pairs {
            let value = match value {
                PairValue::Constant(value) => value.as_bytes(),
                PairValue::Variable(index) => values[*index],
            };
            visit(name.as_bytes(), value);
        }
    }

    /// Appends the labels of the series with this key, as the `label` fields of a `Metric`.
    fn write_protobuf(&self, key: &[u8], out: &mut Vec<u8>) {
        if self.is_sorted {
            for (variable, value) in self.variables.iter().zip(key::parts(key)) {
                variable.protobuf.write(value, out);
            }
        } else {
            let values: SmallVec<[&[u8]; 8]> = key::parts(key).collect();
            for variable in &self.variables {
                variable.protobuf.write(values[variable.index], out);
            }
        }
        out.extend_from_slice(&self.last.protobuf);
    }
}

/// The variable label values of a series as one byte string: each value with its length before it, so that
/// `("ab", "c")` and `("a", "bc")` differ.
pub(crate) mod key {
    const LENGTH: usize = size_of::<u32>();

    /// The number of bytes that [`write`] appends.
    pub(crate) fn len(values: &[&str]) -> usize {
        values.iter().map(|value| LENGTH + value.len()).sum()
    }

    /// Appends the key of these values.
    pub(crate) fn write(values: &[&str], out: &mut Vec<u8>) {
        for value in values {
            // A label value of 4 GiB is not realistic.
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            out.extend_from_slice(value.as_bytes());
        }
    }

    /// The key of these values.
    pub(crate) fn of(values: &[&str]) -> Box<[u8]> {
        let mut key = Vec::with_capacity(len(values));
        write(values, &mut key);
        key.into()
    }

    /// The values in a key, in order.
    #[inline]
    pub(crate) fn parts(mut key: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
        std::iter::from_fn(move || {
            let (length, rest) = key.split_first_chunk::<LENGTH>()?;
            let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            key = rest;
            Some(value)
        })
    }

    /// Whether a key belongs to these values.
    #[inline]
    pub(crate) fn matches(key: &[u8], values: &[&str]) -> bool {
        parts(key).eq(values.iter().map(|value| value.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(constants: &[(&str, &str)], names: &[&str], values: &[&str]) -> String {
        let constants: Vec<_> = constants
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect();
        let names: Vec<_> = names.iter().map(|n| n.to_string()).collect();
        let mut out = Vec::new();
        Template::new(&constants, &names).render(values, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn labels_are_sorted_by_name() {
        assert_eq!(
            render(&[("z", "1"), ("c", "2")], &["x", "a"], &["3", "4"]),
            r#"a="4",c="2",x="3",z="1""#
        );
        assert_eq!(render(&[], &[], &[]), "");
        assert_eq!(render(&[("c", "2")], &[], &[]), r#"c="2""#);
    }

    #[test]
    fn values_are_escaped_and_other_text_is_kept() {
        assert_eq!(
            render(&[("a", "\\\"\n")], &["b"], &["ü\r\\n"]),
            "a=\"\\\\\\\"\\n\",b=\"ü\r\\\\n\""
        );
    }

    #[test]
    fn labels_without_a_value_are_no_part_of_the_identity() {
        for (text, expected) in [
            ("", ""),
            (r#"a="1""#, r#"a="1""#),
            (r#"a="""#, ""),
            (r#"a="",b="1",c="""#, r#"b="1""#),
            (r#"a=",",b="",c="=\"\"""#, r#"a=",",c="=\"\"""#),
            (r#""a.b"="",c="\\""#, r#"c="\\""#),
        ] {
            assert_eq!(identity(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn keys_distinguish_values_with_the_same_concatenation() {
        let mut key = Vec::new();
        key::write(&["ab", "c"], &mut key);
        assert!(key::matches(&key, &["ab", "c"]));
        assert!(!key::matches(&key, &["a", "bc"]));
        assert!(!key::matches(&key, &["ab"]));
        assert!(!key::matches(&key, &["ab", "c", ""]));
        assert!(!key::matches(&key, &["ab", "d"]));
    }

    #[test]
    fn reserved_invalid_and_repeated_names_are_refused() {
        let error = |names: &[&str]| check("m", names.iter().copied()).unwrap_err();
        for name in [
            "le",
            "quantile",
            "__x",
            "dynamo_namespace",
            "dynamo_component",
            "dynamo_endpoint",
            "dynamo_process",
        ] {
            assert!(
                matches!(error(&[name]), MetricsError::ReservedLabel { .. }),
                "{name}"
            );
        }
        for name in ["", "1a", "a-b", "a:b", "é"] {
            assert!(
                matches!(error(&[name]), MetricsError::LabelName { .. }),
                "{name}"
            );
        }
        assert!(matches!(
            error(&["a", "a"]),
            MetricsError::DuplicateLabel { .. }
        ));
        check("m", ["a", "_b", "C1"].into_iter()).unwrap();
    }
}

//! Labels: which names are allowed, and how a series' labels are rendered and told apart.

use super::errors::MetricsError;
use crate::prometheus_names::labels;

/// Checks the label names a user gives a metric, constant and variable ones together: valid, not
/// reserved, none twice.
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
            "le",
            "quantile",
        ]
        .contains(&label)
}

fn is_valid(label: &str) -> bool {
    let mut bytes = label.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Renders the labels of a metric's series: `a="1",b="2"`, sorted by name, without braces.
///
/// What does not change from series to series is rendered once, in `literals`; between them stand
/// the values of the variable labels, in the order of `variables`.
#[derive(Debug)]
pub(crate) struct Template {
    literals: Vec<Box<[u8]>>,
    variables: Vec<usize>,
}

impl Template {
    pub(crate) fn new(constants: &[(String, String)], names: &[String]) -> Self {
        enum Source<'a> {
            Constant(&'a str),
            Variable(usize),
        }
        let mut pairs: Vec<(&str, Source<'_>)> = constants
            .iter()
            .map(|(name, value)| (name.as_str(), Source::Constant(value)))
            .chain(
                names
                    .iter()
                    .enumerate()
                    .map(|(index, name)| (name.as_str(), Source::Variable(index))),
            )
            .collect();
        pairs.sort_unstable_by_key(|(name, _)| *name);

        let mut template = Template {
            literals: Vec::new(),
            variables: Vec::new(),
        };
        let mut literal = Vec::new();
        for (position, (name, source)) in pairs.into_iter().enumerate() {
            if position > 0 {
                literal.push(b',');
            }
            literal.extend_from_slice(name.as_bytes());
            literal.extend_from_slice(b"=\"");
            match source {
                Source::Constant(value) => escape_value(value, &mut literal),
                Source::Variable(index) => {
                    template.literals.push(std::mem::take(&mut literal).into());
                    template.variables.push(index);
                }
            }
            literal.push(b'"');
        }
        template.literals.push(literal.into());
        template
    }

    /// Appends the labels of the series with these variable values.
    pub(crate) fn render(&self, values: &[&str], out: &mut Vec<u8>) {
        for (literal, &variable) in self.literals.iter().zip(&self.variables) {
            out.extend_from_slice(literal);
            escape_value(values[variable], out);
        }
        if let Some(last) = self.literals.last() {
            out.extend_from_slice(last);
        }
    }
}

/// Escapes a label value as the text format asks: backslash, quote and line feed.
fn escape_value(value: &str, out: &mut Vec<u8>) {
    escape(
        value,
        &[(b'\\', b"\\\\"), (b'"', b"\\\""), (b'\n', b"\\n")],
        out,
    );
}

/// Escapes a description as the text format asks: backslash and line feed.
pub(crate) fn escape_help(help: &str, out: &mut Vec<u8>) {
    escape(help, &[(b'\\', b"\\\\"), (b'\n', b"\\n")], out);
}

fn escape(text: &str, replacements: &[(u8, &[u8])], out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((position, replacement)) =
        rest.iter().enumerate().find_map(|(position, byte)| {
            let (_, with) = replacements.iter().find(|(what, _)| what == byte)?;
            Some((position, with))
        })
    {
        out.extend_from_slice(&rest[..position]);
        out.extend_from_slice(replacement);
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
}

/// The variable label values of a series as one piece of bytes: each value after its length, so
/// that `("ab", "c")` and `("a", "bc")` differ.
pub(crate) mod key {
    const LENGTH: usize = size_of::<u32>();

    /// Appends the key of these values.
    pub(crate) fn write(values: &[&str], out: &mut Vec<u8>) {
        for value in values {
            // A value of 4 GiB would not be a label; its length only has to be told apart here.
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            out.extend_from_slice(value.as_bytes());
        }
    }

    /// The values in a key, in order.
    #[inline]
    pub(crate) fn parts(mut key: &[u8]) -> impl Iterator<Item = &[u8]> {
        std::iter::from_fn(move || {
            let (length, rest) = key.split_first_chunk::<LENGTH>()?;
            let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            key = rest;
            Some(value)
        })
    }

    /// Whether a key is that of these values.
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
    fn labels_are_sorted_by_name_whatever_the_order_they_were_given_in() {
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
    fn keys_tell_apart_what_a_plain_join_would_merge() {
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

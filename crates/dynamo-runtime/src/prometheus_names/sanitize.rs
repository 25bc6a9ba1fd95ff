//! Sanitisers: valid names from any text, by Dynamo's rules.

use std::fmt;

use super::name_prefix;

/// A text that cannot be sanitised: it has no valid character.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{raw:?} cannot be part of a {kind} name: it has no {}; add one", kind.needed())]
#[non_exhaustive]
pub struct NameError {
    /// The text as given.
    pub raw: String,
    /// The kind of the name.
    pub kind: NameKind,
}

/// The kind of a name, which determines its valid characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameKind {
    /// `[a-zA-Z_][a-zA-Z0-9_:]*`. Prometheus allows a colon at the start too; Dynamo does not.
    Metric,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, without `__` at the start, which Prometheus reserves.
    Label,
}

impl NameKind {
    fn allows(self, c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_' || (c == ':' && self == NameKind::Metric)
    }

    /// The characters of which a name must have one, since it must not consist of underscores.
    fn needed(self) -> &'static str {
        match self {
            NameKind::Metric => "ASCII letter, digit or colon",
            NameKind::Label => "ASCII letter or digit",
        }
    }

    /// `raw` with `_` in place of each invalid character, and before a first character that may not be first.
    fn replace(self, raw: &str) -> Result<String, NameError> {
        let bad_first = |c: char| self.allows(c) && !c.is_ascii_alphabetic() && c != '_';
        let in_front = if raw.starts_with(bad_first) { "_" } else { "" };
        let kept = raw.chars().map(|c| if self.allows(c) { c } else { '_' });
        let name: String = in_front.chars().chain(kept).collect();
        if name.bytes().all(|byte| byte == b'_') {
            return Err(NameError {
                raw: raw.to_owned(),
                kind: self,
            });
        }
        Ok(name)
    }
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameKind::Metric => "metric",
            NameKind::Label => "label",
        })
    }
}

/// Returns a valid metric name for `raw`.
///
/// Each character outside `[a-zA-Z0-9_:]` becomes one `_`; a leading digit or colon gets a `_`
/// before it. A valid name does not change, even with a leading `__`.
///
/// ```
/// use dynamo_runtime::prometheus_names::sanitize_prometheus_name;
///
/// assert_eq!(sanitize_prometheus_name("1st request-time")?, "_1st_request_time");
/// # Ok::<(), dynamo_runtime::prometheus_names::NameError>(())
/// ```
///
/// # Errors
/// [`NameError`] if the name would be empty or consist of underscores.
pub fn sanitize_prometheus_name(raw: &str) -> Result<String, NameError> {
    NameKind::Metric.replace(raw)
}

/// Returns a valid label name for `raw`.
///
/// Each character outside `[a-zA-Z0-9_]` becomes one `_`; a leading digit gets a `_` before it.
/// Two leading underscores, which Prometheus reserves, are dropped; of three or more, one stays. A
/// leading digit after that gets a `_`: `__a` becomes `a`, `___a` and `@@@a` become `_a`, `__1` becomes
/// `_1`. (In Dynamo, `___a` becomes `__a`.) For label names only: label values may be any text.
///
/// # Errors
/// [`NameError`] if the name would be empty or consist of underscores.
pub fn sanitize_prometheus_label(raw: &str) -> Result<String, NameError> {
    let name = NameKind::Label.replace(raw)?;
    Ok(match name.strip_prefix("__") {
        None => name,
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => rest.to_owned(),
        Some(rest) => format!("_{}", rest.trim_start_matches('_')),
    })
}

/// Returns a valid prefix of the frontend's metrics for `raw`, the value of `DYN_METRICS_PREFIX`: as
/// [`sanitize_prometheus_name`], or [`name_prefix::FRONTEND`] if `raw` cannot be sanitised.
#[must_use]
pub fn sanitize_frontend_prometheus_prefix(raw: &str) -> String {
    sanitize_prometheus_name(raw).unwrap_or_else(|_| name_prefix::FRONTEND.to_owned())
}

/// The full name of a component's metric: [`name_prefix::COMPONENT`], `_`, and the sanitised `name`: `1st`
/// becomes `dynamo_component__1st`. The prefix is added even if `name` has it.
///
/// # Errors
/// [`NameError`] if `name` cannot be sanitised. Dynamo panics in this case.
pub fn build_component_metric_name(name: &str) -> Result<String, NameError> {
    sanitize_prometheus_name(name).map(|name| format!("{}_{name}", name_prefix::COMPONENT))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::prometheus_names::labels;

    /// What each function makes of which text: a name, or `{"error": message}`. The sanitisers of
    /// `dynamo.prometheus_names` are held to the same table.
    const CASES: &str = include_str!("../../../../tests/names_cases.json");

    fn hold(function: &str, sanitise: impl Fn(&str) -> Result<String, NameError>) {
        let tables: Value = serde_json::from_str(CASES).unwrap();
        let cases = tables[function].as_array().unwrap();
        for case in cases {
            let got = match sanitise(case[0].as_str().unwrap()) {
                Ok(name) => Value::from(name),
                Err(error) => serde_json::json!({ "error": error.to_string() }),
            };
            assert_eq!(got, case[1], "{function} of {}", case[0]);
        }
    }

    #[test]
    fn metric_names_follow_the_table() {
        hold("sanitize_prometheus_name", sanitize_prometheus_name);
    }

    #[test]
    fn label_names_follow_the_table() {
        hold("sanitize_prometheus_label", sanitize_prometheus_label);
    }

    #[test]
    fn frontend_prefixes_follow_the_table_and_are_never_refused() {
        hold("sanitize_frontend_prometheus_prefix", |raw| {
            Ok(sanitize_frontend_prometheus_prefix(raw))
        });
    }

    #[test]
    fn component_metric_names_follow_the_table() {
        hold("build_component_metric_name", build_component_metric_name);
    }

    #[test]
    fn the_table_has_cases_for_these_functions_only() {
        let tables: Value = serde_json::from_str(CASES).unwrap();
        let functions: Vec<_> = tables.as_object().unwrap().keys().collect();
        assert_eq!(
            functions,
            [
                "build_component_metric_name",
                "sanitize_frontend_prometheus_prefix",
                "sanitize_prometheus_label",
                "sanitize_prometheus_name"
            ]
        );
    }

    /// All texts of up to five of these characters: each stands for a kind of its own.
    fn short_texts() -> impl Iterator<Item = String> {
        let alphabet = ['_', 'a', '1', ':', '@', 'é'];
        (0..=5_u32).flat_map(move |length| {
            (0..alphabet.len().pow(length)).map(move |number| {
                (0..length)
                    .map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()])
                    .collect()
            })
        })
    }

    #[test]
    fn no_label_name_begins_with_two_underscores() {
        for raw in short_texts() {
            if let Ok(name) = sanitize_prometheus_label(&raw) {
                assert!(!name.starts_with("__"), "{raw:?} became {name:?}");
            }
        }
    }

    #[test]
    fn a_sanitised_name_is_valid_and_does_not_change_again() {
        let valid = |name: &str, others: &str| {
            !name.starts_with(|c: char| !c.is_ascii_alphabetic() && c != '_')
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        for raw in short_texts() {
            if let Ok(name) = sanitize_prometheus_name(&raw) {
                assert!(valid(&name, "_:"), "{raw:?} became {name:?}");
                assert_eq!(sanitize_prometheus_name(&name).as_ref(), Ok(&name));
            }
            if let Ok(name) = sanitize_prometheus_label(&raw) {
                assert!(valid(&name, "_"), "{raw:?} became {name:?}");
                assert_eq!(sanitize_prometheus_label(&name).as_ref(), Ok(&name));
            }
        }
    }

    #[test]
    fn the_labels_of_the_hierarchy_are_valid_names() {
        for name in [labels::NAMESPACE, labels::COMPONENT, labels::ENDPOINT] {
            assert_eq!(sanitize_prometheus_label(name).as_deref(), Ok(name));
        }
    }
}

//! How the exposed name of a metric is built.

use std::fmt;
use std::str::FromStr;

use super::errors::MetricsError;
use super::path::Path;
use crate::choice::UnknownChoice;
use crate::prometheus_names::{NameError, build_component_metric_name, sanitize_prometheus_name};

/// How the exposed name of a metric is built from the path of its node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NameStyle {
    /// The path and the name: `my_namespace_my_component_my_endpoint_requests_total`.
    #[default]
    Hierarchy,
    /// `dynamo_component_requests_total` for every path, as in Dynamo 0.5 to 0.8.
    Component,
}

impl fmt::Display for NameStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hierarchy => "hierarchy",
            Self::Component => "component",
        })
    }
}

impl FromStr for NameStyle {
    type Err = UnknownChoice;

    fn from_str(value: &str) -> Result<Self, UnknownChoice> {
        UnknownChoice::parse(
            value,
            &[
                ("hierarchy", Self::Hierarchy),
                ("component", Self::Component),
            ],
            "hierarchy or component",
        )
    }
}

/// The name that a metric is created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// A name that the path of the node completes, by the runtime's [`NameStyle`]. A `&str` converts to it.
    Relative(&'a str),
    /// The exposed name itself, of any characters. The metric still gets the hierarchy labels. Formats that
    /// hold only `[a-zA-Z0-9_:]` show other characters escaped.
    Absolute(&'a str),
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Name::Relative(name)
    }
}

impl<'a> From<&'a String> for Name<'a> {
    fn from(name: &'a String) -> Self {
        Name::Relative(name)
    }
}

impl Name<'_> {
    /// The exposed name, the same in every format.
    pub(crate) fn exposed(self, style: NameStyle, path: &Path) -> Result<String, MetricsError> {
        path.check()?;
        match (self, style) {
            (Name::Absolute(name), _) if !name.trim().is_empty() => Ok(name.to_owned()),
            (Name::Absolute(name), _) => Err(MetricsError::AbsoluteName {
                name: name.to_owned(),
            }),
            (Name::Relative(name), NameStyle::Hierarchy) => path
                .parts()
                .chain([("metric", name)])
                .map(|(what, raw)| sanitize_prometheus_name(raw).map_err(refused(what)))
                .collect::<Result<Vec<_>, _>>()
                .map(|parts| parts.join("_")),
            (Name::Relative(name), NameStyle::Component) => {
                build_component_metric_name(name).map_err(refused("metric"))
            }
        }
    }
}

fn refused(what: &'static str) -> impl Fn(NameError) -> MetricsError {
    move |reason| MetricsError::Name { what, reason }
}

pub(crate) fn is_valid(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'_' | b':'))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(namespace: &str, component: &str, endpoint: &str) -> Path {
        Path::root()
            .namespace(namespace)
            .component(component)
            .endpoint(endpoint)
    }

    #[test]
    fn the_hierarchy_style_sanitises_each_part_and_joins_them() {
        let path = endpoint("my-namespace.1gen", "comp", "generate");
        assert_eq!(
            Name::from("requests total")
                .exposed(NameStyle::Hierarchy, &path)
                .unwrap(),
            "my_namespace__1gen_comp_generate_requests_total"
        );
        assert_eq!(
            Name::from("up")
                .exposed(NameStyle::Hierarchy, &Path::root())
                .unwrap(),
            "up"
        );
    }

    #[test]
    fn the_component_style_ignores_the_path() {
        let path = endpoint("@@@", "comp", "generate");
        assert_eq!(
            Name::from("requests_total")
                .exposed(NameStyle::Component, &path)
                .unwrap(),
            "dynamo_component_requests_total"
        );
    }

    #[test]
    fn an_absolute_name_is_kept_or_refused_but_never_changed() {
        let path = endpoint("@@@", "comp", "generate");
        let exposed = |name| Name::Absolute(name).exposed(NameStyle::Hierarchy, &path);
        for name in ["vllm:tokens", "1up", "http.server.requests", "é"] {
            assert_eq!(exposed(name).unwrap(), name);
        }
        for name in ["", " "] {
            assert!(
                exposed(name)
                    .unwrap_err()
                    .to_string()
                    .contains(&format!("{name:?}"))
            );
        }
    }

    #[test]
    fn an_error_names_the_level_of_a_name_that_cannot_be_sanitised() {
        let path = endpoint("ns", "@@@", "generate");
        let error = Name::from("x")
            .exposed(NameStyle::Hierarchy, &path)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "component \"@@@\" cannot be part of a metric name: it has no ASCII letter, digit or colon; add one"
        );
    }
}

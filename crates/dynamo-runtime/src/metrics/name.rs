//! How a metric gets the name it is exposed under.

use super::errors::MetricsError;
use crate::config::NameStyle;
use crate::hierarchy::Path;
use crate::prometheus_names::{NameError, build_component_metric_name, sanitize_prometheus_name};

/// The name a metric is created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// Completed by the runtime's [`NameStyle`]; what most metrics use, and what a `&str` becomes.
    Relative(&'a str),
    /// Kept as it stands. The hierarchy's labels are added all the same.
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
    /// The name on the page, the same in every format.
    pub(crate) fn exposed(self, style: NameStyle, path: &Path) -> Result<String, MetricsError> {
        path.check()?;
        match (self, style) {
            (Name::Absolute(name), _) if is_valid(name) => Ok(name.to_owned()),
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
    fn the_hierarchy_style_joins_the_path_and_the_name_each_sanitised_on_its_own() {
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
        assert_eq!(exposed("vllm:tokens").unwrap(), "vllm:tokens");
        for name in ["", "1up", "my-metric", "é"] {
            assert!(
                exposed(name)
                    .unwrap_err()
                    .to_string()
                    .contains(&format!("{name:?}"))
            );
        }
    }

    #[test]
    fn what_cannot_be_salvaged_is_named_with_its_level() {
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

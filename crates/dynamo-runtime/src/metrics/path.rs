//! The path of a node: the names from the runtime down to the node, as a tuple and never a joined string.

use std::fmt;

use super::errors::MetricsError;
use super::name::NameStyle;
use crate::prometheus_names::{labels, sanitize_prometheus_label};

/// The path of a node in the hierarchy. The empty path is the runtime itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    namespace: Vec<String>,
    component: Option<String>,
    endpoint: Option<String>,
}

impl Path {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    /// The path with these names.
    pub(crate) fn of(
        namespace: Vec<String>,
        component: Option<String>,
        endpoint: Option<String>,
    ) -> Self {
        Path {
            namespace,
            component,
            endpoint,
        }
    }

    /// The names of the namespaces, of the component and of the endpoint.
    pub(crate) fn names(&self) -> (&[String], Option<&str>, Option<&str>) {
        let (component, endpoint) = (self.component.as_deref(), self.endpoint.as_deref());
        (&self.namespace, component, endpoint)
    }

    /// A namespace below this one; dots in `name` separate nested ones.
    pub(crate) fn namespace(&self, name: &str) -> Self {
        let mut path = self.clone();
        path.namespace.extend(name.split('.').map(str::to_owned));
        path
    }

    pub(crate) fn component(&self, name: &str) -> Self {
        let component = Some(name.to_owned());
        Path {
            component,
            ..self.clone()
        }
    }

    pub(crate) fn endpoint(&self, name: &str) -> Self {
        let endpoint = Some(name.to_owned());
        Path {
            endpoint,
            ..self.clone()
        }
    }

    /// The names with their levels, from the top.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let namespace = self
            .namespace
            .iter()
            .map(|name| ("namespace", name.as_str()));
        let component = self
            .component
            .iter()
            .map(|name| ("component", name.as_str()));
        let endpoint = self.endpoint.iter().map(|name| ("endpoint", name.as_str()));
        namespace.chain(component).chain(endpoint)
    }

    /// Refuses empty names.
    pub(crate) fn check(&self) -> Result<(), MetricsError> {
        match self.parts().find(|(_, name)| name.is_empty()) {
            Some((level, _)) => Err(MetricsError::EmptyPathPart { level }),
            None => Ok(()),
        }
    }

    /// The hierarchy labels of this node. In style `hierarchy` their values are the names as given: a label
    /// value may be any text. In style `component` they are sanitised as in Dynamo, by the rule for label
    /// names; a name that cannot be sanitised stays as given.
    pub(crate) fn labels(
        &self,
        style: NameStyle,
    ) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let namespace = (!self.namespace.is_empty()).then(|| self.namespace.join("."));
        let levels = [
            (labels::NAMESPACE, namespace),
            (labels::COMPONENT, self.component.clone()),
            (labels::ENDPOINT, self.endpoint.clone()),
        ];
        levels.into_iter().filter_map(move |(label, name)| {
            let name = name?;
            let value = match style {
                NameStyle::Hierarchy => name,
                NameStyle::Component => sanitize_prometheus_label(&name).unwrap_or(name),
            };
            Some((label, value))
        })
    }

    /// Whether `other` is this node or a node below it.
    pub(crate) fn contains(&self, other: &Path) -> bool {
        if self.endpoint.is_some() {
            self == other
        } else if self.component.is_some() {
            self.namespace == other.namespace && self.component == other.component
        } else {
            other.namespace.starts_with(&self.namespace)
        }
    }

    /// The name of the node; empty for the runtime.
    pub(crate) fn name(&self) -> String {
        match (&self.endpoint, &self.component) {
            (Some(name), _) | (None, Some(name)) => name.clone(),
            (None, None) => self.namespace.join("."),
        }
    }
}

/// The path in messages. Control characters are escaped, so that a message stays on one line.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.join(".");
        let namespace = namespace.escape_debug();
        let component = self.component.as_deref().map(str::escape_debug);
        let endpoint = self.endpoint.as_deref().map(str::escape_debug);
        match (component, endpoint) {
            (Some(component), Some(endpoint)) => {
                write!(f, "endpoint {namespace}/{component}/{endpoint}")
            }
            (Some(component), None) => write!(f, "component {namespace}/{component}"),
            _ if self.namespace.is_empty() => f.write_str("the runtime"),
            _ => write!(f, "namespace {namespace}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotted_namespace_is_the_nested_one() {
        let root = Path::root();
        assert_eq!(
            root.namespace("ns1.ns2"),
            root.namespace("ns1").namespace("ns2")
        );
    }

    #[test]
    fn label_values_are_the_names_as_given_or_as_dynamo_sanitises_them() {
        let path = Path::root()
            .namespace("my-ns.a")
            .component("日本-1")
            .endpoint("日本");
        let values = |style| path.labels(style).map(|(_, value)| value);
        assert!(values(NameStyle::Hierarchy).eq(["my-ns.a", "日本-1", "日本"]));
        assert!(values(NameStyle::Component).eq(["my_ns_a", "_1", "日本"]));
    }

    #[test]
    fn paths_that_are_equal_when_joined_are_different_nodes() {
        let root = Path::root();
        assert_ne!(
            root.namespace("a_b").component("c"),
            root.namespace("a").component("b_c")
        );
        assert_ne!(root.namespace("a.b"), root.namespace("a").component("b"));
    }

    #[test]
    fn a_node_contains_itself_and_the_nodes_below_it() {
        let root = Path::root();
        let namespace = root.namespace("a");
        let component = namespace.component("c");
        let endpoint = component.endpoint("e");
        for (outer, inner) in [
            (&root, &endpoint),
            (&namespace, &endpoint),
            (&component, &endpoint),
            (&endpoint, &endpoint),
        ] {
            assert!(outer.contains(inner));
        }
        assert!(namespace.contains(&root.namespace("a.b").component("c")));
        assert!(!namespace.contains(&root.namespace("ab")));
        assert!(!component.contains(&namespace));
        assert!(!component.contains(&root.namespace("a.b").component("c")));
        assert!(!endpoint.contains(&component));
    }

    #[test]
    fn a_path_is_shown_on_one_line() {
        let path = Path::root().namespace("a.b\n").component("é'\u{2028}");
        assert_eq!(
            path.endpoint("e").to_string(),
            r"endpoint a.b\n/é\'\u{2028}/e"
        );
        assert_eq!(path.to_string(), r"component a.b\n/é\'\u{2028}");
    }

    #[test]
    fn an_empty_name_anywhere_is_refused_with_its_level() {
        let root = Path::root();
        for (path, level) in [
            (root.namespace(""), "namespace"),
            (root.namespace("a..b"), "namespace"),
            (root.namespace("a").component(""), "component"),
            (root.namespace("a").component("c").endpoint(""), "endpoint"),
        ] {
            assert_eq!(path.check(), Err(MetricsError::EmptyPathPart { level }));
        }
    }
}

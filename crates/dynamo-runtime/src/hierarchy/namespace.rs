//! Namespaces, which may be nested.

use super::tree::Tree;
use super::{Component, node};
use crate::metrics::Path;

/// A group of components that work together.
#[derive(Clone)]
pub struct Namespace {
    pub(super) tree: Tree,
    pub(super) path: Path,
}

node!(Namespace);

impl Namespace {
    /// A namespace inside this one.
    pub fn namespace(&self, name: &str) -> Namespace {
        Namespace {
            tree: self.tree.clone(),
            path: self.path.namespace(name),
        }
    }

    /// A component of this namespace.
    pub fn component(&self, name: &str) -> Component {
        Component {
            tree: self.tree.clone(),
            path: self.path.component(name),
        }
    }

    /// The full name; dots separate nested namespaces.
    pub fn name(&self) -> String {
        self.path.name()
    }
}

//! Components: parts of a serving system.

use super::tree::Tree;
use super::{Endpoint, node};
use crate::metrics::Path;

/// A part of a serving system: a frontend, a router, a kind of worker.
#[derive(Clone)]
pub struct Component {
    pub(super) tree: Tree,
    pub(super) path: Path,
}

node!(Component);

impl Component {
    /// An endpoint of this component.
    pub fn endpoint(&self, name: &str) -> Endpoint {
        Endpoint {
            tree: self.tree.clone(),
            path: self.path.endpoint(name),
        }
    }

    /// The name, without the namespace.
    pub fn name(&self) -> String {
        self.path.name()
    }
}

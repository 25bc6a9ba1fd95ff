//! Runtime, namespace, component, endpoint: the nodes that metrics belong to.

mod component;
mod endpoint;
mod namespace;
mod page;
mod path;
mod runtime;
mod tree;

pub use component::Component;
pub use endpoint::Endpoint;
pub use namespace::Namespace;
pub use path::Path;
pub use runtime::{DistributedRuntime, RuntimeError};
pub(crate) use tree::Tree;
pub use tree::{Frozen, stop_servers};

/// What every node has: its metrics, and equality by place.
macro_rules! node {
    ($node:ident) => {
        impl $node {
            /// The metrics of this node: create them, register callbacks, render them.
            pub fn metrics(&self) -> crate::metrics::Metrics {
                crate::metrics::Metrics::new(&self.tree, &self.path)
            }

            /// The names from the runtime down to this node.
            pub fn path(&self) -> &crate::hierarchy::Path {
                &self.path
            }
        }

        impl PartialEq for $node {
            fn eq(&self, other: &Self) -> bool {
                self.tree.is(&other.tree) && self.path == other.path
            }
        }

        impl Eq for $node {}

        impl std::hash::Hash for $node {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.tree.id().hash(state);
                self.path.hash(state);
            }
        }

        impl std::fmt::Debug for $node {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($node), self.path)
            }
        }
    };
}
use node;

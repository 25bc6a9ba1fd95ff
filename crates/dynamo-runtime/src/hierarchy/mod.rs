//! The hierarchy: runtime, namespace, component and endpoint, and the tree that the nodes of a runtime share.

mod agent;
mod component;
mod endpoint;
mod factory;
mod gatherer;
mod members;
mod namespace;
mod runtime;
mod runtime_metrics;
mod served;
mod status;
mod tree;

pub use agent::resume_agents;
pub use component::Component;
pub use endpoint::Endpoint;
pub use factory::{Metrics, ScrapeResponse};
pub use namespace::Namespace;
pub use runtime::{DistributedRuntime, RuntimeError};
pub use served::{SERVED_BY, served_mark};
pub use tree::{ForkGuard, stop_servers};

/// Adds to a type of node its metrics, and equality by tree and path.
macro_rules! node {
    ($node:ident) => {
        impl $node {
            /// The metrics of this node: creates metrics, registers callbacks and returns expositions.
            pub fn metrics(&self) -> crate::hierarchy::Metrics {
                crate::hierarchy::Metrics::new(&self.tree, &self.path)
            }

            /// The names from the runtime down to this node.
            pub fn path(&self) -> &crate::metrics::Path {
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

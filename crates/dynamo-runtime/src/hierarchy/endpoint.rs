//! Endpoints: what clients call.

use super::node;
use super::tree::Tree;
use crate::health::HealthStatus;
use crate::metrics::Path;

/// A function that a component serves, such as `generate`.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) tree: Tree,
    pub(super) path: Path,
}

node!(Endpoint);

impl Endpoint {
    /// The name, without the component.
    pub fn name(&self) -> String {
        self.path.name()
    }

    /// Sets the status that `/health` shows for this endpoint. When endpoints have reported, `/health` is
    /// ready if all of them are.
    pub fn set_health_status(&self, status: HealthStatus) {
        self.tree.health().set_endpoint(&self.path, status);
    }

    /// Removes this endpoint from `/health`. A required endpoint
    /// (`DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS`) then counts as not ready.
    pub fn clear_health_status(&self) {
        self.tree.health().remove_endpoint(&self.path);
    }
}

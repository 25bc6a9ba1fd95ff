//! Endpoints: what can be called of a component.

use super::{Path, Tree, node};
use crate::health::HealthStatus;

/// Something a component serves, like `generate`.
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

    /// What `/health` says of this endpoint from now on. Once an endpoint has reported, `/health`
    /// is ready when all of them are.
    pub fn set_health_status(&self, status: HealthStatus) {
        self.tree.page().health.set_endpoint(&self.path, status);
    }

    /// Makes `/health` forget this endpoint: it is served no more. One that must be ready
    /// (`DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS`) is not ready from now on.
    pub fn clear_health_status(&self) {
        self.tree.page().health.remove_endpoint(&self.path);
    }
}

//! The status of a runtime on its status server: the exposition of its root, and its health.

use std::time::{Duration, Instant};

use super::gatherer::Gatherer;
use super::members::Members;
use crate::engine::EngineRoutes;
use crate::exposition::{ExpositionFormat, Selection};
use crate::health::{HealthReport, SystemHealth};
use crate::metrics::Path;
use crate::server::StatusProvider;

/// See the module.
pub(super) struct Status {
    pub(super) gatherer: Gatherer,
    pub(super) health: SystemHealth,
    pub(super) engine: EngineRoutes,
}

impl StatusProvider for Status {
    fn run_callbacks(&self, deadline: Instant) {
        self.gatherer.run_callbacks(&Path::root(), deadline);
    }

    fn run_callbacks_until(&self, deadlines: &[Instant], reached: &mut dyn FnMut(usize)) {
        self.gatherer
            .run_callbacks_until(&Path::root(), deadlines, reached);
    }

    fn callback_timeout(&self) -> Duration {
        self.gatherer.callbacks.timeout()
    }

    fn encode(&self, format: ExpositionFormat, selection: Option<&Selection>, out: &mut Vec<u8>) {
        self.gatherer.encode(&Path::root(), format, selection, out);
    }

    fn scraped(&self, duration: Duration) {
        self.gatherer.metrics.scraped(duration);
    }

    fn health(&self) -> HealthReport {
        let members = self.gatherer.members.as_ref();
        let of_group = members.and_then(Members::health);
        of_group.unwrap_or_else(|| self.health.report())
    }

    fn uptime(&self) -> Duration {
        self.gatherer.metrics.uptime()
    }

    fn engine_routes(&self) -> Option<&EngineRoutes> {
        Some(&self.engine)
    }
}

//! The system status server.

use std::time::{Duration, Instant};

use crate::health::HealthReport;

/// What the server shows; the tree of metrics implements it.
///
/// Every method may be called from any thread of the server and must not need the GIL,
/// except inside `run_callbacks`, which hands the work to another thread and waits.
pub(crate) trait StatusSource: Send + Sync + 'static {
    /// Runs the update callbacks and waits for them until `deadline`. Blocks; never panics.
    fn run_callbacks(&self, deadline: Instant);
    /// How long callbacks may take together in one scrape (`DYN_METRICS_CALLBACK_TIMEOUT`).
    fn callback_timeout(&self) -> Duration;
    /// Appends the page (text format 0.0.4, UTF-8) to `out`. Blocks for as long as rendering takes.
    fn render(&self, out: &mut Vec<u8>);
    /// What `/health` answers now.
    fn health(&self) -> HealthReport;
    /// Time since the runtime was created.
    fn uptime(&self) -> Duration;
}

//! The runtime: the root of the hierarchy.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Namespace, Path, Tree, node};
use crate::callbacks::Dispatcher;
use crate::config::{Config, ConfigError, NameStyle};
use crate::health::HealthStatus;
use crate::metrics::MetricsError;
use crate::server::ServerError;

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The status server could not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The runtime to join names its metrics in another way.
    #[error(
        "a runtime of this process already serves {host}:{port} with name style {running}, this one asks for {asked}: use one style, or another DYN_SYSTEM_PORT (0 for any free one)"
    )]
    NameStyle {
        /// Where it listens.
        host: String,
        /// Where it listens.
        port: u16,
        /// The style of the runtime that serves there.
        running: NameStyle,
        /// The style asked for.
        asked: NameStyle,
    },
    /// The runtime's own metrics could not be created.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// The root of a tree of metrics, with the status server that shows them.
///
/// A tree and its server live while any node or metric of it does, until [`shutdown`](Self::shutdown).
/// A second runtime with the same host and fixed port joins the tree of the first.
#[derive(Clone)]
pub struct DistributedRuntime {
    tree: Tree,
    path: Path,
}

node!(DistributedRuntime);

impl DistributedRuntime {
    /// A runtime with the settings of the environment; see [`Config::from_env`].
    ///
    /// # Errors
    /// [`RuntimeError`] if a setting is wrong or the status server cannot listen.
    pub fn new() -> Result<Self, RuntimeError> {
        Self::with_config(Config::from_env()?)
    }

    /// A runtime with these settings, whatever the environment says.
    ///
    /// # Errors
    /// [`RuntimeError`] if the status server cannot listen, or if the runtime to join differs.
    pub fn with_config(config: Config) -> Result<Self, RuntimeError> {
        Tree::open(config, None).map(Self::of)
    }

    /// As [`with_config`](Self::with_config), with callbacks run by the thread that serves `dispatcher`.
    #[doc(hidden)]
    pub fn with_dispatcher(
        config: Config,
        dispatcher: Arc<Dispatcher>,
    ) -> Result<Self, RuntimeError> {
        Tree::open(config, Some(dispatcher)).map(Self::of)
    }

    fn of(tree: Tree) -> Self {
        DistributedRuntime {
            tree,
            path: Path::root(),
        }
    }

    /// A namespace. Dots separate nested ones: `"a.b"` is namespace `b` of namespace `a`.
    pub fn namespace(&self, name: &str) -> Namespace {
        Namespace {
            tree: self.tree.clone(),
            path: self.path.namespace(name),
        }
    }

    /// Where the status server listens, if there is one: the port is the real one.
    pub fn system_status_address(&self) -> Option<SocketAddr> {
        self.tree.address()
    }

    /// What `/health` says while no endpoint reports.
    pub fn set_health_status(&self, status: HealthStatus) {
        self.tree.page().health.set_status(status);
    }

    /// How the metrics of this tree are named.
    pub fn name_style(&self) -> NameStyle {
        self.tree.style()
    }

    /// Whether there is a page that shows figures of the whole process.
    #[doc(hidden)]
    pub fn serves_process_metrics(&self) -> bool {
        self.tree.address().is_some() && self.tree.page().shows_process()
    }

    /// Refuses these names to metrics that are created from now on. `reason` says whose they are,
    /// and what to do.
    #[doc(hidden)]
    pub fn reserve_names(&self, names: impl IntoIterator<Item = String>, reason: &str) {
        self.tree.page().registry.reserve(names, reason);
    }

    /// Stops the status server, within a second, and forgets all callbacks. Metrics go on counting
    /// and [`Metrics::prometheus_expfmt`](crate::Metrics::prometheus_expfmt) still renders them.
    pub fn shutdown(&self) {
        self.tree.shutdown();
    }
}

//! The runtime: the root of the hierarchy.

use std::sync::Arc;

use super::tree::Tree;
use super::{Namespace, node};
use crate::callbacks::Dispatcher;
use crate::config::{Config, ConfigError};
use crate::engine::{EngineHandler, EngineQueue, EngineRouteError};
use crate::health::HealthStatus;
use crate::metrics::{MetricsError, NameStyle, Path};
use crate::server::{ServerError, StatusAddress, WebConfigError};
use crate::shared::SharedError;

/// Why a runtime could not be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// A setting has a wrong value.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The process cannot share its metrics.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The status server did not start.
    #[error(transparent)]
    Server(ServerError),
    /// The web config file is not valid.
    #[error("DYN_SYSTEM_WEB_CONFIG: {0}")]
    WebConfig(#[from] WebConfigError),
    /// The runtime to join has another name style.
    #[error(
        "a runtime of this process already serves {host}:{port} with name style {running}, this one asks for {asked}: use one style, or another DYN_SYSTEM_PORT (0 for a free port)"
    )]
    NameStyle {
        /// The host that it listens on.
        host: String,
        /// The port that it listens on.
        port: u16,
        /// The style of that runtime.
        running: NameStyle,
        /// The style of the new runtime.
        asked: NameStyle,
    },
    /// The runtime's own metrics could not be created.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

impl From<ServerError> for RuntimeError {
    /// What a setting causes is an error of that setting.
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Config(error) => RuntimeError::Config(error),
            ServerError::WebConfig(error) => RuntimeError::WebConfig(error),
            error => RuntimeError::Server(error),
        }
    }
}

/// The root of the hierarchy, with the status server.
///
/// A runtime and its server live as long as any of its nodes and metrics, or until
/// [`shutdown`](Self::shutdown). A second runtime with the same host and fixed port joins the first.
#[derive(Clone)]
pub struct DistributedRuntime {
    tree: Tree,
    path: Path,
}

node!(DistributedRuntime);

impl DistributedRuntime {
    /// Creates a runtime with the settings of the environment; see [`Config::from_env`].
    ///
    /// # Errors
    /// [`RuntimeError`] if a setting is wrong or the status server cannot listen.
    pub fn new() -> Result<Self, RuntimeError> {
        Self::with_config(Config::from_env()?)
    }

    /// Creates a runtime with these settings. Ignores the environment.
    ///
    /// # Errors
    /// [`RuntimeError`] if the status server cannot listen, or if the runtime to join has another name style.
    pub fn with_config(config: Config) -> Result<Self, RuntimeError> {
        Tree::open(config, None).map(Self::of)
    }

    /// As [`with_config`](Self::with_config). The thread that serves `dispatcher` runs the callbacks.
    pub(crate) fn with_dispatcher(
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

    /// A namespace. Dots separate nested namespaces: `"a.b"` is namespace `b` of namespace `a`.
    pub fn namespace(&self, name: &str) -> Namespace {
        Namespace {
            tree: self.tree.clone(),
            path: self.path.namespace(name),
        }
    }

    /// The address of the status server, if there is one. Port 0 is resolved to the actual port.
    pub fn system_status_address(&self) -> Option<StatusAddress> {
        self.tree.address()
    }

    /// The scheme of the status server's URL: `https` if its web config file has TLS, otherwise `http`.
    pub fn system_status_scheme(&self) -> &'static str {
        self.tree.scheme()
    }

    /// Sets the status that `/health` shows while no endpoint has reported one.
    pub fn set_health_status(&self, status: HealthStatus) {
        self.tree.health().set_status(status);
    }

    /// The number of this process among those that share a directory; `None` without one.
    pub fn process_number(&self) -> Option<u64> {
        let members = self.tree.gatherer().members.as_ref();
        members.map(|members| members.group.number())
    }

    /// The directory in which this process shares its metrics.
    pub fn shared_dir(&self) -> Option<&std::path::Path> {
        let members = self.tree.gatherer().members.as_ref();
        members.map(|members| members.group.directory().path())
    }

    /// The name style of the metrics of this runtime.
    pub fn name_style(&self) -> NameStyle {
        self.tree.style()
    }

    /// Answers `POST /engine/<name>` of the status server with what `handler` returns for the JSON of the
    /// request, an empty object for an empty body. An `Err` is a response with status 500. A second handler
    /// of the same name replaces the first.
    ///
    /// `handler` runs on a thread that may block, up to 64 calls at the same time. Everybody who can reach
    /// the port can call it: see the web config for authentication.
    ///
    /// # Errors
    /// [`EngineRouteError`] if `name` is not a path of letters, digits and `-._~`.
    pub fn register_engine_route(
        &self,
        name: &str,
        handler: impl Fn(serde_json::Value) -> Result<serde_json::Value, String> + Send + Sync + 'static,
    ) -> Result<(), EngineRouteError> {
        let handler = EngineHandler::Function(Arc::new(handler));
        self.tree.engine().register(name, handler)
    }

    /// As [`register_engine_route`](Self::register_engine_route). The calls go to `queue`, with `handler`.
    pub(crate) fn register_queued_engine_route(
        &self,
        name: &str,
        handler: Arc<dyn std::any::Any + Send + Sync>,
        queue: Arc<EngineQueue>,
    ) -> Result<(), EngineRouteError> {
        let handler = EngineHandler::Queued(handler, queue);
        self.tree.engine().register(name, handler)
    }

    /// Refuses these names to metrics that are created from now on. `reason`, part of the error, names
    /// their owner and what to do.
    pub(crate) fn reserve_names(&self, names: impl IntoIterator<Item = String>, reason: &str) {
        self.tree.gatherer().registry.reserve(names, reason);
    }

    /// Stops the status server, within a second, and unregisters all callbacks. Metrics still count, and
    /// [`Metrics::prometheus_expfmt`](crate::Metrics::prometheus_expfmt) still returns them.
    pub fn shutdown(&self) {
        self.tree.shutdown();
    }
}

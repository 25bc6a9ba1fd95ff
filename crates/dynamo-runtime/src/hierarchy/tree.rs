//! The tree: the state that all nodes of a runtime share, with the status server.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};
use std::time::Instant;

use super::agent;
use super::gatherer::Gatherer;
use super::runtime::RuntimeError;
use super::served::Server;
use super::status::Status;
use crate::callbacks::{Dispatcher, ExternalText};
use crate::config::Config;
use crate::engine::EngineRoutes;
use crate::health::SystemHealth;
use crate::metrics::{Instrument, KeepAlive, Metric, MetricOwner, NameStyle, Path, Removal};
use crate::server::{StatusAddress, StatusProvider};
use crate::shared::{self, Directory, Group, GroupForkGuard};
use crate::sync::{self, lock};

/// A handle of a tree. The tree and its server live as long as any handle.
#[derive(Clone)]
pub(crate) struct Tree(Arc<Inner>);

/// The state behind the handles.
pub(super) struct Inner {
    status: Arc<Status>,
    server: Server,
    style: NameStyle,
    /// The dispatcher, if the tree created it and must stop its thread.
    dispatcher: Option<Arc<Dispatcher>>,
    shared_as: Option<Address>,
}

/// A host and a fixed port, 0 for a Unix socket.
type Address = (String, u16);

/// The trees whose server has a fixed address: a second runtime with the address joins the tree. The lock
/// is held while such a server starts or stops, so that two servers never compete for a port.
static SHARED: LazyLock<Mutex<HashMap<Address, Weak<Inner>>>> = LazyLock::new(Mutex::default);

/// All trees with a server, for [`ForkGuard::reset`].
static SERVING: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

impl Tree {
    /// Creates a tree and starts its server, or joins the tree that serves the same fixed address.
    pub(crate) fn open(
        config: Config,
        dispatcher: Option<Arc<Dispatcher>>,
    ) -> Result<Self, RuntimeError> {
        let Some(address) = config.fixed_address() else {
            return Self::new(config, dispatcher, None);
        };
        let mut shared = lock(&SHARED);
        match shared.get(&address).and_then(Weak::upgrade).map(Tree) {
            Some(tree) => {
                // The drop of the last handle takes the lock.
                drop(shared);
                tree.join(&config)
            }
            None => {
                let tree = Self::new(config, dispatcher, Some(address.clone()))?;
                shared.insert(address, Arc::downgrade(&tree.0));
                Ok(tree)
            }
        }
    }

    fn new(
        config: Config,
        dispatcher: Option<Arc<Dispatcher>>,
        shared_as: Option<Address>,
    ) -> Result<Self, RuntimeError> {
        let own = dispatcher.is_none().then(Arc::<Dispatcher>::default);
        let dispatcher = dispatcher.or_else(|| own.clone()).unwrap_or_default();
        let group = match &config.shared_dir {
            Some(path) => Some(join_group(path)?),
            None => None,
        };
        let status = Arc::new(Status {
            gatherer: Gatherer::new(&config, dispatcher, group)?,
            health: SystemHealth::new(config.starting_health, config.required_endpoints.clone()),
            engine: EngineRoutes::default(),
        });
        let provider = Arc::clone(&status) as Arc<dyn StatusProvider>;
        let (style, has_port) = (config.name_style, config.port.is_some());
        let server = Server::start(config, provider, group)?;
        let tree = Tree(Arc::new(Inner {
            status,
            server,
            style,
            dispatcher: own,
            shared_as,
        }));
        if has_port || group.is_some() {
            let mut serving = lock(&SERVING);
            serving.retain(|tree| tree.strong_count() > 0);
            serving.push(Arc::downgrade(&tree.0));
        }
        if let Some(group) = group {
            let weak = Arc::downgrade(&tree.0);
            tree.0.status.health.observe(move |health| {
                if let Some(tree) = weak.upgrade()
                    && let Some(members) = &tree.status.gatherer.members
                {
                    members.store_health(health.has_reported().then(|| health.report()));
                }
            });
            agent::start(group, &tree.0);
        }
        Ok(tree)
    }

    fn join(self, config: &Config) -> Result<Self, RuntimeError> {
        if self.0.style == config.name_style {
            return Ok(self);
        }
        Err(RuntimeError::NameStyle {
            host: config.host.clone(),
            port: config.port.unwrap_or_default(),
            running: self.0.style,
            asked: config.name_style,
        })
    }

    /// The tree that a handle of a metric keeps alive.
    pub(crate) fn of_metric<I: Instrument>(metric: &Metric<I>) -> Option<Self> {
        metric.kept().downcast().ok().map(Tree)
    }

    pub(crate) fn gatherer(&self) -> &Gatherer {
        &self.0.status.gatherer
    }

    pub(crate) fn health(&self) -> &SystemHealth {
        &self.0.status.health
    }

    pub(crate) fn engine(&self) -> &EngineRoutes {
        &self.0.status.engine
    }

    /// A handle for metrics, which do not know the tree.
    pub(crate) fn keep_alive(&self) -> KeepAlive {
        KeepAlive::new(Arc::clone(&self.0) as Arc<_>)
    }

    pub(crate) fn style(&self) -> NameStyle {
        self.0.style
    }

    pub(crate) fn address(&self) -> Option<StatusAddress> {
        self.0.server.address()
    }

    pub(crate) fn scheme(&self) -> &'static str {
        self.0.server.scheme()
    }

    /// Stops the server and unregisters all callbacks. Metrics still count.
    pub(crate) fn shutdown(&self) {
        self.0.close();
    }

    /// Whether both are handles of the same tree.
    pub(crate) fn is(&self, other: &Tree) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// Joins the group of a directory.
fn join_group(path: &std::path::Path) -> Result<&'static Group, RuntimeError> {
    let directory = match path.to_str() {
        Some("auto") => Directory::open(&shared::auto()?)?,
        _ => Directory::open(path)?,
    };
    Ok(Group::join(directory)?)
}

impl Inner {
    /// What is due a few times a second in a group.
    pub(super) fn tick(&self) {
        let gatherer = &self.status.gatherer;
        gatherer.metrics.refresh();
        gatherer.note_callbacks();
        gatherer.expire();
        self.server.take_over();
    }

    /// Removes the series that other processes have removed.
    pub(super) fn apply(&self, removals: &[Removal]) {
        for removal in removals.chunks(1) {
            let _section = sync::enter();
            self.status.gatherer.registry.apply(removal);
        }
    }

    /// Whether the runtime has not been shut down.
    pub(super) fn is_open(&self) -> bool {
        self.server.is_open()
    }

    /// Runs the callbacks of this process for a scrape of another one. Returns the external expositions.
    pub(super) fn run_callbacks_for_another(&self, deadline: Instant) -> Vec<ExternalText> {
        let gatherer = &self.status.gatherer;
        gatherer.metrics.refresh();
        gatherer.callbacks.run(&Path::root(), deadline);
        gatherer.callbacks.external_texts()
    }

    fn close(&self) {
        let shared = self.shared_as.as_ref().map(|address| {
            let mut shared = lock(&SHARED);
            if shared
                .get(address)
                .is_some_and(|tree| std::ptr::eq(tree.as_ptr(), self))
            {
                shared.remove(address);
            }
            shared
        });
        self.server.shutdown();
        drop(shared);
        if let Some(dispatcher) = &self.dispatcher {
            dispatcher.stop();
        }
        self.status.gatherer.callbacks.clear();
        self.status.engine.clear();
    }
}

impl MetricOwner for Inner {
    fn rejected(&self, metric: &str, reason: &'static str) {
        self.status.gatherer.metrics.rejected(metric, reason);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(address) = self.server.address() {
            tracing::warn!(
                "the system status server at {address} stops: its runtime, all nodes and all metrics were dropped; keep one of them, or call shutdown() when it is to stop"
            );
        }
        self.close();
    }
}

/// Holds the locks that a fork must find free, from just before the fork until just after it.
///
/// A thread that forks holds a guard meanwhile, and calls [`ForkGuard::reset`] in the child.
pub struct ForkGuard {
    shared: MutexGuard<'static, HashMap<Address, Weak<Inner>>>,
    serving: MutexGuard<'static, Vec<Weak<Inner>>>,
    _gate: std::sync::RwLockWriteGuard<'static, ()>,
    groups: GroupForkGuard,
}

impl ForkGuard {
    /// Waits until no other thread holds a lock of a tree, and keeps the locks from them.
    pub fn new() -> Self {
        let shared = lock(&SHARED);
        let serving = lock(&SERVING);
        ForkGuard {
            shared,
            serving,
            _gate: sync::close(),
            groups: GroupForkGuard::new(),
        }
    }

    /// In the child: closes listeners and connections. The child serves nothing.
    pub fn reset(&mut self) {
        agent::close_in_child();
        self.groups.reset();
        for tree in self.serving.iter().filter_map(Weak::upgrade) {
            tree.server.close_in_child();
            if let Some(members) = &tree.status.gatherer.members {
                members.reset();
                tree.status.gatherer.registry.reset();
            }
            // This may be the last handle, whose drop would take the locks that are held here.
            std::mem::forget(tree);
        }
        self.shared.clear();
        self.serving.retain(|tree| {
            let Some(tree) = tree.upgrade() else {
                return false;
            };
            let is_shared = tree.status.gatherer.members.is_some();
            std::mem::forget(tree);
            is_shared
        });
    }
}

impl Default for ForkGuard {
    fn default() -> Self {
        Self::new()
    }
}

/// Shuts down every runtime that has a server, within a second. Called at the end of the process.
pub fn stop_servers() {
    let serving: Vec<_> = lock(&SERVING)
        .drain(..)
        .filter_map(|tree| tree.upgrade())
        .collect();
    // All servers shut down concurrently.
    for tree in &serving {
        tree.server.begin_shutdown();
    }
    for tree in serving {
        tree.close();
    }
}

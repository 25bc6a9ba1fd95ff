//! What all nodes of a runtime share: its metrics, callbacks, health and status server.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use super::Path;
use crate::callbacks::{Callbacks, Dispatcher, Tally};
use crate::config::{Config, NameStyle};
use crate::exposition::{Text, encode};
use crate::health::{HealthReport, SystemHealth};
use crate::metrics::{
    CounterCell, Desc, GaugeCell, Instrument, MetricsError, Registry, SingleCore,
};
use crate::prometheus_names::{distributed_runtime, name_prefix, runtime_metrics};
use crate::server::{StatusServer, StatusSource};
use crate::sync::{self, lock};

use super::runtime::RuntimeError;

/// A handle of a tree. The tree and its server live while there is one.
#[derive(Clone)]
pub(crate) struct Tree(Arc<Inner>);

struct Inner {
    page: Arc<Page>,
    server: StatusServer,
    style: NameStyle,
    /// Whether the runtime made the dispatcher and so has to end its thread.
    dispatcher: Option<Arc<Dispatcher>>,
    shared_as: Option<Address>,
}

/// A host and a fixed port.
type Address = (String, u16);

/// The trees whose server has a fixed address, which a second runtime joins. The lock is held while
/// such a server starts or stops, so that two never fight for the port.
static SHARED: LazyLock<Mutex<HashMap<Address, Weak<Inner>>>> = LazyLock::new(Mutex::default);

/// All trees with a server, for [`Frozen::reset`].
static SERVING: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

impl Tree {
    /// Makes a tree and starts its server, or joins the one that serves the same fixed address.
    pub(crate) fn open(
        config: Config,
        dispatcher: Option<Arc<Dispatcher>>,
    ) -> Result<Self, RuntimeError> {
        let address = config
            .port
            .filter(|&port| port != 0)
            .map(|port| (config.host.clone(), port));
        let Some(address) = address else {
            return Self::new(config, dispatcher, None);
        };
        let mut shared = lock(&SHARED);
        match shared.get(&address).and_then(Weak::upgrade).map(Tree) {
            Some(tree) => {
                // Dropping the tree, should it be the last handle, takes the lock.
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
        let page = Arc::new(Page::new(&config, dispatcher)?);
        let server = StatusServer::start(&config, Arc::clone(&page) as Arc<dyn StatusSource>)?;
        let tree = Tree(Arc::new(Inner {
            page,
            server,
            style: config.name_style,
            dispatcher: own,
            shared_as,
        }));
        if config.port.is_some() {
            let mut serving = lock(&SERVING);
            serving.retain(|tree| tree.strong_count() > 0);
            serving.push(Arc::downgrade(&tree.0));
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

    pub(crate) fn page(&self) -> &Arc<Page> {
        &self.0.page
    }

    pub(crate) fn style(&self) -> NameStyle {
        self.0.style
    }

    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        self.0.server.address()
    }

    /// Stops the server and forgets the callbacks; the metrics go on counting.
    pub(crate) fn shutdown(&self) {
        self.0.close();
    }

    /// Whether both are handles of one tree.
    pub(crate) fn is(&self, other: &Tree) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl Inner {
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
        self.page.callbacks.clear();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Holds whatever a fork could tear, from just before it until just after.
///
/// A thread that forks must hold one meanwhile, and call [`Frozen::reset`] in the child.
#[doc(hidden)]
pub struct Frozen {
    shared: MutexGuard<'static, HashMap<Address, Weak<Inner>>>,
    serving: MutexGuard<'static, Vec<Weak<Inner>>>,
    _gate: std::sync::RwLockWriteGuard<'static, ()>,
}

impl Frozen {
    /// Waits for running renders to reach a place where they hold no lock, and stops them there.
    pub fn new() -> Self {
        let shared = lock(&SHARED);
        let serving = lock(&SERVING);
        Frozen {
            shared,
            serving,
            _gate: sync::close(),
        }
    }

    /// In the child: closes listeners and connections. Nothing is served there.
    pub fn reset(&mut self) {
        for tree in self.serving.drain(..).filter_map(|tree| tree.upgrade()) {
            tree.server.close_in_child();
            // The last handle may have been dropped by a thread of the parent: closing needs locks held here.
            std::mem::forget(tree);
        }
        self.shared.clear();
    }
}

impl Default for Frozen {
    fn default() -> Self {
        Self::new()
    }
}

/// Shuts down every runtime that has a server, within a second: at the end of the process.
#[doc(hidden)]
pub fn stop_servers() {
    let serving: Vec<_> = lock(&SERVING)
        .drain(..)
        .filter_map(|tree| tree.upgrade())
        .collect();
    // All end at the same time.
    for tree in &serving {
        tree.server.ask_to_end();
    }
    for tree in serving {
        tree.close();
    }
}

/// What a scrape shows.
pub(crate) struct Page {
    pub(crate) registry: Registry,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) health: SystemHealth,
    callback_timeout: Duration,
    started: Instant,
    uptime: Arc<SingleCore<GaugeCell<f64>>>,
    /// Registered with the first callback.
    figures: Mutex<Option<CallbackFigures>>,
}

#[derive(Clone)]
struct CallbackFigures {
    errors: Arc<SingleCore<CounterCell<u64>>>,
    timeouts: Arc<SingleCore<CounterCell<u64>>>,
}

impl Page {
    fn new(config: &Config, dispatcher: Arc<Dispatcher>) -> Result<Self, MetricsError> {
        let registry = Registry::default();
        let uptime = own(
            &registry,
            name_prefix::COMPONENT,
            distributed_runtime::UPTIME_SECONDS,
            "Total uptime of the DistributedRuntime in seconds",
        )?;
        Ok(Page {
            registry,
            callbacks: Arc::new(Callbacks::new(dispatcher)),
            health: SystemHealth::new(config.starting_health, config.required_endpoints.clone()),
            callback_timeout: config.callback_timeout,
            started: Instant::now(),
            uptime,
            figures: Mutex::new(None),
        })
    }

    /// Shows how callbacks fare from now on.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has taken one of the names.
    pub(crate) fn show_callback_figures(&self) -> Result<(), MetricsError> {
        let mut figures = lock(&self.figures);
        if figures.is_none() {
            *figures = Some(CallbackFigures {
                errors: own(
                    &self.registry,
                    name_prefix::RUNTIME,
                    runtime_metrics::CALLBACK_ERRORS_TOTAL,
                    "Metrics callbacks that raised an exception",
                )?,
                timeouts: own(
                    &self.registry,
                    name_prefix::RUNTIME,
                    runtime_metrics::CALLBACK_TIMEOUTS_TOTAL,
                    "Metrics callbacks that had not finished when a scrape had to answer",
                )?,
            });
        }
        Ok(())
    }

    pub(crate) fn run_callbacks_of(&self, scope: &Path, deadline: Instant) {
        self.callbacks.run(scope, deadline, self);
    }

    /// The time callbacks of a scrape that begins now have, if the scraper sets no limit.
    pub(crate) fn callback_deadline(&self) -> Instant {
        Instant::now() + self.callback_timeout
    }

    /// Appends the metrics of `scope` and below it, as text.
    pub(crate) fn render_scope(&self, scope: &Path, out: &mut Vec<u8>) {
        self.uptime.cell().set(self.started.elapsed().as_secs_f64());
        let families = {
            let _section = sync::enter();
            self.registry.gather(scope)
        };
        encode(&Text, &families, out);
    }

    fn figures(&self) -> Option<CallbackFigures> {
        let _section = sync::enter();
        lock(&self.figures).clone()
    }
}

/// A metric of the runtime itself.
fn own<I: Instrument<Options = ()>>(
    registry: &Registry,
    prefix: &str,
    name: &str,
    help: &str,
) -> Result<Arc<SingleCore<I>>, MetricsError> {
    let desc = Desc::new(
        format!("{prefix}_{name}"),
        help,
        I::KIND,
        &Path::root(),
        &[],
        &[],
    )?;
    registry.register(desc, I::TYPE_NAME, None, |desc, sequence| {
        SingleCore::new(desc, &(), sequence)
    })
}

impl Tally for Page {
    fn timed_out(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(figures) = self.figures()
        {
            figures.timeouts.cell().add(callbacks);
        }
    }

    fn failed(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(figures) = self.figures()
        {
            figures.errors.cell().add(callbacks);
        }
    }
}

impl StatusSource for Page {
    fn run_callbacks(&self, deadline: Instant) {
        self.run_callbacks_of(&Path::root(), deadline);
    }

    fn callback_timeout(&self) -> Duration {
        self.callback_timeout
    }

    fn render(&self, out: &mut Vec<u8>) {
        self.render_scope(&Path::root(), out);
    }

    fn health(&self) -> HealthReport {
        self.health.report()
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

//! What all nodes of a runtime share: its metrics, callbacks, health and status server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use super::Path;
use crate::callbacks::{Callbacks, Dispatcher, Tally};
use crate::config::{Config, NameStyle};
use crate::exposition::{Dropped, Exposed, Exposition, merge};
use crate::health::{HealthReport, SystemHealth};
use crate::metrics::{CounterCell, GaugeCell, MetricsError, Registry, SingleCore};
use crate::process::Process;
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
    created_samples: bool,
    process: Option<Process>,
    /// The length of the last page in bytes.
    last_len: AtomicUsize,
    started: Instant,
    uptime: Arc<SingleCore<GaugeCell<f64>>>,
    scrape_duration: Option<Arc<SingleCore<GaugeCell<f64>>>>,
    /// Registered with the first callback.
    figures: Mutex<Option<CallbackFigures>>,
    /// Registered with the first callback that returns text.
    losses: Mutex<Option<TextFigures>>,
}

#[derive(Clone)]
struct CallbackFigures {
    errors: Arc<SingleCore<CounterCell<u64>>>,
    timeouts: Arc<SingleCore<CounterCell<u64>>>,
}

#[derive(Clone)]
struct TextFigures {
    families: Arc<SingleCore<CounterCell<u64>>>,
    series: Arc<SingleCore<CounterCell<u64>>>,
}

impl Page {
    fn new(config: &Config, dispatcher: Arc<Dispatcher>) -> Result<Self, MetricsError> {
        let registry = Registry::new(config.max_series);
        let uptime = registry.own(
            &format!(
                "{}_{}",
                name_prefix::COMPONENT,
                distributed_runtime::UPTIME_SECONDS
            ),
            "Total uptime of the DistributedRuntime in seconds",
            &[],
        )?;
        let scrape_duration = match config.port {
            Some(_) => Some(registry.figure(
                runtime_metrics::SCRAPE_DURATION_SECONDS,
                "Time the scrape before this one took to answer, callbacks included, in seconds",
                &[],
            )?),
            None => None,
        };
        let process = match config.process_metrics {
            true => Some(Process::new(&registry, config.port.is_some())?),
            false => None,
        };
        Ok(Page {
            process,
            registry,
            callbacks: Arc::new(Callbacks::new(dispatcher)),
            health: SystemHealth::new(config.starting_health, config.required_endpoints.clone()),
            callback_timeout: config.callback_timeout,
            created_samples: config.created_samples,
            last_len: AtomicUsize::new(0),
            started: Instant::now(),
            uptime,
            scrape_duration,
            figures: Mutex::new(None),
            losses: Mutex::new(None),
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
                errors: self.registry.figure(
                    runtime_metrics::CALLBACK_ERRORS_TOTAL,
                    "Metrics callbacks that raised an exception",
                    &[],
                )?,
                timeouts: self.registry.figure(
                    runtime_metrics::CALLBACK_TIMEOUTS_TOTAL,
                    "Metrics callbacks that had not finished when a scrape had to answer",
                    &[],
                )?,
            });
        }
        Ok(())
    }

    /// Shows from now on what of other libraries' texts cannot be shown.
    ///
    /// # Errors
    /// [`MetricsError::Conflict`] if a user's metric has taken one of the names.
    pub(crate) fn show_text_figures(&self) -> Result<(), MetricsError> {
        let mut losses = lock(&self.losses);
        if losses.is_none() {
            *losses = Some(TextFigures {
                families: self.registry.figure(
                    runtime_metrics::TEXT_DROPPED_FAMILIES_TOTAL,
                    "Families in the text of callbacks that were left out: not understood, or in conflict with another",
                    &[],
                )?,
                series: self.registry.figure(
                    runtime_metrics::TEXT_DROPPED_SERIES_TOTAL,
                    "Series in the text of callbacks that were left out because they were there already",
                    &[],
                )?,
            });
        }
        Ok(())
    }

    pub(crate) fn shows_process(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn run_callbacks_of(&self, scope: &Path, deadline: Instant) {
        self.callbacks.run(scope, deadline, self);
    }

    /// The time callbacks of a scrape that begins now have, if the scraper sets no limit.
    pub(crate) fn callback_deadline(&self) -> Instant {
        Instant::now() + self.callback_timeout
    }

    /// Appends the metrics of `scope` and below it.
    pub(crate) fn render_scope(&self, scope: &Path, exposition: Exposition, out: &mut Vec<u8>) {
        self.uptime
            .update()
            .set(self.started.elapsed().as_secs_f64());
        if let Some(process) = self.process.as_ref().filter(|_| *scope == Path::root()) {
            process.refresh();
        }
        let families = {
            let _section = sync::enter();
            self.registry.gather(scope)
        };
        for member in families.iter().flat_map(|gathered| &gathered.members) {
            let _section = sync::enter();
            member.expire();
        }
        let families = families.into_iter().map(Exposed::from).collect();
        let parts = self.callbacks.parts(scope);
        let (families, dropped) = merge(families, parts.into_iter());
        self.dropped(dropped);
        // A page is about as long as the one before: growing it step by step would cost as much as
        // writing it.
        let last_len = self.last_len.load(Relaxed);
        out.reserve(last_len + last_len / 8);
        let start = out.len();
        let dropped = exposition.write(families, self.created_samples, out);
        self.last_len.store(out.len() - start, Relaxed);
        self.dropped(dropped);
    }

    fn figures(&self) -> Option<CallbackFigures> {
        let _section = sync::enter();
        lock(&self.figures).clone()
    }
}

impl Tally for Page {
    fn dropped(&self, dropped: Dropped) {
        if dropped == Dropped::default() {
            return;
        }
        let losses = {
            let _section = sync::enter();
            lock(&self.losses).clone()
        };
        if let Some(losses) = losses {
            losses.families.update().add(dropped.families);
            losses.series.update().add(dropped.series);
        }
    }

    fn timed_out(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(figures) = self.figures()
        {
            figures.timeouts.update().add(callbacks);
        }
    }

    fn failed(&self, callbacks: u64) {
        if callbacks > 0
            && let Some(figures) = self.figures()
        {
            figures.errors.update().add(callbacks);
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

    fn render(&self, exposition: Exposition, out: &mut Vec<u8>) {
        self.render_scope(&Path::root(), exposition, out);
    }

    fn scraped(&self, took: Duration) {
        if let Some(gauge) = &self.scrape_duration {
            gauge.update().set(took.as_secs_f64());
        }
    }

    fn health(&self) -> HealthReport {
        self.health.report()
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

//! What all nodes of a runtime share: its page and the status server that shows it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use super::page::Page;
use super::runtime::RuntimeError;
use crate::callbacks::Dispatcher;
use crate::config::{Config, NameStyle};
use crate::server::{StatusServer, StatusSource};
use crate::sync::{self, lock};

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

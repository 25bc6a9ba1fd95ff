//! The system status server: `/metrics`, `/health` and `/live`, on its own thread.

mod activity;
mod address;
mod body;
mod connection;
mod connections;
mod engine;
mod error;
mod fds;
mod limits;
mod listener;
mod page;
mod peer;
mod routes;
mod scrape;
mod slots;
mod sockets;
mod stream;
#[cfg(test)]
mod tests;
mod unix;
mod web;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};
use std::{io, mem};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

pub use self::address::StatusAddress;
use self::connections::Connections;
pub use self::error::ServerError;
use self::limits::Limits;
use self::listener::Listening;
pub(crate) use self::page::{HEADERS as PAGE_HEADERS, file as page_file};
use self::routes::Responder;
use self::slots::Slots;
use self::sockets::Sockets;
use self::web::WebConfig;
pub use self::web::WebConfigError;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::{scrape::callback_deadline, web::parse as parse_web_config};
use crate::config::Config;
use crate::engine::EngineRoutes;
use crate::exposition::{ExpositionFormat, Selection};
use crate::health::HealthReport;
use crate::sync;
use crate::system;

/// How long [`StatusServer::shutdown`] waits for the thread, which drains connections for up to half a second.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(900);

/// The number of connections that may wait to be accepted. Further clients retry after a second.
const BACKLOG: u32 = 4096;

/// Provides the expositions and the health that the server shows.
///
/// The server calls every method from any of its threads. No method takes the GIL; `run_callbacks` hands
/// callbacks to another thread and waits. A method that takes locks of the tree enters a section of
/// [`sync`] itself.
pub(crate) trait StatusProvider: Send + Sync + 'static {
    /// Runs the callbacks and waits for them until `deadline`, which may have passed. Blocks.
    fn run_callbacks(&self, deadline: Instant);
    /// As [`run_callbacks`](Self::run_callbacks), with several sorted deadlines: waits for the last one, and
    /// calls `reached` with the index of each earlier deadline when it passes.
    fn run_callbacks_until(&self, deadlines: &[Instant], _reached: &mut dyn FnMut(usize)) {
        if let Some(last) = deadlines.last() {
            self.run_callbacks(*last);
        }
    }
    /// The timeout that the callbacks of a new scrape share: `DYN_METRICS_CALLBACK_TIMEOUT`, and the time that
    /// running callbacks have left.
    fn callback_timeout(&self) -> Duration;
    /// Appends the exposition of all families, or of those selected, to `out`. Blocks while it gathers and
    /// encodes.
    fn encode(&self, format: ExpositionFormat, selection: Option<&Selection>, out: &mut Vec<u8>);
    /// Receives the time a scrape took to gather and encode.
    fn scraped(&self, duration: Duration);
    /// The current health. Called on the thread that serves: must not block.
    fn health(&self) -> HealthReport;
    /// The time since the runtime was created. Called on the thread that serves: must not block.
    fn uptime(&self) -> Duration;
    /// The routes that the user has registered.
    fn engine_routes(&self) -> Option<&EngineRoutes> {
        None
    }
}

/// A running server. Dropping it shuts it down.
pub(crate) struct StatusServer {
    address: Option<StatusAddress>,
    running: AtomicBool,
    sockets: Arc<Sockets>,
    /// Taken by the first caller of `shutdown`. Locked only inside a section of [`sync`].
    thread: Mutex<Option<ServerThread>>,
}

/// Controls the server's thread.
struct ServerThread {
    id: ThreadId,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    /// Disconnected when the thread has ended.
    ended: mpsc::Receiver<()>,
}

impl StatusServer {
    /// Listens on `config.host` and `config.port`, and serves `provider` on its own thread.
    /// Without a port the server is off: it has no address, and `shutdown` does nothing.
    ///
    /// # Errors
    /// The port is in use, the address is not one of this machine, two routes have the same path, the web
    /// config is not valid, or the system refuses a thread or descriptor.
    pub(crate) fn start(
        config: &Config,
        provider: Arc<dyn StatusProvider>,
    ) -> Result<Self, ServerError> {
        Self::start_with(config, provider, Limits::default())
    }

    fn start_with(
        config: &Config,
        provider: Arc<dyn StatusProvider>,
        limits: Limits,
    ) -> Result<Self, ServerError> {
        let sockets = Arc::new(Sockets::default());
        let Some(port) = config.port else {
            return Ok(Self {
                address: None,
                running: AtomicBool::new(false),
                sockets,
                thread: Mutex::new(None),
            });
        };
        config.check_paths()?;
        let web = WebConfig::load(config.web_config.as_deref())?;
        let is_open = web.is_open();
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .thread_name("dynamo-scrape")
            // The threads that encode and compress. Threads that serve requests take precedence.
            .on_thread_start(system::lower_priority)
            // Every other turn is for what other threads have done, such as a step of a TLS handshake. In the
            // usual one turn of 31, a flood of connections would delay it by seconds.
            .global_queue_interval(2)
            .build()
            .map_err(|source| ServerError::Start { source })?;
        let bind_error = |source| ServerError::Bind {
            host: config.host.clone(),
            port,
            source,
        };
        let listening = {
            let _context = runtime.enter();
            listen(&sockets, &config.host, port).map_err(bind_error)?
        };
        let address = listening.listener.address().map_err(bind_error)?;
        let slots = Slots::new(&limits);
        let responder = Responder::new(config, provider, Arc::clone(&slots), web);
        let thread = spawn(runtime, listening, responder, slots, limits)
            .map_err(|source| ServerError::Start { source })?;
        log_start(&address, scheme(config), is_open);
        Ok(Self {
            address: Some(address),
            running: AtomicBool::new(true),
            sockets,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The address of the server, with the actual port; `None` if the server is off or shut down.
    pub(crate) fn address(&self) -> Option<StatusAddress> {
        let address = self.address.as_ref();
        address
            .filter(|_| self.running.load(Ordering::Acquire))
            .cloned()
    }

    /// Starts a shutdown, as [`shutdown`](Self::shutdown) does, without waiting for its end.
    pub(crate) fn begin_shutdown(&self) {
        self.running.store(false, Ordering::Release);
        let _section = sync::enter();
        if let Some(thread) = sync::lock(&self.thread).as_mut() {
            thread.stop = None;
        }
    }

    /// Stops listening, drains running responses for half a second, and closes all connections.
    /// Returns within a second, and immediately if the server is already shut down. Does not wait for a
    /// thread that the provider blocks.
    pub(crate) fn shutdown(&self) {
        let thread = {
            let _section = sync::enter();
            sync::lock(&self.thread).take()
        };
        self.running.store(false, Ordering::Release);
        if let Some(thread) = thread {
            thread.end();
        }
    }

    /// Closes the server's sockets in a forked child, and discards the thread, which exists only in the
    /// parent. The caller has had the gate of [`sync`] closed since before the fork.
    pub(crate) fn close_in_child(&self) {
        self.running.store(false, Ordering::Release);
        self.sockets.close_in_child();
        // The channels may be in any state. A drop could wait for a thread that does not exist.
        mem::forget(sync::lock(&self.thread).take());
    }
}

impl Drop for StatusServer {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl ServerThread {
    fn end(self) {
        drop(self.stop);
        // A provider may shut down its own server. The thread cannot wait for itself.
        if self.id == thread::current().id() {
            return;
        }
        if self.ended.recv_timeout(SHUTDOWN_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the system status server did not stop within the shutdown timeout");
        }
    }
}

fn listen(sockets: &Arc<Sockets>, host: &str, port: u16) -> io::Result<Listening> {
    if let Some(path) = address::unix_path(host) {
        let (listener, file) = sockets.listen_unix(path, BACKLOG)?;
        return Ok(Listening {
            listener,
            file: Some(file),
        });
    }
    let mut failed = io::ErrorKind::AddrNotAvailable.into();
    for address in address::resolve(host, port)? {
        match sockets.listen(address, BACKLOG) {
            Ok(listener) => {
                return Ok(Listening {
                    listener,
                    file: None,
                });
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// How clients of the server begin its URL: `https` if its web config has TLS now.
pub(crate) fn scheme(config: &Config) -> &'static str {
    match &config.web_config {
        Some(path) if web::has_tls(path) => "https",
        _ => "http",
    }
}

fn log_start(address: &StatusAddress, scheme: &str, is_open: bool) {
    if scheme == "https" {
        tracing::info!(%address, "the system status server is listening, with TLS: use https://");
    } else {
        tracing::info!(%address, "the system status server is listening");
    }
    let is_on_all = address
        .tcp()
        .is_some_and(|address| address.ip().to_canonical().is_unspecified());
    if is_on_all && is_open {
        tracing::info!(
            %address,
            "the system status server is open to every host that reaches its port: DYN_SYSTEM_HOST limits it to one address, DYN_SYSTEM_WEB_CONFIG adds TLS and passwords (docs/security.md)"
        );
    }
}

fn spawn(
    runtime: Runtime,
    listening: Listening,
    responder: Arc<Responder>,
    slots: Arc<Slots>,
    limits: Limits,
) -> io::Result<ServerThread> {
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = mpsc::channel();
    let serve = move || {
        run(runtime, listening, responder, slots, limits, stopped);
        drop(end);
    };
    let thread = thread::Builder::new()
        .name("dynamo-status".to_owned())
        .spawn(serve)?;
    Ok(ServerThread {
        id: thread.thread().id(),
        stop: Some(stop),
        ended,
    })
}

/// The server's thread.
fn run(
    runtime: Runtime,
    listening: Listening,
    responder: Arc<Responder>,
    slots: Arc<Slots>,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) {
    let connections = Connections::new(limits);
    runtime.block_on(async {
        tokio::spawn(Arc::clone(&connections).close_expired(slots));
        let backoff = limits.accept_backoff;
        let accept = listener::accept_all(listening, Arc::clone(&connections), responder, backoff);
        // A task takes turns with the connections, which `block_on` does not.
        let accept = tokio::spawn(accept);
        let _ = stopped.await;
        // Drops the listener.
        accept.abort();
        let _ = accept.await;
        connections.drain().await;
    });
    // Does not wait for a running gather.
    runtime.shutdown_background();
}

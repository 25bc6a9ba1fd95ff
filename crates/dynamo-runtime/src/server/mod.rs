//! The system status server: `/metrics`, `/health` and `/live` on a thread of their own.

mod activity;
mod connection;
mod connections;
mod error;
mod fds;
mod limits;
mod listener;
mod page;
mod routes;
mod scrape;
mod sockets;
#[cfg(test)]
mod tests;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};
use std::{io, mem};

use axum::Router;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use self::connections::Connections;
pub use self::error::ServerError;
use self::limits::Limits;
use self::sockets::{Socket, Sockets};
use crate::config::Config;
use crate::exposition::Exposition;
use crate::health::HealthReport;
use crate::sync;
use crate::system;

/// How long [`StatusServer::shutdown`] waits for the thread, which itself takes up to half a second.
const SHUTDOWN_PATIENCE: Duration = Duration::from_millis(900);

/// Connections that may wait to be accepted. One more, and its client tries again a second later.
const BACKLOG: u32 = 4096;

/// What the server shows; the tree of metrics implements it.
///
/// Every method may be called from any thread of the server and must not need the GIL,
/// except inside `run_callbacks`, which hands the work to another thread and waits.
/// A method that takes locks of the tree enters a section of [`sync`] itself.
pub(crate) trait StatusSource: Send + Sync + 'static {
    /// Runs the update callbacks and waits for them until `deadline`, which may have passed. Blocks.
    fn run_callbacks(&self, deadline: Instant);
    /// How long callbacks may take together in one scrape (`DYN_METRICS_CALLBACK_TIMEOUT`).
    fn callback_timeout(&self) -> Duration;
    /// Appends the page to `out`. Blocks for as long as rendering takes.
    fn render(&self, exposition: Exposition, out: &mut Vec<u8>);
    /// Told how long a scrape took to gather and encode.
    fn scraped(&self, took: Duration);
    /// What `/health` answers now. Runs on the thread that serves: must not block.
    fn health(&self) -> HealthReport;
    /// Time since the runtime was created. Runs on the thread that serves: must not block.
    fn uptime(&self) -> Duration;
}

/// A running server. Dropping it shuts it down.
pub(crate) struct StatusServer {
    address: Option<SocketAddr>,
    running: AtomicBool,
    sockets: Arc<Sockets>,
    /// Taken by whoever ends the server. Locked inside a section of [`sync`] only.
    thread: Mutex<Option<ServerThread>>,
}

/// The other end of the server's thread.
struct ServerThread {
    id: ThreadId,
    /// Dropped to stop it.
    stop: Option<oneshot::Sender<()>>,
    /// Disconnected when it has ended.
    ended: mpsc::Receiver<()>,
}

impl StatusServer {
    /// Listens on `config.host` and `config.port`, and serves `source` from a thread of its own.
    /// Without a port the server is off: it has no address, and shutting it down does nothing.
    ///
    /// # Errors
    /// The port is in use or the address is not ours, the paths of two routes clash, or the system
    /// gives no thread or descriptor.
    pub(crate) fn start(
        config: &Config,
        source: Arc<dyn StatusSource>,
    ) -> Result<Self, ServerError> {
        Self::start_with(config, source, Limits::default())
    }

    fn start_with(
        config: &Config,
        source: Arc<dyn StatusSource>,
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
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .thread_name("dynamo-scrape")
            // The threads that render and compress. A token loop must not wait for them.
            .on_thread_start(system::stand_back)
            .build()
            .map_err(|source| ServerError::Start { source })?;
        let bind_error = |source| ServerError::Bind {
            host: config.host.clone(),
            port,
            source,
        };
        let listener = {
            let _context = runtime.enter();
            listen(&sockets, &config.host, port).map_err(bind_error)?
        };
        let address = listener.local_addr().map_err(bind_error)?;
        let router = routes::router(config, source);
        let thread = spawn(runtime, listener, router, limits)
            .map_err(|source| ServerError::Start { source })?;
        tracing::info!(%address, "the system status server listens");
        Ok(Self {
            address: Some(address),
            running: AtomicBool::new(true),
            sockets,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Where the server listens, with the port that was chosen; `None` when it is off or shut down.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
            .filter(|_| self.running.load(Ordering::Acquire))
    }

    /// Has the server shut down as [`shutdown`](Self::shutdown) does, without waiting for it.
    pub(crate) fn ask_to_end(&self) {
        self.running.store(false, Ordering::Release);
        let _section = sync::enter();
        if let Some(thread) = sync::lock(&self.thread).as_mut() {
            thread.stop = None;
        }
    }

    /// Stops listening, lets running responses finish for half a second, and closes all connections.
    /// Returns within a second, and at once if the server is already shut down. A thread that does
    /// not end in time, because the source blocks it, is left alone.
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

    /// Closes the server's sockets in a forked child and forgets its thread, which stayed in the
    /// parent. The caller has had the gate of [`sync`] closed since before the fork.
    pub(crate) fn close_in_child(&self) {
        self.running.store(false, Ordering::Release);
        self.sockets.close_in_child();
        // Its channels may be in any state: a drop could wait for a thread that is not there.
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
        // The thread cannot wait for itself, should a source shut its own server down.
        if self.id == thread::current().id() {
            return;
        }
        if self.ended.recv_timeout(SHUTDOWN_PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the system status server did not end in time");
        }
    }
}

fn listen(
    sockets: &Arc<Sockets>,
    host: &str,
    port: u16,
) -> io::Result<Socket<tokio::net::TcpListener>> {
    // An IPv6 address may be written as in a URL.
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let mut failed = io::ErrorKind::AddrNotAvailable.into();
    for address in (bare.unwrap_or(host), port).to_socket_addrs()? {
        match sockets.listen(address, BACKLOG) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn spawn(
    runtime: Runtime,
    listener: Socket<tokio::net::TcpListener>,
    router: Router,
    limits: Limits,
) -> io::Result<ServerThread> {
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = mpsc::channel();
    let serve = move || {
        run(runtime, listener, router, limits, stopped);
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
    listener: Socket<tokio::net::TcpListener>,
    router: Router,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) {
    let connections = Connections::new(limits);
    runtime.block_on(async {
        tokio::spawn(Arc::clone(&connections).reap());
        let backoff = limits.accept_backoff;
        tokio::select! {
            // Drops the other, and with it the listener.
            _ = stopped => {}
            () = listener::accept_all(listener, Arc::clone(&connections), router, backoff) => {}
        }
        connections.drain().await;
    });
    // Drops what is left, except a gather under way: nobody waits for that.
    runtime.shutdown_background();
}

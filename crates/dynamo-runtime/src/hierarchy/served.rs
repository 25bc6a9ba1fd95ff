//! The status server of a tree: of this process, of another process of the group, or of a parent.

use std::env;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::server::{self, ServerError, StatusAddress, StatusProvider, StatusServer};
use crate::shared::{Directory, Group};
use crate::sync::{self, lock};

/// The socket of a server that has ended is closed a moment after its lock.
const BIND_TIMEOUT: Duration = Duration::from_millis(300);

/// The environment variable in which a process that listens on a port leaves its mark for its children: the
/// port, its process id and its start time.
pub const SERVED_BY: &str = "DYN_SYSTEM_SERVED_BY";

/// See the module. The lock is taken inside a section of [`sync`], for a moment.
pub(super) struct Server {
    config: Config,
    provider: Arc<dyn StatusProvider>,
    group: Option<&'static Group>,
    state: Mutex<State>,
}

struct State {
    server: Arc<StatusServer>,
    /// The lock of the member that serves the port.
    lock: Option<File>,
    is_closed: bool,
    /// In a forked child of a group: its own server, on a free port, is not started yet.
    is_missing: bool,
    failure_logged: bool,
}

impl Server {
    /// Starts the server, unless the port is served by another process of the group or by a parent.
    pub(super) fn start(
        config: Config,
        provider: Arc<dyn StatusProvider>,
        group: Option<&'static Group>,
    ) -> Result<Self, ServerError> {
        let (server, lock) = start(&config, &provider, group)?;
        Ok(Server {
            config,
            provider,
            group,
            state: Mutex::new(State {
                server: Arc::new(server),
                lock,
                is_closed: false,
                is_missing: false,
                failure_logged: false,
            }),
        })
    }

    fn current(&self) -> Arc<StatusServer> {
        let _section = sync::enter();
        Arc::clone(&lock(&self.state).server)
    }

    /// The address of the server, which may be that of another process of the group.
    pub(super) fn address(&self) -> Option<StatusAddress> {
        let own = self.current().address();
        let is_closed = {
            let _section = sync::enter();
            lock(&self.state).is_closed
        };
        match (own, self.shared_address()) {
            (None, Some((directory, key))) if !is_closed => {
                let stored = directory.served_address(&key);
                stored
                    .and_then(|text| StatusAddress::parse(&text))
                    .or_else(|| self.planned_address())
            }
            (own, _) => own,
        }
    }

    /// The scheme of the server's URL, `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        server::scheme(&self.config)
    }

    /// The address, while the process that serves it has not stored it yet.
    fn planned_address(&self) -> Option<StatusAddress> {
        let (host, port) = self.config.fixed_address()?;
        StatusAddress::of(&host, port)
    }

    fn shared_address(&self) -> Option<(&'static Directory, String)> {
        shared_address(&self.config, self.group)
    }

    /// Whether the server has not been shut down.
    pub(super) fn is_open(&self) -> bool {
        let _section = sync::enter();
        !lock(&self.state).is_closed
    }

    /// Starts the server if the process that served the port has ended, or if this is a forked child that has a
    /// port of its own.
    pub(super) fn take_over(&self) {
        let (is_served, is_missing) = {
            let _section = sync::enter();
            let mut state = lock(&self.state);
            let is_served = state.lock.is_some() || state.is_closed;
            (is_served, std::mem::take(&mut state.is_missing))
        };
        if is_served || (self.shared_address().is_none() && !is_missing) {
            return;
        }
        let started = start(&self.config, &self.provider, self.group);
        let _section = sync::enter();
        let mut state = lock(&self.state);
        match started {
            Ok((server, Some(file))) if !state.is_closed => {
                state.server = Arc::new(server);
                state.lock = Some(file);
            }
            Ok((server, None)) if is_missing && !state.is_closed => {
                state.server = Arc::new(server);
            }
            Ok(_) => {}
            Err(error) if !state.failure_logged => {
                state.failure_logged = true;
                tracing::error!("this process cannot take over the port of its group: {error}");
            }
            Err(_) => {}
        }
    }

    /// Starts a shutdown without waiting for its end.
    pub(super) fn begin_shutdown(&self) {
        self.close().begin_shutdown();
    }

    /// Stops the server for good, within a second.
    pub(super) fn shutdown(&self) {
        self.close().shutdown();
        let file = {
            let _section = sync::enter();
            lock(&self.state).lock.take()
        };
        // Another process takes over.
        drop(file);
    }

    fn close(&self) -> Arc<StatusServer> {
        let _section = sync::enter();
        let mut state = lock(&self.state);
        state.is_closed = true;
        Arc::clone(&state.server)
    }

    /// Closes the sockets in a forked child. The caller has had the gate of [`sync`] closed since before the
    /// fork.
    pub(super) fn close_in_child(&self) {
        let mut state = lock(&self.state);
        state.server.close_in_child();
        state.lock = None;
        let has_own_port = self.config.port.is_some() && self.shared_address().is_none();
        state.is_missing = self.group.is_some() && has_own_port;
    }
}

/// The directory of a server that processes share, and a name for its fixed port or its Unix socket.
fn shared_address(
    config: &Config,
    group: Option<&'static Group>,
) -> Option<(&'static Directory, String)> {
    let key = match config.fixed_address()? {
        (host, 0) => host.replace('%', "%25").replace('/', "%2F"),
        (_, port) => port.to_string(),
    };
    Some((group?.directory(), key))
}

/// Starts a server with the lock of its port, or one that is off.
fn start(
    config: &Config,
    provider: &Arc<dyn StatusProvider>,
    group: Option<&'static Group>,
) -> Result<(StatusServer, Option<File>), ServerError> {
    let off = Config {
        port: None,
        ..config.clone()
    };
    let Some((directory, key)) = shared_address(config, group) else {
        return match StatusServer::start(config, Arc::clone(provider)) {
            Err(error) if is_in_use(&error) && is_served_by_parent(config) => {
                let port = config.port.unwrap_or_default();
                tracing::warn!(
                    "port {port} is served by the parent of this process (pid {}), whose /metrics does not show this process: its metrics are shown by metrics.prometheus_expfmt() only; set DYN_METRICS_SHARED_DIR=auto in the parent to show all processes together",
                    std::process::id()
                );
                Ok((StatusServer::start(&off, Arc::clone(provider))?, None))
            }
            result => Ok((result?, None)),
        };
    };
    let failed = |source| ServerError::Start { source };
    let Some(mut file) = directory.lock_serve(&key).map_err(failed)? else {
        return Ok((StatusServer::start(&off, Arc::clone(provider))?, None));
    };
    let deadline = Instant::now() + BIND_TIMEOUT;
    let server = loop {
        match StatusServer::start(config, Arc::clone(provider)) {
            Err(error) if is_in_use(&error) && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(10));
            }
            result => break result?,
        }
    };
    if let Some(address) = server.address() {
        file.set_len(0).map_err(failed)?;
        file.write_all(format!("{address}\n").as_bytes())
            .map_err(failed)?;
    }
    Ok((server, Some(file)))
}

fn is_in_use(error: &ServerError) -> bool {
    matches!(error, ServerError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse)
}

/// Whether the process that listens on the port has started this one, directly or not: its mark is in the
/// environment, and it is alive. This process leaves its own mark there, for its children.
fn is_served_by_parent(config: &Config) -> bool {
    let is_marked = |mark: &str| {
        let mut parts = mark.split(':');
        let port = parts.next().and_then(|port| port.parse().ok());
        let pid = parts.next().and_then(|pid| pid.parse().ok());
        let started = parts.next();
        port == config.port
            && pid != Some(std::process::id())
            && pid.is_some_and(|pid| start_time(pid).as_deref() == started)
            && started.is_some()
    };
    env::var(SERVED_BY).is_ok_and(|marks| marks.split(',').any(is_marked))
}

/// The start time of a process, in clock ticks since the start of the machine, as `/proc` has it.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name of the program in parentheses, which may contain blanks.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

/// The mark of this process for the environment of its children, if it listens on a port.
pub fn served_mark(port: u16) -> Option<String> {
    let pid = std::process::id();
    Some(format!("{port}:{pid}:{}", start_time(pid)?))
}

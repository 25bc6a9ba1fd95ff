//! The server as its clients see it.

mod connections;
mod isolated;
mod lifecycle;
mod routes;
mod scrapes;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Limits, StatusProvider, StatusServer};
use crate::config::Config;
use crate::exposition::{ExpositionFormat, Selection};
use crate::health::{HealthReport, HealthStatus, SystemHealth};

/// Longer than every event that a test waits for.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// A provider with a fixed exposition that counts its gathers and can block or panic.
struct FakeProvider {
    exposition: Vec<u8>,
    health: SystemHealth,
    gathers: AtomicUsize,
    panics: AtomicUsize,
    deadlines: Mutex<Vec<Instant>>,
    selection: Mutex<Option<Selection>>,
    gate: Option<Gate>,
}

/// Reports the start of every gather, and blocks it until it is released.
struct Gate {
    started: Sender<()>,
    release: Mutex<Receiver<()>>,
}

/// The controller of a [`Gate`]. Its drop opens the gate permanently.
struct Gatekeeper {
    started: Receiver<()>,
    release: Sender<()>,
}

impl Gatekeeper {
    fn wait_for_a_gather(&self) {
        self.started.recv_timeout(TIMEOUT).expect("a gather starts");
    }

    fn release_one(&self) {
        self.release.send(()).expect("a provider waits");
    }
}

impl FakeProvider {
    fn new(exposition: impl Into<Vec<u8>>) -> Self {
        Self {
            exposition: exposition.into(),
            health: SystemHealth::new(HealthStatus::Ready, Vec::new()),
            gathers: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
            deadlines: Mutex::default(),
            selection: Mutex::default(),
            gate: None,
        }
    }

    fn gated(exposition: impl Into<Vec<u8>>) -> (Arc<Self>, Gatekeeper) {
        let (started, starts) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let gate = Gate {
            started,
            release: Mutex::new(released),
        };
        let provider = Self {
            gate: Some(gate),
            ..Self::new(exposition)
        };
        let keeper = Gatekeeper {
            started: starts,
            release,
        };
        (Arc::new(provider), keeper)
    }

    fn gathers(&self) -> usize {
        self.gathers.load(Ordering::SeqCst)
    }

    fn panic_once(&self) {
        self.panics.store(1, Ordering::SeqCst);
    }

    fn may_panic(&self) {
        let due = self.panics.swap(0, Ordering::SeqCst);
        assert_eq!(due, 0, "a panic on purpose");
    }
}

impl StatusProvider for FakeProvider {
    fn run_callbacks(&self, deadline: Instant) {
        self.gathers.fetch_add(1, Ordering::SeqCst);
        self.deadlines.lock().unwrap().push(deadline);
        self.may_panic();
        if let Some(gate) = &self.gate {
            let _ = gate.started.send(());
            let _ = gate.release.lock().unwrap().recv();
        }
    }

    fn callback_timeout(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn encode(&self, _format: ExpositionFormat, selection: Option<&Selection>, out: &mut Vec<u8>) {
        *self.selection.lock().unwrap() = selection.cloned();
        out.extend_from_slice(&self.exposition);
    }

    fn scraped(&self, _duration: Duration) {}

    fn health(&self) -> HealthReport {
        self.may_panic();
        self.health.report()
    }

    fn uptime(&self) -> Duration {
        Duration::new(1, 2)
    }
}

/// Limits that no test reaches by accident, with frequent checks.
fn relaxed() -> Limits {
    Limits {
        first_header: LONG,
        header: LONG,
        idle: LONG,
        stall: LONG,
        stall_when_full: LONG,
        response: LONG,
        response_when_full: LONG,
        connections: 100,
        check_interval: Duration::from_millis(5),
        ..Limits::default()
    }
}

fn local() -> Config {
    Config {
        port: Some(0),
        host: "127.0.0.1".to_owned(),
        ..Config::default()
    }
}

fn start(provider: Arc<FakeProvider>, limits: Limits) -> (StatusServer, SocketAddr) {
    let server = StatusServer::start_with(&local(), provider, limits).unwrap();
    let address = tcp(&server).unwrap();
    (server, address)
}

fn tcp(server: &StatusServer) -> Option<SocketAddr> {
    server.address().and_then(|address| address.tcp())
}

/// A client on one connection.
struct Client(TcpStream);

/// A response.
#[derive(Debug)]
struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    fn ask(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    fn get(&mut self, path: &str) -> Reply {
        self.ask(path);
        self.answer()
    }

    fn answer(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = header(&head, "content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a whole body");
        Reply { status, body }
    }

    /// Waits until the server closes the connection, and returns the bytes before the close.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        rest
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Waits for an effect of the server's thread.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {TIMEOUT:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

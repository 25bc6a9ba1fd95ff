//! From the start of a server to its end.

use std::net::TcpListener;
use std::sync::OnceLock;
use std::thread;

use super::*;
use crate::server::ServerError;

fn provider() -> Arc<FakeProvider> {
    Arc::new(FakeProvider::new("up 1\n"))
}

#[test]
fn port_0_takes_a_free_port_and_tells_it() {
    let (server, address) = start(provider(), relaxed());
    assert_ne!(address.port(), 0);
    assert_eq!(Client::connect(address).get("/metrics").body, b"up 1\n");
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn without_a_port_the_server_is_off() {
    let server = StatusServer::start(&Config::default(), provider()).unwrap();
    assert_eq!(server.address(), None);
    server.shutdown();
}

#[test]
fn a_port_in_use_fails_the_start_with_the_error_of_the_system() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = Config {
        port: Some(port),
        ..local()
    };
    let Err(error) = StatusServer::start(&config, provider()) else {
        panic!("the port is taken")
    };
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")),
        "{message}"
    );
    assert!(!message.contains('\n'));
    let ServerError::Bind { source, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(source.raw_os_error(), Some(libc::EADDRINUSE));
}

#[test]
fn a_begun_shutdown_ends_without_a_waiting_caller() {
    let (server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    assert_eq!(client.get("/live").status, 200);
    server.begin_shutdown();
    assert_eq!(client.rest(), b"");
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(server.address(), None);
    server.shutdown();
}

#[test]
fn a_fixed_port_is_free_again_after_the_shutdown() {
    let (server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    assert_eq!(client.get("/live").status, 200);
    server.shutdown();
    let config = Config {
        port: Some(address.port()),
        ..local()
    };
    let again = StatusServer::start(&config, provider()).unwrap();
    assert_eq!(tcp(&again), Some(address));
}

#[test]
fn host_names_and_ipv6_addresses_work() {
    for host in ["localhost", "::1", "[::1]"] {
        let config = Config {
            host: host.to_owned(),
            ..local()
        };
        match StatusServer::start(&config, provider()) {
            Ok(server) => {
                let address = tcp(&server).unwrap();
                assert!(address.ip().is_loopback());
                assert_eq!(Client::connect(address).get("/live").status, 200);
            }
            // A machine without IPv6.
            Err(ServerError::Bind { source, .. }) if host.contains(':') => {
                assert!(source.raw_os_error().is_some(), "{source}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_host_that_is_not_ours_fails_the_start() {
    for host in ["192.0.2.1", "no such host.invalid"] {
        let config = Config {
            host: host.to_owned(),
            ..local()
        };
        let error = StatusServer::start(&config, provider()).err().unwrap();
        assert!(error.to_string().contains("DYN_SYSTEM_HOST"), "{error}");
    }
}

#[test]
fn paths_that_clash_fail_the_start() {
    let config = Config {
        live_path: "/metrics".to_owned(),
        ..local()
    };
    let result = StatusServer::start(&config, provider());
    assert!(matches!(result, Err(ServerError::Config(_))));
}

#[test]
fn a_shutdown_closes_idle_connections_and_may_be_repeated() {
    let (server, address) = start(provider(), relaxed());
    let mut used = Client::connect(address);
    assert_eq!(used.get("/live").status, 200);
    let mut half = Client::connect(address);
    half.send("GET /li");
    server.shutdown();
    assert_eq!(server.address(), None);
    assert_eq!((used.rest(), half.rest()), (vec![], vec![]));
    assert!(TcpStream::connect(address).is_err());
    assert!(server.sockets.open().is_empty());
    server.shutdown();
}

#[test]
fn a_shutdown_lets_a_running_response_finish() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let limits = Limits {
        drain: TIMEOUT,
        ..relaxed()
    };
    let (server, address) = start(provider, limits);
    let mut client = Client::connect(address);
    client.ask("/metrics");
    keeper.wait_for_a_gather();
    thread::scope(|scope| {
        scope.spawn(|| server.shutdown());
        eventually("no server listens", || TcpStream::connect(address).is_err());
        keeper.release_one();
        assert_eq!(client.answer().body, b"up 1\n");
        assert_eq!(client.rest(), b"");
    });
}

#[test]
fn a_shutdown_does_not_wait_for_a_gather_that_hangs() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let (server, address) = start(provider, relaxed());
    let mut client = Client::connect(address);
    client.ask("/metrics");
    keeper.wait_for_a_gather();
    // The gather goes on for as long as there is a keeper.
    server.shutdown();
    assert_eq!(client.rest(), b"");
    drop(keeper);
}

/// Shuts down its own server, on the thread that calls it.
struct SelfStopping {
    server: OnceLock<StatusServer>,
}

impl StatusProvider for SelfStopping {
    fn run_callbacks(&self, _deadline: Instant) {
        self.server.wait().shutdown();
    }
    fn callback_timeout(&self) -> Duration {
        LONG
    }
    fn encode(&self, _: ExpositionFormat, _: Option<&Selection>, _: &mut Vec<u8>) {}

    fn scraped(&self, _duration: Duration) {}
    fn health(&self) -> HealthReport {
        self.server.wait().shutdown();
        SystemHealth::new(HealthStatus::Ready, Vec::new()).report()
    }
    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_server_can_be_shut_down_from_its_own_threads() {
    for path in ["/health", "/metrics"] {
        let provider = Arc::new(SelfStopping {
            server: OnceLock::new(),
        });
        let server = StatusServer::start_with(&local(), Arc::clone(&provider) as _, relaxed());
        let server = server.unwrap();
        let address = tcp(&server).unwrap();
        assert!(provider.server.set(server).is_ok());
        let mut client = Client::connect(address);
        client.ask(path);
        client.rest();
        eventually("no server listens", || TcpStream::connect(address).is_err());
    }
}

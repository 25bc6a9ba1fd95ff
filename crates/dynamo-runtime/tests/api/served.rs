//! A runtime's exposition, read over HTTP.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use dynamo_runtime::{Config, DistributedRuntime, HealthStatus, NameStyle, RuntimeError};

use super::Exposition;

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent.get(format!("http://{address}{path}")).call().unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), body)
}

fn local(port: u16) -> Config {
    let mut config = Config::default();
    config.host = "127.0.0.1".to_owned();
    config.port = Some(port);
    config
}

/// A runtime on a fixed port, which was free just before.
fn on_a_fixed_port() -> (DistributedRuntime, u16) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _searching = ONE_AT_A_TIME.lock().unwrap();
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        match DistributedRuntime::with_config(local(port)) {
            Ok(runtime) => return (runtime, port),
            Err(RuntimeError::Server(_)) => {} // somebody was faster
            Err(error) => panic!("{error}"),
        }
    }
}

/// Whether the server closes this connection. Another process may already have the port.
fn ends(mut connection: TcpStream) -> bool {
    connection
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    match connection.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn metrics_of_all_levels_are_in_one_exposition() {
    let runtime = DistributedRuntime::with_config(local(0)).unwrap();
    let component = runtime.namespace("ns").component("comp");
    component
        .metrics()
        .create_gauge("up", "Up", &[])
        .unwrap()
        .set(1.0);
    let endpoint = component.endpoint("gen");
    endpoint
        .metrics()
        .create_intcounter("requests", "Requests", &[])
        .unwrap()
        .inc_by(3);

    let (status, text) = get(address_of(&runtime), "/metrics");
    let exposition = Exposition::parse(&text).unwrap();
    assert_eq!(status, 200);
    assert_eq!(exposition.value("ns_comp_up", &[]), Some(1.0));
    assert_eq!(exposition.value("ns_comp_gen_requests", &[]), Some(3.0));
    assert!(exposition.value("dynamo_component_uptime_seconds", &[]) > Some(0.0));
}

#[test]
fn health_is_the_status_of_the_runtime_until_endpoints_report() {
    let runtime = DistributedRuntime::with_config(local(0)).unwrap();
    let address = address_of(&runtime);
    assert_eq!(get(address, "/health").0, 503);
    runtime.set_health_status(HealthStatus::Ready);
    assert_eq!(get(address, "/health").0, 200);
    let endpoint = runtime.namespace("ns").component("comp").endpoint("gen");
    endpoint.set_health_status(HealthStatus::NotReady);
    assert_eq!(get(address, "/health").0, 503);
    assert_eq!(get(address, "/live").0, 200);
}

fn address_of(runtime: &DistributedRuntime) -> SocketAddr {
    let address = runtime.system_status_address();
    address.and_then(|address| address.tcp()).unwrap()
}

#[test]
fn the_server_lives_as_long_as_any_metric_and_no_longer() {
    let runtime = DistributedRuntime::with_config(local(0)).unwrap();
    let address = address_of(&runtime);
    let gauge = runtime.metrics().create_gauge("up", "Up", &[]).unwrap();
    drop(runtime);
    assert_eq!(get(address, "/live").0, 200);
    let connection = TcpStream::connect(address).unwrap();
    drop(gauge);
    assert!(ends(connection));
}

#[test]
fn a_second_runtime_on_the_same_fixed_port_joins_the_first() {
    let (first, port) = on_a_fixed_port();
    let second = DistributedRuntime::with_config(local(port)).unwrap();
    assert_eq!(first, second);
    second
        .metrics()
        .create_gauge("up", "Up", &[])
        .unwrap()
        .set(1.0);
    let exposition = Exposition::parse(&first.metrics().prometheus_expfmt()).unwrap();
    assert_eq!(exposition.value("up", &[]), Some(1.0));
}

#[test]
fn a_second_runtime_with_another_name_style_cannot_join() {
    let (_first, port) = on_a_fixed_port();
    let mut config = local(port);
    config.name_style = NameStyle::Component;
    let error = DistributedRuntime::with_config(config).unwrap_err();
    assert!(matches!(error, RuntimeError::NameStyle { .. }), "{error}");
}

#[test]
fn the_error_for_a_port_in_use_names_the_setting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = DistributedRuntime::with_config(local(port)).unwrap_err();
    assert!(matches!(error, RuntimeError::Server(_)), "{error}");
    let message = error.to_string();
    assert!(message.contains(&format!("127.0.0.1:{port}")), "{message}");
    assert!(message.contains("DYN_SYSTEM_PORT"), "{message}");
}

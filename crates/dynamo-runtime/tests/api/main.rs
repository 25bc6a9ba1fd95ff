//! The public Rust API.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

mod callbacks;
mod concurrency;
mod conflicts;
mod exposition;
mod external;
mod formats;
mod names;
mod proto;
mod served;
mod vecs;

use std::time::Duration;

use dynamo_runtime::{Config, DistributedRuntime, Endpoint};

use exposition::Exposition;

/// A separate runtime with settings changed by `set`, independent of the environment. The callback timeout is
/// long: a panic with a backtrace may take a second.
fn runtime_with(set: impl FnOnce(&mut Config)) -> DistributedRuntime {
    let mut config = Config::default();
    config.callback_timeout = Duration::from_secs(60);
    set(&mut config);
    DistributedRuntime::with_config(config).unwrap()
}

/// An endpoint of a runtime without a server.
fn endpoint() -> Endpoint {
    let runtime = runtime_with(|_| ());
    runtime.namespace("ns").component("comp").endpoint("gen")
}

/// The labels of that endpoint's metrics.
const HIERARCHY: [(&str, &str); 3] = [
    ("dynamo_component", "comp"),
    ("dynamo_endpoint", "gen"),
    ("dynamo_namespace", "ns"),
];

/// The parsed exposition of an endpoint.
fn exposition_of(endpoint: &Endpoint) -> Exposition {
    Exposition::parse(&endpoint.metrics().prometheus_expfmt()).unwrap()
}

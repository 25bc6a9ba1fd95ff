//! The public Rust API, as a user of the crate meets it.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

mod callbacks;
mod concurrency;
mod conflicts;
mod formats;
mod limits;
mod names;
mod page;
mod proto;
mod served;
mod texts;
mod vecs;

use std::time::Duration;

use dynamo_runtime::{Config, DistributedRuntime, Endpoint};

use page::Page;

/// A runtime of its own, whatever the environment says, changed by `set`. Callbacks have as long as
/// they take: a panic alone, with its backtrace, may take a second.
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

/// What an endpoint shows, parsed.
fn page_of(endpoint: &Endpoint) -> Page {
    Page::parse(&endpoint.metrics().prometheus_expfmt()).unwrap()
}

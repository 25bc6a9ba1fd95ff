//! The public Rust API, as a user of the crate meets it.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

mod callbacks;
mod concurrency;
mod conflicts;
mod names;
mod page;
mod served;
mod vecs;

use dynamo_runtime::{Config, DistributedRuntime, Endpoint};

use page::Page;

/// A runtime of its own, whatever the environment says, changed by `set`.
fn runtime_with(set: impl FnOnce(&mut Config)) -> DistributedRuntime {
    let mut config = Config::default();
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

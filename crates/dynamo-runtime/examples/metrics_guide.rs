//! The Rust half of the Metrics Developer Guide, as the guide prints it, and then its exposition:
//!
//! ```console
//! $ DYN_SYSTEM_PORT=8081 cargo run --example metrics_guide
//! $ curl http://localhost:8081/metrics
//! ```
//!
//! Without a port, it prints the exposition.

use std::error::Error;

use dynamo_runtime::{DistributedRuntime, Endpoint};

fn main() -> Result<(), Box<dyn Error>> {
    let (runtime, endpoint) = guide()?;

    let Some(address) = runtime.system_status_address() else {
        print!("{}", endpoint.metrics().prometheus_expfmt());
        return Ok(());
    };
    println!("metrics: http://{address}/metrics    stop: Ctrl-C");
    loop {
        std::thread::park();
    }
}

#[rustfmt::skip] // as printed
pub(crate) fn guide() -> Result<(DistributedRuntime, Endpoint), Box<dyn Error>> {
    let runtime = DistributedRuntime::new()?;
    let endpoint = runtime.namespace("my_namespace").component("my_component").endpoint("my_endpoint");

    // Simple metrics
    let requests_total = endpoint.metrics().create_counter(
        "requests_total",
        "Total requests",
        &[]
    )?;

    let active_connections = endpoint.metrics().create_gauge(
        "active_connections",
        "Active connections",
        &[]
    )?;

    let latency = endpoint.metrics().create_histogram(
        "latency_seconds",
        "Request latency",
        &[],
        Some(vec![0.001, 0.01, 0.1, 1.0, 10.0])
    )?;

    // Counters
    requests_total.inc();

    // Gauges
    active_connections.set(42.0);
    active_connections.inc();
    active_connections.dec();

    // Histograms
    latency.observe(0.023); // 23ms

    // Create vector metrics with label names
    let requests_by_model = endpoint.metrics().create_countervec(
        "requests_by_model",
        "Requests by model",
        &["model_type", "model_size"],
        &[]
    )?;

    let memory_by_gpu = endpoint.metrics().create_gaugevec(
        "gpu_memory_bytes",
        "GPU memory by device",
        &["gpu_id", "memory_type"],
        &[]
    )?;

    // Use with specific label values
    requests_by_model.with_label_values(&["llama", "7b"]).inc();
    memory_by_gpu.with_label_values(&["0", "allocated"]).set(8192.0);

    // Custom histogram buckets
    let latency = endpoint.metrics().create_histogram(
        "latency_seconds",
        "Request latency",
        &[],
        Some(vec![0.001, 0.01, 0.1, 1.0, 10.0])
    )?;
    latency.observe(0.5);

    // Constant labels
    let counter = endpoint.metrics().create_counter(
        "requests_total",
        "Total requests",
        &[("region", "us-west"), ("env", "prod")]
    )?;
    counter.inc();

    Ok((runtime, endpoint))
}

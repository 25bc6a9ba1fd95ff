//! The Rust code of the Metrics Developer Guide, which is the example `metrics_guide`: the exposition it
//! makes, here and over HTTP, and what the guide names without showing code.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use dynamo_runtime::DistributedRuntime;

#[path = "../examples/metrics_guide.rs"]
#[allow(dead_code, reason = "its main")]
mod example;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const EXPOSITION: &str = include_str!("guide.txt");

/// Ends the process when the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example's process; cargo builds it along with the tests.
fn run_example(port: &str) -> Result<Running> {
    let tests = std::env::current_exe()?;
    let build = tests
        .ancestors()
        .nth(2)
        .ok_or("a test lies in target/*/deps")?;
    let example = Command::new(build.join("examples/metrics_guide"))
        .env("DYN_SYSTEM_PORT", port)
        // Their families would stand on both sides of the guide's.
        .env("DYN_METRICS_PROCESS", "0")
        .env("DYN_SYSTEM_HOST", "127.0.0.1")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{error}: build it with cargo build --example metrics_guide"))?;
    Ok(Running(example))
}

#[test]
fn the_code_of_the_guide_makes_this_exposition() -> Result {
    let (_runtime, endpoint) = example::guide()?;
    assert_eq!(endpoint.metrics().prometheus_expfmt(), EXPOSITION);
    Ok(())
}

#[test]
fn with_a_port_in_the_environment_the_example_serves_the_exposition_over_http() -> Result {
    let mut example = run_example("0")?;
    let mut line = String::new();
    let output = example.0.stdout.take().ok_or("stdout is a pipe")?;
    BufReader::new(output).read_line(&mut line)?;
    let url = line
        .split_whitespace()
        .nth(1)
        .ok_or("a line with the URL")?;

    let mut answer = ureq::get(url).call()?;
    let content_type = &answer.headers()["content-type"];
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    let exposition = answer.body_mut().read_to_string()?;
    let own = exposition
        .strip_suffix(EXPOSITION)
        .ok_or(exposition.clone())?;
    assert!(
        own.starts_with("# HELP dynamo_component_uptime_seconds "),
        "{own}"
    );
    Ok(())
}

#[test]
fn without_a_port_the_example_prints_the_exposition_and_listens_nowhere() -> Result {
    let mut example = run_example("-1")?;
    let output = example.0.stdout.take().ok_or("stdout is a pipe")?;
    assert_eq!(std::io::read_to_string(output)?, EXPOSITION);
    assert!(example.0.wait()?.success());
    Ok(())
}

/// The calls that the guide lists and shows no code for.
#[test]
fn the_histogramvec_of_the_guide_takes_label_names_constant_labels_and_buckets() -> Result {
    let runtime = DistributedRuntime::new()?;
    let latency = runtime.metrics().create_histogramvec(
        "latency_seconds",
        "Request latency",
        &["model"],
        &[("region", "us-west")],
        Some(vec![0.1, 1.0]),
    )?;
    latency.with_label_values(&["llama"]).observe(0.5);
    assert_eq!(latency.with_label_values(&["llama"]).get_sample_count(), 1);
    assert_eq!(latency.with_label_values(&["qwen"]).get_sample_count(), 0);
    Ok(())
}

#[test]
fn every_level_of_the_hierarchy_has_metrics_named_and_labelled_by_its_place() -> Result {
    let runtime = DistributedRuntime::new()?;
    let namespace = runtime.namespace("my_namespace");
    let component = namespace.component("my_component");
    let endpoint = component.endpoint("my_endpoint");
    let levels = [
        (runtime.metrics(), "up"),
        (namespace.metrics(), "my_namespace_up"),
        (component.metrics(), "my_namespace_my_component_up"),
        (
            endpoint.metrics(),
            "my_namespace_my_component_my_endpoint_up",
        ),
    ];
    let labels = [
        ("dynamo_namespace".to_owned(), "my_namespace".to_owned()),
        ("dynamo_component".to_owned(), "my_component".to_owned()),
        ("dynamo_endpoint".to_owned(), "my_endpoint".to_owned()),
    ];
    for (depth, (metrics, name)) in levels.into_iter().enumerate() {
        let up = metrics.create_gauge("up", "Whether it is up", &[])?;
        assert_eq!(up.name(), name);
        assert_eq!(up.const_labels(), &labels[..depth]);
    }
    Ok(())
}

//! The same series at each contender: what the benches have in common.
//!
//! A bench's function is the contender, as `benchmarks/_harness.py` names it, and its value the case.

use dynamo_runtime::{Config, DistributedRuntime, Metrics};
use measured::lasso::ThreadedRodeo;

/// The contenders' names.
pub const OURS: &str = "ours";
pub const PROMETHEUS: &str = "prometheus";
pub const MEASURED: &str = "measured";

/// The variable labels of every vec; the three constant ones are the hierarchy's.
pub const NAMES: [&str; 2] = ["model", "worker"];
const PLACE: [(&str, &str); 3] = [
    ("dynamo_namespace", "ns"),
    ("dynamo_component", "comp"),
    ("dynamo_endpoint", "ep"),
];

pub const COUNTERS: &str = "ns_comp_ep_requests_total";
pub const HISTOGRAMS: &str = "ns_comp_ep_request_seconds";
pub const HELP: &str = "Requests received";

/// Values of the variable labels, all different.
pub fn label_sets(count: usize) -> impl Iterator<Item = [String; 2]> {
    (0..count).map(|index| {
        [
            format!("m-{:04}", index / 100),
            format!("w-{:03}", index % 100),
        ]
    })
}

/// The value of a counter: of one to six digits, as counters have.
pub fn count(index: usize) -> u64 {
    (index as u64).wrapping_mul(2_654_435_761) % 1_000_000
}

/// The metrics of an endpoint, without a server.
pub fn endpoint() -> Metrics {
    let runtime = DistributedRuntime::with_config(Config::default()).expect("a runtime");
    let [namespace, component, endpoint] = PLACE.map(|(_, value)| value);
    let component = runtime.namespace(namespace).component(component);
    component.endpoint(endpoint).metrics()
}

/// Options with the constant labels.
pub fn prometheus_options(name: &str) -> prometheus::Opts {
    let labels = PLACE.map(|(name, value)| (name.to_owned(), value.to_owned()));
    prometheus::Opts::new(name, HELP).const_labels(labels.into())
}

/// The labels of one series at `measured`, which has no constant ones.
#[derive(measured::LabelGroup)]
#[label(set = SeriesSet)]
pub struct Series<'a> {
    pub dynamo_component: Component,
    pub dynamo_endpoint: Endpoint,
    pub dynamo_namespace: Namespace,
    #[label(dynamic_with = ThreadedRodeo, default)]
    pub model: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    pub worker: &'a str,
}

#[derive(Clone, Copy, measured::FixedCardinalityLabel)]
#[label(rename_all = "snake_case")]
pub enum Component {
    Comp,
}

#[derive(Clone, Copy, measured::FixedCardinalityLabel)]
#[label(rename_all = "snake_case")]
pub enum Endpoint {
    Ep,
}

#[derive(Clone, Copy, measured::FixedCardinalityLabel)]
#[label(rename_all = "snake_case")]
pub enum Namespace {
    Ns,
}

impl<'a> Series<'a> {
    pub fn new(model: &'a str, worker: &'a str) -> Self {
        Series {
            dynamo_component: Component::Comp,
            dynamo_endpoint: Endpoint::Ep,
            dynamo_namespace: Namespace::Ns,
            model,
            worker,
        }
    }
}

/// A vec of counters at `measured`.
pub fn measured_counters() -> measured::CounterVec<SeriesSet> {
    measured::CounterVec::sparse_with_label_set(SeriesSet::default())
}

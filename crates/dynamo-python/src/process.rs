//! Figures of a Python process that every runtime's page shows: what stalls it.

use std::sync::LazyLock;

use dynamo_runtime::binding::{ProcessCounter, ProcessHistogram};
use dynamo_runtime::prometheus_names::{name_prefix, python_gc, runtime_metrics};
use pyo3::prelude::*;

/// From what nobody notices to what stalls every stream, in seconds.
const STALLS: &[f64] = &[
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How long a thread waited for the interpreter.
pub(crate) static GIL_WAIT: LazyLock<ProcessHistogram> = LazyLock::new(|| {
    stalls(
        runtime_metrics::GIL_WAIT_SECONDS,
        "Time that a thread waited for the global interpreter lock, in seconds, sampled",
    )
});

static EVENT_LOOP_LAG: LazyLock<ProcessHistogram> = LazyLock::new(|| {
    stalls(
        runtime_metrics::EVENT_LOOP_LAG_SECONDS,
        "Time by which the event loop ran a call later than it was asked to, in seconds, sampled",
    )
});

/// By generation; the text is that of prometheus_client.
static GARBAGE: LazyLock<Vec<Generation>> = LazyLock::new(|| {
    let counter = |name, help, generation: &str| {
        ProcessCounter::new(name, help, &[(python_gc::GENERATION_LABEL, generation)])
    };
    ["0", "1", "2"]
        .map(|generation| Generation {
            collections: counter(
                python_gc::COLLECTIONS_TOTAL,
                "Number of times this generation was collected",
                generation,
            ),
            collected: counter(
                python_gc::OBJECTS_COLLECTED_TOTAL,
                "Objects collected during gc",
                generation,
            ),
            uncollectable: counter(
                python_gc::OBJECTS_UNCOLLECTABLE_TOTAL,
                "Uncollectable objects found during GC",
                generation,
            ),
        })
        .into()
});

struct Generation {
    collections: ProcessCounter,
    collected: ProcessCounter,
    uncollectable: ProcessCounter,
}

fn stalls(name: &str, help: &str) -> ProcessHistogram {
    ProcessHistogram::new(&format!("{}_{name}", name_prefix::RUNTIME), help, STALLS)
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Runtimes show what is there when they are made.
    LazyLock::force(&GIL_WAIT);
    LazyLock::force(&EVENT_LOOP_LAG);
    LazyLock::force(&GARBAGE);
    module.add_function(wrap_pyfunction!(observe_event_loop_lag, module)?)?;
    module.add_function(wrap_pyfunction!(count_garbage, module)?)
}

/// Count by how many seconds an event loop ran a call late.
#[pyfunction]
fn observe_event_loop_lag(seconds: f64) {
    EVENT_LOOP_LAG.observe(seconds.max(0.0));
}

/// Take over what gc.get_stats() counts for one generation; ones beyond 2 are not shown.
#[pyfunction]
fn count_garbage(generation: usize, collections: u64, collected: u64, uncollectable: u64) {
    if let Some(counters) = GARBAGE.get(generation) {
        counters.collections.set_total(collections);
        counters.collected.set_total(collected);
        counters.uncollectable.set_total(uncollectable);
    }
}

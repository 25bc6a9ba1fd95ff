"""Runs each kind of update in a span; prints it with the ids of the span and the exposition."""

from __future__ import annotations

import json
from collections.abc import Callable

from opentelemetry.sdk.trace import TracerProvider

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime


def update_in_a_timer(metrics: RuntimeMetrics) -> None:
    with metrics.create_histogram("m", "help", buckets=[3600]).time():
        pass


UPDATES: dict[str, Callable[[RuntimeMetrics], object]] = {
    "plain counter": lambda m: m.create_counter("m_total", "help").inc(),
    "plain counter by a value": lambda m: m.create_intcounter("m_total", "help").inc_by(1),
    "counter of a vec": lambda m: m.create_countervec("m_total", "help", ["a"]).inc({"a": "x"}),
    "value first": lambda m: m.create_intcountervec("m_total", "help", ["a"]).inc_by(1, {"a": "x"}),
    "labels first": lambda m: m.create_intcountervec("m_total", "h", ["a"]).inc_by({"a": "x"}, 1),
    "series that is held": lambda m: m.create_countervec("m_total", "h", ["a"]).labels("x").inc(),
    "histogram": lambda m: m.create_histogram("m", "help").observe(1),
    "histogram of a vec": lambda m: m.create_histogramvec("m", "h", ["a"]).observe(1, {"a": "x"}),
    "timer": update_in_a_timer,
    "exemplar that is given": lambda m: m.create_counter("m_total", "h").inc(
        exemplar={"id": "mine"}
    ),
    "gauge": lambda m: m.create_gauge("m", "help").inc(),
}

tracer = TracerProvider().get_tracer("test")
runtime = DistributedRuntime()
for number, (name, update) in enumerate(UPDATES.items()):
    metrics = runtime.namespace(f"ns{number}").metrics
    with tracer.start_as_current_span("request") as span:
        update(metrics)
        context = span.get_span_context()
    ids = {"trace_id": format(context.trace_id, "032x"), "span_id": format(context.span_id, "016x")}
    print(json.dumps([name, ids, metrics.exposition("application/openmetrics-text")[2].decode()]))

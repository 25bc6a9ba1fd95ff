"""Runs the update of the argument in a span; prints the ids of the span and the exposition."""

from __future__ import annotations

import sys

from opentelemetry.sdk.trace import TracerProvider

from dynamo.runtime import DistributedRuntime

metrics = DistributedRuntime().namespace("ns").metrics


def update_in_a_timer() -> None:
    with metrics.create_histogram("m", "help", buckets=[3600]).time():
        pass


def vec(kind: str = "countervec"):
    return getattr(metrics, f"create_{kind}")("m_total", "help", ["a"])


UPDATES = {
    "plain counter": lambda: metrics.create_counter("m_total", "help").inc(),
    "plain counter by a value": lambda: metrics.create_intcounter("m_total", "help").inc_by(1),
    "counter of a vec": lambda: vec().inc({"a": "x"}),
    "value first": lambda: vec("intcountervec").inc_by(1, {"a": "x"}),
    "labels first": lambda: vec("intcountervec").inc_by({"a": "x"}, 1),
    "series that is held": lambda: vec().labels("x").inc(),
    "histogram": lambda: metrics.create_histogram("m", "help").observe(1),
    "histogram of a vec": lambda: vec("histogramvec").observe(1, {"a": "x"}),
    "timer": update_in_a_timer,
    "exemplar": lambda: metrics.create_counter("m_total", "help").inc(exemplar={"id": "mine"}),
    "gauge": lambda: metrics.create_gauge("m", "help").inc(),
}

provider = TracerProvider()
with provider.get_tracer("test").start_as_current_span("request") as span:
    UPDATES[sys.argv[1]]()
    context = span.get_span_context()
    print(format(context.trace_id, "032x"), format(context.span_id, "016x"))
    sys.stdout.write(metrics.exposition("application/openmetrics-text")[2].decode())

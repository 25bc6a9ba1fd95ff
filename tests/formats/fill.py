"""Metrics of every kind, with values and labels that are easy to get wrong."""

from __future__ import annotations

import math

from dynamo.prometheus_metrics import RuntimeMetrics

AWKWARD = (
    'quote " backslash \\ newline \n tab \t brace } hash # umlaut \xe4 euro \u20ac smile \U0001f600'
)


def fill(metrics: RuntimeMetrics) -> None:
    """Creates and updates the metrics."""
    metrics.create_counter("spent_total", "Spent", {"region": "us-west"}).inc_by(0.1)
    metrics.create_counter("spent_total", "Spent", {"env": "prod"}).inc_by(0.2)
    metrics.create_intcounter("big_total", AWKWARD).inc_by(2**53)
    metrics.create_counter("without_suffix", "A counter that OpenMetrics would rename").inc()
    metrics.create_gauge("taken", "The name that a counter has in OpenMetrics").set(1)
    metrics.create_counter("taken_total", "It counts all the same").inc_by(5)
    metrics.create_gauge("infinite", "Infinite").set(-math.inf)
    metrics.create_gauge("undefined", "Undefined").set(math.nan)
    metrics.create_gauge("tiny", "As small as can be").set(5e-324)
    metrics.create_intgauge("below", "Below zero").set(-5)
    requests = metrics.create_intcountervec("requests_total", "Requests", ["model", "empty"])
    requests.inc_by(3, {"model": "llama", "empty": ""})
    requests.inc_by(4, {"model": AWKWARD, "empty": ""})
    metrics.create_gaugevec("nobody", "A vec without series", ["model"])
    bounds = [1e-05, 0.005, 1, 600, 1e6]
    waiting = metrics.create_histogramvec("waiting_seconds", "Waiting", ["model"], buckets=bounds)
    for seconds in (0.001, 0.005, 1, 30, 5e6, math.inf):
        waiting.observe(seconds, {"model": AWKWARD})
    waiting.with_label_values(["nothing observed"])
    native = metrics.create_histogram("native_seconds", "Native", buckets=[1], native=True)
    for seconds in (0, 0.5, 0.5, 1, 3, 1e9):
        native.observe(seconds)
    metrics.create_histogram("only_native_seconds", "Native alone", native=True).observe(3)
    metrics.create_histogram("unseen_seconds", "Nothing observed", native=True)

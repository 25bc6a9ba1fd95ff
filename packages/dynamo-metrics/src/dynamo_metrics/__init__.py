"""Metrics of the components of an LLM-serving system, in Prometheus' formats.

    from dynamo_metrics import Runtime

    endpoint = Runtime().namespace("prod").component("backend").endpoint("generate")
    requests = endpoint.metrics.create_intcounter("requests_total", "Requests received")
    requests.inc()

Metrics are created by the ``metrics`` of a runtime, namespace, component or endpoint, never by
calling their classes.
"""

from typing import TYPE_CHECKING

from dynamo_metrics._lazy import imported
from dynamo_metrics._native import (
    DEFAULT,
    ITL,
    REQUEST_DURATION,
    TTFT,
    CallbackHandle,
    Counter,
    CounterVec,
    Gauge,
    GaugeVec,
    Histogram,
    HistogramVec,
    IntCounter,
    IntCounterVec,
    IntGauge,
    IntGaugeVec,
    MetricsError,
    RuntimeMetrics,
    exponential_buckets,
    linear_buckets,
)
from dynamo_metrics._nodes import Component, Endpoint, Namespace, Runtime
from dynamo_metrics._timer import Timer

if TYPE_CHECKING:
    from dynamo_metrics.guests.nvidia import attach, install
    from dynamo_metrics.guests.prometheus import as_collector

__all__ = [
    "DEFAULT",
    "ITL",
    "REQUEST_DURATION",
    "TTFT",
    "CallbackHandle",
    "Component",
    "Counter",
    "CounterVec",
    "Endpoint",
    "Gauge",
    "GaugeVec",
    "Histogram",
    "HistogramVec",
    "IntCounter",
    "IntCounterVec",
    "IntGauge",
    "IntGaugeVec",
    "MetricsError",
    "Namespace",
    "Runtime",
    "RuntimeMetrics",
    "Timer",
    "as_collector",
    "attach",
    "exponential_buckets",
    "install",
    "linear_buckets",
]

_HOMES = {
    "as_collector": "dynamo_metrics.guests.prometheus",
    "attach": "dynamo_metrics.guests.nvidia",
    "install": "dynamo_metrics.guests.nvidia",
}


def __getattr__(name: str) -> object:
    return imported(__name__, name, _HOMES)

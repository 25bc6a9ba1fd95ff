"""Metrics of the components of an LLM-serving system, in Prometheus' formats.

    from dynamo_metrics import Runtime

    endpoint = Runtime().namespace("prod").component("backend").endpoint("generate")
    requests = endpoint.metrics.create_intcounter("requests_total", "Requests received")
    requests.inc()

Metrics are created by the ``metrics`` of a runtime, namespace, component or endpoint, never by
calling their classes.
"""

import dynamo_metrics._interpreter  # noqa: F401 - raises ImportError in sub-interpreters
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
    "exponential_buckets",
    "linear_buckets",
]

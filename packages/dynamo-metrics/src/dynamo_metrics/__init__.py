"""Metrics of the components of an LLM-serving system, in Prometheus' formats.

    from dynamo_metrics import Runtime

    endpoint = Runtime().namespace("prod").component("backend").endpoint("generate")
    requests = endpoint.metrics.create_intcounter("requests_total", "Requests received")
    requests.inc()

Metrics are created by the ``metrics`` of a runtime, namespace, component or endpoint, never by
calling their classes.
"""

from typing import TYPE_CHECKING

import dynamo_metrics._interpreter  # noqa: F401 - raises ImportError in sub-interpreters
from dynamo_metrics import _functions as _functions
from dynamo_metrics import _startup as _startup
from dynamo_metrics._errors import MetricsError
from dynamo_metrics._lazy import imported
from dynamo_metrics._native import (
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
    Summary,
    SummaryVec,
)
from dynamo_metrics._nodes import Component, Endpoint, Namespace, Runtime
from dynamo_metrics._runtime_metrics import RuntimeMetrics
from dynamo_metrics._timer import Timer, VecTimer
from dynamo_metrics._trackers import ExceptionCounter, InProgress
from dynamo_metrics.buckets import (
    DEFAULT_BUCKETS,
    ITL_BUCKETS,
    REQUEST_DURATION_BUCKETS,
    TTFT_BUCKETS,
    exponential_buckets,
    linear_buckets,
)

# The first names of the bucket lists.
DEFAULT = DEFAULT_BUCKETS
ITL = ITL_BUCKETS
REQUEST_DURATION = REQUEST_DURATION_BUCKETS
TTFT = TTFT_BUCKETS

if TYPE_CHECKING:
    from dynamo_metrics.guests.nvidia import attach, install
    from dynamo_metrics.guests.prometheus import as_collector

__all__ = [
    "DEFAULT",
    "DEFAULT_BUCKETS",
    "ITL",
    "ITL_BUCKETS",
    "REQUEST_DURATION",
    "REQUEST_DURATION_BUCKETS",
    "TTFT",
    "TTFT_BUCKETS",
    "CallbackHandle",
    "Component",
    "Counter",
    "CounterVec",
    "Endpoint",
    "ExceptionCounter",
    "Gauge",
    "GaugeVec",
    "Histogram",
    "HistogramVec",
    "InProgress",
    "IntCounter",
    "IntCounterVec",
    "IntGauge",
    "IntGaugeVec",
    "MetricsError",
    "Namespace",
    "Runtime",
    "RuntimeMetrics",
    "Summary",
    "SummaryVec",
    "Timer",
    "VecTimer",
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

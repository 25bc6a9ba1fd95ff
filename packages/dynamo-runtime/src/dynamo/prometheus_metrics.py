"""The metric types, for annotations and ``isinstance``, and bucket bounds for histograms.

Metrics are created by the ``metrics`` of a runtime, namespace, component or endpoint, never by
calling these classes.
"""

from dynamo_metrics import (
    DEFAULT,
    DEFAULT_BUCKETS,
    ITL,
    ITL_BUCKETS,
    REQUEST_DURATION,
    REQUEST_DURATION_BUCKETS,
    TTFT,
    TTFT_BUCKETS,
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
    Timer,
    exponential_buckets,
    linear_buckets,
)

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
    "Counter",
    "CounterVec",
    "Gauge",
    "GaugeVec",
    "Histogram",
    "HistogramVec",
    "IntCounter",
    "IntCounterVec",
    "IntGauge",
    "IntGaugeVec",
    "MetricsError",
    "RuntimeMetrics",
    "Timer",
    "exponential_buckets",
    "linear_buckets",
]

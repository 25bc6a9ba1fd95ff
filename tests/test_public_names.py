"""The names that users import, pinned."""

from __future__ import annotations

import dynamo._core
import dynamo._prometheus_metrics
import dynamo.prometheus_metrics
import dynamo.runtime
from tests.support import FACTORIES


def test_the_runtime_module_holds_the_hierarchy_and_the_worker_decorator() -> None:
    assert dynamo.runtime.__all__ == [
        "Component",
        "DistributedRuntime",
        "Endpoint",
        "Namespace",
        "dynamo_worker",
    ]


def test_all_types_are_importable_from_prometheus_metrics() -> None:
    assert sorted(dynamo.prometheus_metrics.__all__) == [
        "CallbackHandle",
        "Counter",
        "CounterVec",
        "DEFAULT",
        "Gauge",
        "GaugeVec",
        "Histogram",
        "HistogramVec",
        "ITL",
        "IntCounter",
        "IntCounterVec",
        "IntGauge",
        "IntGaugeVec",
        "MetricsError",
        "REQUEST_DURATION",
        "RuntimeMetrics",
        "TTFT",
        "Timer",
        "exponential_buckets",
        "linear_buckets",
    ]


def test_the_types_say_where_they_are_imported_from() -> None:
    for kind in FACTORIES.values():
        assert getattr(dynamo.prometheus_metrics, kind.__name__) is kind
        assert kind.__module__ == "dynamo.prometheus_metrics"


def test_the_old_module_names_hold_the_same_objects() -> None:
    for name in dynamo._core.__all__:
        home = dynamo.runtime if hasattr(dynamo.runtime, name) else dynamo.prometheus_metrics
        assert getattr(dynamo._core, name) is getattr(home, name)
    for name in dynamo.prometheus_metrics.__all__:
        assert getattr(dynamo._prometheus_metrics, name) is getattr(dynamo.prometheus_metrics, name)


def test_dynamo_is_a_namespace_package_which_others_may_extend() -> None:
    assert dynamo.__file__ is None

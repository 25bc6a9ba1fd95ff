"""The fields of a creation error, for programs, and its message, for people."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from dynamo.prometheus_metrics import MetricsError, RuntimeMetrics, linear_buckets
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import refused


def error_of(function: Callable[[], object]) -> MetricsError:
    with pytest.raises(MetricsError) as caught:
        function()
    return caught.value


@pytest.mark.parametrize(
    ("create", "reason", "name"),
    [
        (lambda m: m.create_gauge("", "help"), "bad_name", ""),
        (lambda m: m.create_gauge(" ", "help", full_name=True), "bad_name", " "),
        (lambda m: m.create_gauge("m", "help", {"a-b": "x"}), "bad_label", "ns_comp_ep_m"),
        (lambda m: m.create_gauge("m", "help", {"le": "x"}), "reserved_label", "ns_comp_ep_m"),
        (lambda m: m.create_gaugevec("m", "help", ["a", "a"]), "duplicate_label", "ns_comp_ep_m"),
        (lambda m: m.create_gaugevec("m", "help", []), "no_label_names", "ns_comp_ep_m"),
        (lambda m: m.create_histogram("m", "help", None, []), "bad_buckets", "ns_comp_ep_m"),
        (
            lambda m: m.create_histogram("m", "help", native=True, schema=9),
            "bad_native_buckets",
            "ns_comp_ep_m",
        ),
        (lambda m: m.create_gauge("m", "help", unit="seconds"), "bad_unit", "ns_comp_ep_m"),
        (lambda m: m.create_gauge("m", "\ud800"), "not_utf8", None),
    ],
)
def test_an_error_names_the_metric_and_the_reason(
    metrics: RuntimeMetrics,
    create: Callable[[RuntimeMetrics], object],
    reason: str,
    name: str | None,
) -> None:
    error = error_of(lambda: create(metrics))
    assert (error.reason, error.name, error.owners) == (reason, name, ())


def test_a_conflict_names_both_owners_the_new_one_first(
    runtime: DistributedRuntime, endpoint: Endpoint
) -> None:
    runtime.metrics.create_counter("m", "help")
    error = error_of(lambda: endpoint.metrics.create_gauge("m", "help", full_name=True))
    assert (error.reason, error.name) == ("conflict", "m")
    assert error.owners == ("endpoint ns/comp/ep", "the runtime")


def test_bounds_that_make_no_list_belong_to_no_metric() -> None:
    error = error_of(lambda: linear_buckets(0, 0, 3))
    assert (error.reason, error.name, error.owners) == ("bad_buckets", None, ())


def test_an_error_goes_to_another_process_with_its_fields(metrics: RuntimeMetrics) -> None:
    error = error_of(lambda: metrics.create_gauge("m", "help", {"le": "x"}))
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is MetricsError
    assert str(other) == str(error)
    assert (other.reason, other.name, other.owners) == (error.reason, error.name, error.owners)


@pytest.mark.parametrize(
    ("options", "error", "parts"),
    [
        ({"max_series": -1}, ValueError, ["max_series=-1 is below 0", "0 for no limit"]),
        ({"max_series": "x"}, TypeError, ["max_series must be an int", "got 'x'"]),
        ({"max_series": 10**30}, ValueError, ["max_series=", "is too large"]),
        ({"idle_timeout": 0}, ValueError, ["idle_timeout=0", "above 0"]),
        ({"idle_timeout": "x"}, TypeError, ["idle_timeout must be a number", "got 'x'"]),
        ({"idle_timeout": 10**400}, ValueError, ["idle_timeout=", "is too large"]),
        ({"buckets": ["a"]}, TypeError, ["buckets must be a list of numbers"]),
        ({"schema": 3}, ValueError, ["schema is about native buckets", "native=True"]),
        ({"native": True, "schema": 1.5}, TypeError, ["schema must be an int", "got 1.5"]),
        ({"native": True, "max_buckets": "x"}, TypeError, ["max_buckets must be an int"]),
        ({"unit": 3}, TypeError, ["unit must be a str", "got 3"]),
        ({"const_labels": 5}, TypeError, ["const_labels must be a dict", "got 5"]),
    ],
)
def test_a_wrong_argument_of_a_factory_is_named_with_the_metric(
    metrics: RuntimeMetrics, options: dict[str, Any], error: type[Exception], parts: list[str]
) -> None:
    with refused(error, 'metric "m": ', *parts):
        metrics.create_histogramvec("m", "help", ["a"], **options)

"""Taking metrics out of the scrape."""

from __future__ import annotations

from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import FACTORIES, VECS, create, exposition, refused, sample


@pytest.mark.parametrize("factory", FACTORIES)
def test_an_unregistered_metric_is_not_shown(endpoint: Endpoint, factory: str) -> None:
    metric = create(endpoint, factory)
    if factory in VECS:
        metric.with_label_values(["x"])
    assert endpoint.metrics.unregister(metric) is True
    assert exposition(endpoint) == {}
    assert endpoint.metrics.unregister(metric) is False


def test_a_held_handle_counts_unseen_and_a_new_metric_starts_at_zero(endpoint: Endpoint) -> None:
    old = endpoint.metrics.create_intcounter("m", "help")
    old.inc_by(7)
    endpoint.metrics.unregister(old)
    new = endpoint.metrics.create_intcounter("m", "help")
    assert new is not old
    old.inc()
    assert (old.get(), new.get()) == (8, 0)
    assert sample(exposition(endpoint), "ns_comp_ep_m") == 0


def test_unregistering_the_old_one_leaves_the_new_one(metrics: RuntimeMetrics) -> None:
    old = metrics.create_gauge("m", "help")
    metrics.unregister(old)
    new = metrics.create_gauge("m", "help")
    assert metrics.unregister(old) is False
    assert metrics.create_gauge("m", "help") is new


def test_others_of_the_family_stay(endpoint: Endpoint) -> None:
    endpoint.metrics.create_counter("m", "help", {"a": "kept"})
    endpoint.metrics.unregister(endpoint.metrics.create_counter("m", "help", {"a": "gone"}))
    assert [sample.labels["a"] for sample in exposition(endpoint)["ns_comp_ep_m"].samples] == [
        "kept"
    ]


def test_any_node_of_the_runtime_can_unregister(
    runtime: DistributedRuntime, metrics: RuntimeMetrics
) -> None:
    assert runtime.metrics.unregister(metrics.create_counter("m", "help")) is True


def test_a_metric_of_another_runtime_is_left_alone(metrics: RuntimeMetrics) -> None:
    other = DistributedRuntime()
    counter = other.metrics.create_counter("m", "help")
    assert metrics.unregister(counter) is False
    assert "m" in exposition(other)


def test_one_series_of_a_vec_is_refused(metrics: RuntimeMetrics) -> None:
    child = metrics.create_gaugevec("m", "help", ["a"]).with_label_values(["x"])
    with refused(ValueError, "one series", '"ns_comp_ep_m"', "remove(labels)"):
        metrics.unregister(child)


@pytest.mark.parametrize("value", [None, "m", object()])
def test_what_is_no_metric_is_refused(metrics: RuntimeMetrics, value: Any) -> None:
    with refused(TypeError, "unregister() takes a metric", type(value).__name__):
        metrics.unregister(value)

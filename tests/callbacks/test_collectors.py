"""Registries of prometheus_client, shown among our own metrics."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from dynamo.prometheus_metrics import MetricsError, RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import buckets, exposition, refused, sample
from tests.support.formats import OPENMETRICS, key, render
from tests.support.process import workers
from tests.support.waiting import eventually

HIERARCHY = {"dynamo_namespace": "ns", "dynamo_component": "comp", "dynamo_endpoint": "ep"}


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry with a metric of every kind."""
    registry = CollectorRegistry()
    prometheus_client.Counter("engine_requests", "Requests", ["model"], registry=registry).labels(
        "llama"
    ).inc(3)
    prometheus_client.Gauge("engine_level", "Level", registry=registry).set(-2.5)
    prometheus_client.Histogram(
        "engine_seconds", "Seconds", buckets=[0.5, 1], registry=registry
    ).observe(0.7)
    prometheus_client.Summary("engine_summary", "Summary", registry=registry).observe(4)
    prometheus_client.Info("engine_build", "Build", registry=registry).info({"version": "1"})
    prometheus_client.Enum("engine_state", "State", states=["on"], registry=registry)
    return registry


def test_all_kinds_are_shown_with_the_labels_of_the_hierarchy(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    endpoint.metrics.register_collector(registry)
    families = exposition(endpoint)
    assert sample(families, "engine_requests_total", model="llama", **HIERARCHY) == 3
    assert sample(families, "engine_level", **HIERARCHY) == -2.5
    assert buckets(families, "engine_seconds") == {"0.5": 0, "1.0": 1, "+Inf": 1}
    assert sample(families, "engine_summary_sum", **HIERARCHY) == 4
    assert sample(families, "engine_build_info", version="1", **HIERARCHY) == 1
    assert sample(families, "engine_state", engine_state="on", **HIERARCHY) == 1
    types = {name: family.type for name, family in families.items()}
    assert types["engine_requests_total"] == "counter"
    assert types["engine_seconds"] == "histogram"
    assert types["engine_summary"] == "summary"


def test_each_exposition_asks_the_registry_anew(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    endpoint.metrics.register_collector(registry)
    gauge = prometheus_client.Gauge("engine_now", "Now", registry=registry)
    for value in (1, 2):
        gauge.set(value)
        assert sample(exposition(endpoint), "engine_now") == value


def test_the_hierarchys_labels_can_be_left_out(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    endpoint.metrics.register_collector(registry, hierarchy_labels=False)
    [level] = exposition(endpoint)["engine_level"].samples
    assert level.labels == {}


def test_labels_are_added_where_there_are_none_of_their_names(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    endpoint.metrics.register_collector(
        registry, labels={"model": "added", "dynamo_component": "mine"}
    )
    families = exposition(endpoint)
    labels = {**HIERARCHY, "dynamo_component": "mine"}
    assert families["engine_level"].samples[0].labels == {**labels, "model": "added"}
    assert families["engine_requests_total"].samples[0].labels == {**labels, "model": "llama"}


def test_labels_that_make_two_series_equal_leave_one(endpoint: Endpoint) -> None:
    registry = CollectorRegistry()

    class Collector:
        def collect(self) -> Iterator[Any]:
            family = GaugeMetricFamily("m", "help")
            family.add_sample("m", {"a": "x"}, 1)
            family.add_sample("m", {}, 2)
            yield family

    registry.register(Collector())
    endpoint.metrics.register_collector(registry, labels={"a": "x"}, hierarchy_labels=False)
    assert sample(exposition(endpoint), "m") == 1


def test_labels_that_cannot_be_added_are_refused(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    for labels in [
        {"le": "1"},
        {"quantile": "1"},
        {"__a": "1"},
        {"a-b": "1"},
        {"": "1"},
        [("a", "1")] * 2,
    ]:
        with refused(MetricsError, "cannot be added"):
            metrics.register_collector(registry, labels=labels)


def test_families_are_chosen_by_prefix(endpoint: Endpoint, registry: CollectorRegistry) -> None:
    endpoint.metrics.register_collector(
        registry, prefixes=["engine_s", "engine_l"], exclude=["engine_su"]
    )
    assert list(exposition(endpoint)) == [
        "engine_level",
        "engine_seconds",
        "engine_seconds_created",
        "engine_state",
    ]


def test_process_metrics_are_left_out_unless_asked_for(runtime: DistributedRuntime) -> None:
    registry = CollectorRegistry()
    for name in ("python_info", "process_open_fds", "engine_level"):
        prometheus_client.Gauge(f"{name}_of_test", "help", registry=registry)
    runtime.metrics.register_collector(registry)
    names = {name for name in exposition(runtime) if name.endswith("_of_test")}
    assert names == {"engine_level_of_test"}
    runtime.namespace("ns").metrics.register_collector(registry, exclude=[])
    names = {name for name in exposition(runtime) if name.endswith("_of_test")}
    assert names == {"python_info_of_test", "process_open_fds_of_test", "engine_level_of_test"}


def test_a_registry_is_asked_again_when_its_metrics_are_older_than_the_cache(
    endpoint: Endpoint,
) -> None:
    class Registry:
        calls = 0

        def collect(self) -> Iterator[Any]:
            self.calls += 1
            yield GaugeMetricFamily("calls", "help", self.calls)

    registry = Registry()
    handle = endpoint.metrics.register_collector(registry, cache=3600)
    for _ in range(3):
        assert sample(exposition(endpoint), "calls") == 1
    assert registry.calls == 1
    handle.unregister()
    endpoint.metrics.register_collector(registry, cache=0.001)
    eventually(lambda: True if sample(exposition(endpoint), "calls") > 2 else None)


@pytest.mark.parametrize("cache", [-1, float("nan"), float("inf")])
def test_a_cache_time_that_is_no_time_is_refused(
    metrics: RuntimeMetrics, registry: CollectorRegistry, cache: float
) -> None:
    with refused(ValueError, "cache=", "seconds >= 0"):
        metrics.register_collector(registry, cache=cache)


@pytest.mark.parametrize("registry", [None, "registry", object()])
def test_what_has_nothing_to_collect_is_refused(metrics: RuntimeMetrics, registry: Any) -> None:
    with refused(TypeError, type(registry).__name__, "no collect()", "REGISTRY"):
        metrics.register_collector(registry)


@pytest.mark.parametrize(("option", "value"), [("prefixes", "engine_"), ("exclude", 1)])
def test_prefixes_are_lists(
    metrics: RuntimeMetrics, registry: CollectorRegistry, option: str, value: Any
) -> None:
    with refused(TypeError, option, "a list of str"):
        metrics.register_collector(registry, **{option: value})


def test_without_prometheus_client_the_message_says_what_to_install(
    metrics: RuntimeMetrics, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with refused(ImportError, "prometheus_client", "pip install 'dynamo-metrics[prometheus]'"):
        metrics.register_collector(registry)


def test_a_collector_that_raises_costs_nothing_but_its_own(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    class Broken:
        def collect(self) -> Iterator[Any]:
            raise KeyError("the cause")

    endpoint.metrics.register_collector(registry)
    endpoint.metrics.register_collector(Broken())
    assert sample(exposition(endpoint), "engine_level") == -2.5


def test_creation_times_are_samples_in_openmetrics(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    endpoint.metrics.register_collector(registry)
    text, openmetrics = exposition(endpoint), render(endpoint, OPENMETRICS)
    for name in ("engine_requests", "engine_seconds", "engine_summary"):
        [created] = text[f"{name}_created"].samples
        assert openmetrics.values[key(f"{name}_created", **created.labels)] == created.value
        assert f"{name}_created" not in openmetrics.types


def test_a_registry_lives_as_long_as_its_handle_is_registered(endpoint: Endpoint) -> None:
    registry = CollectorRegistry()
    prometheus_client.Gauge("engine_level", "Level", registry=registry)
    handle = endpoint.metrics.register_collector(registry)
    del registry
    gc.collect()
    assert "engine_level" in exposition(endpoint)
    assert handle.unregister()
    assert exposition(endpoint) == {}


def test_the_files_of_several_processes_are_one_exposition(tmp_path: Path) -> None:
    with workers(__file__) as start:
        worker = start("files_of_processes.py", PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
        families = exposition("\n".join(worker.lines()))
        assert worker.exit_code() == 0
    assert sample(families, "engine_requests_total", model="llama", dynamo_namespace="ns") == 6
    assert sample(families, "engine_level") == 3

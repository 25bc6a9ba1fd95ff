"""``attach()``: our metrics on Dynamo's own status server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

import dynamo_metrics
from tests.guests.nvidia.host import OWN, Dynamo, metrics_text
from tests.support import FACTORIES, buckets, create, refused, sample
from tests.support.client import TIMEOUT_SECONDS

PATH = "ns.comp.ep"
HIERARCHY = {"dynamo_namespace": "ns", "dynamo_component": "comp", "dynamo_endpoint": "ep"}


def test_what_is_created_is_on_dynamos_metrics_beside_its_own(dynamo: Dynamo) -> None:
    before = dynamo.scrape()[OWN]
    metrics = dynamo_metrics.attach(dynamo.endpoint(), PATH)
    requests = metrics.create_intcounter("requests_total", "Requests received")
    requests.inc_by(3)
    families = dynamo.scrape()
    assert (requests.name(), families[requests.name()].type) == (
        "ns_comp_ep_requests_total",
        "counter",
    )
    assert sample(families, requests.name(), **HIERARCHY) == 3
    [uptime] = families[OWN].samples
    assert (families[OWN].help, uptime.labels) == (before.help, before.samples[0].labels)


def test_every_kind_is_shown_under_the_name_it_returns(dynamo: Dynamo) -> None:
    class Node:
        metrics = dynamo_metrics.attach(dynamo.endpoint(), PATH)

    created = [create(Node, factory, factory) for factory in FACTORIES]
    for metric in created:
        if hasattr(metric, "variable_labels"):
            metric.with_label_values(["x"])
    families = dynamo.scrape()
    assert {metric.name() for metric in created} <= families.keys()
    assert buckets(families, "ns_comp_ep_create_histogram")["+Inf"] == 0


def test_all_levels_can_be_attached(dynamo: Dynamo) -> None:
    for path, name in (("", "m"), ("ns", "ns_m"), ("ns.comp", "ns_comp_m"), (PATH, "ns_comp_ep_m")):
        metrics = dynamo_metrics.attach(dynamo.runtime, path)
        assert metrics.create_intgauge("m", "help").name() == name
    assert {"m", "ns_m", "ns_comp_m", "ns_comp_ep_m"} <= dynamo.scrape().keys()


def test_attaching_again_shows_nothing_twice(dynamo: Dynamo) -> None:
    for path in (PATH, f"dyn://{PATH}", "other.comp.ep"):
        for _ in range(2):
            metrics = dynamo_metrics.attach(dynamo.endpoint(path), path)
            metrics.create_intcounter("m", "help").inc()
            metrics.create_intcounter("shared", "help", full_name=True).inc()
    families = dynamo.scrape()
    assert sample(families, "ns_comp_ep_m") == 4
    assert [one.value for one in families["shared"].samples] == [4, 2]


def test_each_runtime_of_a_process_shows_its_own(start: Callable[[], Dynamo]) -> None:
    first, second = start(), start()
    for value, dynamo in enumerate((first, second)):
        dynamo_metrics.attach(dynamo.endpoint(), PATH).create_gauge("m", "help").set(value)
    assert [sample(dynamo.scrape(), "ns_comp_ep_m") for dynamo in (first, second)] == [0, 1]


def test_metrics_stay_when_nobody_holds_the_endpoint(dynamo: Dynamo) -> None:
    dynamo_metrics.attach(dynamo.endpoint(), PATH).create_gauge("m", "help")
    assert sample(dynamo.scrape(), "ns_comp_ep_m") == 0


def test_callbacks_run_before_each_scrape_on_a_thread_of_ours(dynamo: Dynamo) -> None:
    metrics = dynamo_metrics.attach(dynamo.endpoint(), PATH)
    gauge = metrics.create_intgauge("level", "help")
    callers = []

    def update() -> None:
        callers.append(threading.current_thread().name)
        gauge.inc()

    handle = metrics.register_callback(update)
    assert [sample(dynamo.scrape(), gauge.name()) for _ in range(3)] == [1, 2, 3]
    assert callers == ["dynamo-callbacks"] * 3
    assert handle.unregister()
    assert sample(dynamo.scrape(), gauge.name()) == 3


def test_a_stuck_callback_costs_a_scrape_its_deadline_and_nothing_else(
    dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYN_METRICS_CALLBACK_TIMEOUT", "0.05")
    metrics = dynamo_metrics.attach(dynamo.endpoint(), PATH)
    metrics.create_intcounter("m", "help").inc()
    stuck = threading.Event()
    metrics.register_callback(lambda: stuck.wait(TIMEOUT_SECONDS))
    try:
        families = dynamo.scrape()
    finally:
        stuck.set()
    assert sample(families, "ns_comp_ep_m") == 1
    assert sample(families, "dynamo_runtime_callback_timeouts_total") <= 1


def test_registries_and_texts_come_along_once(dynamo: Dynamo) -> None:
    registry = CollectorRegistry()
    Counter("engine_requests", "Requests", registry=registry).inc(2)
    for path in (PATH, "other.comp.ep"):
        metrics = dynamo_metrics.attach(dynamo.endpoint(path), path)
        metrics.register_collector(registry)
        metrics.register_prometheus_expfmt_callback(
            lambda: "# TYPE engine_level gauge\nengine_level 1"
        )
    families = dynamo.scrape()
    assert [one.value for one in families["engine_requests_total"].samples] == [2, 2]
    assert sample(families, "engine_level") == 1


def test_families_of_dynamo_in_another_librarys_text_are_left_out(dynamo: Dynamo) -> None:
    metrics = dynamo_metrics.attach(dynamo.endpoint(), PATH)
    metrics.register_prometheus_expfmt_callback(
        lambda: "dynamo_component_requests_total 1\ndynamo_component_total_blocks 2\n"
    )
    families = dynamo.scrape()
    assert "dynamo_component_requests_total" not in families
    assert sample(families, "dynamo_component_total_blocks") == 2


def test_what_dynamo_shows_of_others_stays(dynamo: Dynamo) -> None:
    endpoint = dynamo.endpoint()
    endpoint.metrics.register_prometheus_expfmt_callback(lambda: "theirs 1\n")
    dynamo_metrics.attach(endpoint, PATH).create_gauge("m", "help")
    assert "\ntheirs 1\n" in metrics_text(dynamo.runtime)
    assert "\nns_comp_ep_m{" in metrics_text(dynamo.runtime)


@pytest.mark.parametrize(
    "name",
    [
        "dynamo_component_requests_total",
        "dynamo_component_uptime_seconds",
        "dynamo_component_request_duration_seconds_sum",
        "dynamo_work_handler_queue_depth",
        "dynamo_tokio_alive_tasks",
        "dynamo_engine_request",
    ],
)
def test_a_name_of_dynamos_own_is_refused(dynamo: Dynamo, name: str) -> None:
    metrics = dynamo_metrics.attach(dynamo.endpoint(), PATH)
    with refused(dynamo_metrics.MetricsError, name, "NVIDIA's Dynamo", "another name"):
        metrics.create_intcounter(name, "help", full_name=True)
    assert name not in dynamo.scrape() or name == OWN


def test_a_histogram_whose_samples_have_a_name_of_dynamo_is_refused(dynamo: Dynamo) -> None:
    dynamo.endpoint().metrics.register_prometheus_expfmt_callback(
        lambda: "# TYPE x_sum gauge\nx_sum 1\n"
    )
    metrics = dynamo_metrics.attach(dynamo.runtime, "")
    with refused(dynamo_metrics.MetricsError, '"x"', "x_sum", "NVIDIA's Dynamo"):
        metrics.create_histogram("x", "help")
    with refused(dynamo_metrics.MetricsError, '"x_sum"', "NVIDIA's Dynamo"):
        metrics.create_gauge("x_sum", "help")
    assert metrics.create_gauge("x", "help").name() == "x"


def test_names_in_the_style_of_dynamo_08_are_possible(
    dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYN_METRICS_NAME_STYLE", "component")
    metrics = dynamo_metrics.attach(dynamo.endpoint(), PATH)
    assert metrics.create_intcounter("my_total", "help").name() == "dynamo_component_my_total"
    with refused(dynamo_metrics.MetricsError, "dynamo_component_requests_total"):
        metrics.create_intcounter("requests_total", "help")


@pytest.mark.parametrize("path", ["a.b.c.d", "a..c", ".", "dyn://a."])
def test_a_path_of_no_node_is_refused(dynamo: Dynamo, path: str) -> None:
    with refused(ValueError, repr(path), "namespace.component.endpoint"):
        dynamo_metrics.attach(dynamo.endpoint(), path)


@pytest.mark.parametrize("endpoint", [None, object(), dynamo_metrics])
def test_anything_but_dynamos_endpoints_is_refused(endpoint: Any) -> None:
    with refused(TypeError, "Endpoint", "ai-dynamo-runtime"):
        dynamo_metrics.attach(endpoint, PATH)

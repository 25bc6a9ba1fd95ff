"""The Python half of the Metrics Developer Guide, run as printed, and the exposition it makes."""

from __future__ import annotations

import ast
import contextlib
import io
import queue
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dynamo import prometheus_metrics
from tests.support import FACTORIES, Family, buckets, sample
from tests.support.client import TIMEOUT_SECONDS, scrape
from tests.support.documents import blocks
from tests.support.waiting import eventually

PREFIX = "my_namespace_my_component_my_endpoint"


class Connections:
    """What the guide's ``compute_current_connections`` stands for: 17, but for callbacks."""

    def __init__(self) -> None:
        self.number = 17
        """For callbacks."""
        self.callers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self) -> int:
        caller = threading.current_thread().name
        self.callers.put(caller)
        return self.number if caller == "dynamo-callbacks" else 17


class Guide:
    """The guide, run once: what its names stand for and what it has printed."""

    def __init__(self) -> None:
        self.connections = Connections()
        self.names: dict[str, Any] = {"compute_current_connections": self.connections}
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            for block in blocks(Path(__file__).with_name("python.md").read_text()):
                exec(block.body, self.names)
                if "gauge_vec" not in self.names:
                    self.names["gauge_vec"] = self.names["endpoint"].metrics.create_gaugevec(
                        "queue_depth", "Requests that wait", ["model_type", "model_size"]
                    )
        self.printed = output.getvalue().splitlines()

    def exposition(self) -> dict[str, Family]:
        """What its ``/metrics`` shows, over HTTP."""
        return scrape(self.names["drt"].system_status_address)


@pytest.fixture(scope="module")
def guide() -> Iterator[Guide]:
    with pytest.MonkeyPatch.context() as settings:
        settings.setenv("DYN_SYSTEM_PORT", "0")
        settings.setenv("DYN_SYSTEM_HOST", "127.0.0.1")
        settings.setenv("DYN_METRICS_CALLBACK_TIMEOUT", "60")
        guide = Guide()
    yield guide
    guide.names["drt"].shutdown()


def test_names_and_labels_are_printed_as_the_guide_says(guide: Guide) -> None:
    name, const_labels, variable_labels = guide.printed
    assert name == "my_namespace_my_component_my_endpoint_requests_total"
    assert const_labels.startswith("{'dynamo_namespace': 'my_namespace', ")
    assert ast.literal_eval(const_labels) == {
        "dynamo_namespace": "my_namespace",
        "dynamo_component": "my_component",
        "dynamo_endpoint": "my_endpoint",
        "region": "us-west",
        "env": "prod",
    }
    assert ast.literal_eval(variable_labels) == ["model_type", "model_size"]


def test_the_counter_created_twice_is_one_family_with_both_series(guide: Guide) -> None:
    family = guide.exposition()[f"{PREFIX}_requests_total"]
    assert (family.type, family.help) == ("counter", "Total requests")
    hierarchy = {
        "dynamo_namespace": "my_namespace",
        "dynamo_component": "my_component",
        "dynamo_endpoint": "my_endpoint",
    }
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        (hierarchy, 6),
        ({**hierarchy, "region": "us-west", "env": "prod"}, 0),
    ]


def test_the_exposition_shows_what_the_guide_has_counted(guide: Guide) -> None:
    families = guide.exposition()
    latency = f"{PREFIX}_latency_seconds"
    assert families[latency].type == "histogram"
    assert list(buckets(families, latency).items()) == [
        ("0.001", 0),
        ("0.01", 0),
        ("0.1", 1),
        ("1.0", 1),
        ("10.0", 1),
        ("+Inf", 1),
    ]
    assert sample(families, f"{latency}_sum") == 0.023
    requests = f"{PREFIX}_requests_by_model"
    assert sample(families, requests, model_type="llama", model_size="7b") == 1
    memory = f"{PREFIX}_gpu_memory_bytes"
    assert sample(families, memory, gpu_id="0", memory_type="allocated") == 8192


def test_the_background_thread_updates_the_gauge(guide: Guide) -> None:
    callers = iter(lambda: guide.connections.callers.get(timeout=TIMEOUT_SECONDS), None)
    assert any(caller != "dynamo-callbacks" for caller in callers)


def test_the_callback_runs_before_each_scrape(guide: Guide) -> None:
    gauge = f"{PREFIX}_active_connections"

    def shown(number: int) -> bool | None:
        return sample(guide.exposition(), gauge) == number or None

    for number in (3, 5):
        while not guide.connections.callers.empty():
            guide.connections.callers.get()
        guide.connections.number = number
        # The thread may set the gauge between the callback and the exposition.
        eventually(partial(shown, number))
        callers = iter(lambda: guide.connections.callers.get(timeout=TIMEOUT_SECONDS), None)
        assert any(caller == "dynamo-callbacks" for caller in callers)


def test_all_methods_the_guide_lists_are_on_every_level(guide: Guide) -> None:
    drt = guide.names["drt"]
    namespace = drt.namespace("my_namespace")
    component = namespace.component("my_component")
    for node in (drt, namespace, component, guide.names["endpoint"]):
        for factory in FACTORIES:
            assert callable(getattr(node.metrics, factory))


def test_all_metrics_are_of_types_of_the_module_the_guide_names(guide: Guide) -> None:
    for name in ("requests_total", "active_connections", "latency", "requests_by_model"):
        kind = type(guide.names[name])
        assert getattr(prometheus_metrics, kind.__name__) is kind

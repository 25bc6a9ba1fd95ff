"""``as_collector()``: our metrics in registries of prometheus_client."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from dynamo.runtime import DistributedRuntime, Endpoint
from dynamo_metrics import Runtime, as_collector
from tests.support import FACTORIES, Family, create, exposition, refused, sample
from tests.support.client import TIMEOUT_SECONDS
from tests.support.formats import OPENMETRICS, read
from tests.support.log import Log


@pytest.fixture
def registry(endpoint: Endpoint) -> CollectorRegistry:
    """A registry that shows the endpoint's metrics."""
    registry = CollectorRegistry()
    registry.register(as_collector(endpoint))
    return registry


def shown(registry: CollectorRegistry) -> dict[str, Family]:
    """What the registry exposes as text."""
    return exposition(generate_latest(registry).decode())


def test_every_kind_is_exposed_under_the_name_it_returns(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    created = [create(endpoint, factory, factory) for factory in FACTORIES]
    created.append(endpoint.metrics.create_intcounter("requests_total", "help"))
    created.append(endpoint.metrics.create_gauge("vllm:level", "help", full_name=True))
    for metric in created:
        if hasattr(metric, "variable_labels"):
            metric.with_label_values(["x"])
    assert sorted(shown(registry)) == sorted(metric.name() for metric in created)


def test_the_exposition_is_that_of_the_node(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    metrics = endpoint.metrics
    metrics.create_intcounter("requests_total", 'With "quotes", \\ and\nlines').inc_by(3)
    metrics.create_intgaugevec("level", "help", ["a"]).set(-2, {"a": 'x "y"\\\n# {z="1"} 2'})
    metrics.create_histogram("seconds", "help", buckets=[0.5, 1]).observe(0.7)
    metrics.create_gauge("nothing", "help").set(float("nan"))
    metrics.register_prometheus_expfmt_callback(
        lambda: '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 3\nplain 4 1700000000000\n'
    )
    ours, theirs = exposition(endpoint), shown(registry)
    for name in ("ns_comp_ep_level", "ns_comp_ep_requests_total", "ns_comp_ep_seconds", "s"):
        assert theirs[name] == ours[name]
    assert theirs["plain"].samples == ours["plain"].samples
    assert str(sample(theirs, "ns_comp_ep_nothing")) == "nan"


def test_a_counter_without_total_keeps_its_name_and_is_of_unknown_type(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    requests = endpoint.metrics.create_intcounter("requests", "help")
    requests.inc()
    family = shown(registry)[requests.name()]
    assert (family.name, family.type) == (requests.name(), "unknown")
    assert registry.get_sample_value(requests.name(), family.samples[0].labels) == 1


def test_units_and_exemplars_are_in_openmetrics(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    metrics = endpoint.metrics
    metrics.create_counter("busy_seconds_total", "help", unit="seconds").inc(exemplar={"id": "a b"})
    metrics.create_histogram("wait_seconds", "help", unit="seconds").observe(
        0.3, exemplar={"id": "c"}
    )
    assert read(OPENMETRICS, generate_openmetrics(registry)) == read(
        OPENMETRICS, endpoint.metrics.exposition(OPENMETRICS)[2]
    )


def test_callbacks_run_before_each_collect(endpoint: Endpoint, registry: CollectorRegistry) -> None:
    level = endpoint.metrics.create_intgauge("level", "help")
    endpoint.metrics.register_callback(level.inc)
    labels = level.const_labels()
    assert [registry.get_sample_value(level.name(), labels) for _ in range(3)] == [1, 2, 3]


def test_a_stuck_callback_costs_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_METRICS_CALLBACK_TIMEOUT", "0.01")
    metrics = Runtime().namespace("ns").metrics
    registry = CollectorRegistry()
    registry.register(as_collector(metrics))
    metrics.create_intcounter("m", "help")
    stuck = threading.Event()
    metrics.register_callback(lambda: stuck.wait(TIMEOUT_SECONDS))
    try:
        assert sample(shown(registry), "ns_m") == 0
    finally:
        stuck.set()


def test_series_and_families_that_are_gone_are_not_shown(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])
    for value in "xy":
        vec.inc({"a": value})
    assert len(shown(registry)["ns_comp_ep_m"].samples) == 2
    vec.remove({"a": "x"})
    [left] = shown(registry)["ns_comp_ep_m"].samples
    assert left.labels["a"] == "y"
    endpoint.metrics.unregister(vec)
    assert shown(registry) == {}


def test_the_global_registry_has_its_own_metrics_of_the_process(
    runtime: DistributedRuntime,
) -> None:
    collector = as_collector(runtime)
    prometheus_client.REGISTRY.register(collector)
    try:
        families = shown(prometheus_client.REGISTRY)
    finally:
        prometheus_client.REGISTRY.unregister(collector)
    assert "process_open_fds" in families
    assert "dynamo_component_uptime_seconds" in families


def test_an_asgi_app_of_prometheus_client_shows_them(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    """As vLLM's API server and FastAPI instrumentators do."""
    endpoint.metrics.create_intcounter("requests_total", "help").inc()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    app: Any = prometheus_client.make_asgi_app(registry)
    asyncio.run(app(scope, receive, send))
    text = b"".join(message.get("body", b"") for message in sent).decode()
    assert sample(exposition(text), "ns_comp_ep_requests_total") == 1


class TestNames:
    """A name is of one collector."""

    def test_a_name_that_is_taken_is_an_error_at_registration(self, endpoint: Endpoint) -> None:
        registry = CollectorRegistry()
        Gauge("ns_comp_ep_level", "help", registry=registry)
        endpoint.metrics.create_intgaugevec("level", "help", ["a"])  # which has no series yet
        with pytest.raises(ValueError, match="ns_comp_ep_level"):
            registry.register(as_collector(endpoint))

    def test_a_name_that_is_taken_later_is_left_out_and_logged(
        self, endpoint: Endpoint, registry: CollectorRegistry, log: Log
    ) -> None:
        Gauge("ns_comp_ep_level", "theirs", registry=registry)
        endpoint.metrics.create_intgauge("level", "ours")
        endpoint.metrics.create_intgauge("other", "ours")
        for _ in range(2):
            families = shown(registry)
            assert families["ns_comp_ep_level"].help == "theirs"
            assert families["ns_comp_ep_other"].help == "ours"
        messages = [record.getMessage() for record in log.until("ns_comp_ep_level")]
        assert "another collector has the name" in messages[-1]

    def test_a_sample_name_that_is_taken_is_left_out_too(
        self, endpoint: Endpoint, registry: CollectorRegistry
    ) -> None:
        Gauge("ns_comp_ep_wait_count", "theirs", registry=registry)
        endpoint.metrics.create_histogram("wait", "ours")
        assert list(shown(registry)) == ["ns_comp_ep_wait_count"]

    def test_a_name_of_ours_is_refused_to_others_once_it_was_shown(
        self, endpoint: Endpoint, registry: CollectorRegistry
    ) -> None:
        endpoint.metrics.create_intcounter("requests_total", "ours")
        shown(registry)
        with pytest.raises(ValueError, match="ns_comp_ep_requests"):
            Gauge("ns_comp_ep_requests_total", "theirs", registry=registry)

    def test_names_are_free_after_the_collector_was_unregistered(self, endpoint: Endpoint) -> None:
        registry, collector = CollectorRegistry(), as_collector(endpoint)
        for _ in range(2):
            registry.register(collector)
            endpoint.metrics.create_intcounter("requests_total", "ours")
            assert list(shown(registry)) == ["ns_comp_ep_requests_total"]
            registry.unregister(collector)
        Gauge("ns_comp_ep_requests_total", "theirs", registry=registry)

    def test_a_collector_in_two_registries_has_the_names_of_each(self, endpoint: Endpoint) -> None:
        collector = as_collector(endpoint)
        free, taken = CollectorRegistry(), CollectorRegistry()
        Gauge("ns_comp_ep_level", "theirs", registry=taken)
        free.register(collector)
        taken.register(collector)
        endpoint.metrics.create_intgauge("level", "ours")
        assert shown(free)["ns_comp_ep_level"].help == "ours"
        assert shown(taken)["ns_comp_ep_level"].help == "theirs"

    def test_a_request_for_some_names_finds_later_ones(
        self, endpoint: Endpoint, registry: CollectorRegistry
    ) -> None:
        endpoint.metrics.create_intgauge("level", "ours")
        endpoint.metrics.create_intgauge("other", "ours")
        shown(registry)
        chosen: Any = registry.restricted_registry(["ns_comp_ep_level"])
        assert list(exposition(generate_latest(chosen).decode())) == ["ns_comp_ep_level"]

    def test_two_nodes_that_overlap_are_refused(self, endpoint: Endpoint, runtime: Any) -> None:
        endpoint.metrics.create_intgauge("level", "ours")
        registry = CollectorRegistry()
        registry.register(as_collector(endpoint))
        with pytest.raises(ValueError, match="ns_comp_ep_level"):
            registry.register(as_collector(runtime))


class TestBothDirections:
    """A registry whose metrics the node shows, and which shows those of the node."""

    @pytest.fixture(params=["named", "nameless"])
    def both(
        self, request: pytest.FixtureRequest, endpoint: Endpoint, registry: CollectorRegistry
    ) -> CollectorRegistry:
        if request.param == "named":
            Gauge("engine_level", "theirs", registry=registry).set(2)
        else:
            registry.register(_Nameless())
        endpoint.metrics.register_collector(registry)
        endpoint.metrics.create_intcounter("requests_total", "ours").inc()
        return registry

    def test_each_shows_all_once(
        self, both: CollectorRegistry, runtime: DistributedRuntime
    ) -> None:
        for _ in range(2):
            for families in (shown(both), exposition(runtime)):
                assert sample(families, "ns_comp_ep_requests_total") == 1
                assert sample(families, "engine_level") == 2
        assert sample(exposition(runtime), "dynamo_runtime_text_dropped_series_total") == 0

    def test_another_tree_is_shown_through_the_registry(self, both: CollectorRegistry) -> None:
        other = Runtime(callback_timeout=60)
        other.metrics.register_collector(both, hierarchy_labels=False)
        assert sample(exposition(other), "ns_comp_ep_requests_total") == 1
        assert sample(exposition(other), "engine_level") == 2


class _Nameless:
    """A collector that says nothing of its names before it is asked."""

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("engine_level", "theirs", value=2)


def test_scrapes_at_once_while_metrics_come_and_go(
    endpoint: Endpoint, registry: CollectorRegistry
) -> None:
    vec = endpoint.metrics.create_intcountervec("m", "help", ["a"])
    done = threading.Event()
    failures: list[BaseException] = []

    def scrape() -> None:
        try:
            while not done.is_set():
                shown(registry)
        except BaseException as failure:
            failures.append(failure)

    with _threads(scrape, 3):
        for number in range(300):
            vec.inc({"a": str(number)})
            if number % 3 == 0:
                vec.remove({"a": str(number)})
        done.set()
    assert failures == []
    assert len(shown(registry)["ns_comp_ep_m"].samples) == 200


@contextlib.contextmanager
def _threads(target: Any, number: int) -> Iterator[None]:
    threads = [threading.Thread(target=target) for _ in range(number)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)


@pytest.mark.parametrize("node", [None, 3, object()])
def test_what_has_no_metrics_is_refused(node: Any) -> None:
    with refused(TypeError, "as_collector()", type(node).__name__):
        as_collector(node)


def test_without_prometheus_client_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import dynamo_metrics

    monkeypatch.delitem(vars(dynamo_metrics), "as_collector", raising=False)
    monkeypatch.delitem(sys.modules, "dynamo_metrics.guests.prometheus")
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    with refused(ImportError, "as_collector()", "pip install 'dynamo-metrics[prometheus]'"):
        _ = dynamo_metrics.as_collector

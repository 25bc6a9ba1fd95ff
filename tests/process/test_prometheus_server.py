"""The real Prometheus server scrapes a worker, and knows what the worker has said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest

from tests.process.awkward import AWKWARD
from tests.support import sample
from tests.support.client import scrape
from tests.support.documents import ROOT, blocks
from tests.support.process import Start, Worker, free_port, serving, workers
from tests.support.prometheus import Prometheus, scraping
from tests.support.run import make_run
from tests.support.waiting import eventually

HIERARCHY = {"dynamo_namespace": "ns", "dynamo_component": "comp", "dynamo_endpoint": "ep"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus server that has scraped the metrics above."""
    with workers(__file__) as start:
        worker = serving(start, "every_kind.py")
        assert worker.line() == "ready"
        with scraping(worker.address, tmp_path_factory.mktemp("prometheus")) as server:
            server.keep_a_scrape()
            yield server


def labels(server: Prometheus, **others: str) -> dict[str, str]:
    """The labels of a series: of the hierarchy, those that the server adds, and others."""
    return {**HIERARCHY, "job": "worker", "instance": server.target, **others}


def known_as(family: str) -> str:
    """The name of a family in what the server scrapes, which is OpenMetrics."""
    return family.removesuffix("_total")


def test_values_arrive(server: Prometheus) -> None:
    values = [
        ("ns_comp_ep_spent_total{region='us-west'}", 0.1),
        ("ns_comp_ep_spent_total{env='prod'}", 0.2),
        ("ns_comp_ep_big_total", 2**53),
        ("ns_comp_ep_infinite", -math.inf),
        ("ns_comp_ep_undefined", math.nan),
        ("ns_comp_ep_below", -5),
        ("ns_comp_ep_waiting_seconds_sum", 5000031.501),
        ("ns_comp_ep_waiting_seconds_count", 5),
    ]
    for expression, value in values:
        [result] = server.query(expression)
        assert result.value == pytest.approx(value, rel=0, abs=0, nan_ok=True), expression


def test_labels_arrive_as_they_were_given(server: Prometheus) -> None:
    results = server.query("ns_comp_ep_requests_total")
    assert sorted(results, key=lambda result: result.value) == [
        (labels(server, model="llama"), 3),
        (labels(server, model=AWKWARD), 4),
    ]


def test_series_that_share_a_name_are_told_apart_by_their_labels(server: Prometheus) -> None:
    results = server.query("ns_comp_ep_spent_total")
    assert sorted(results, key=lambda result: result.value) == [
        (labels(server, region="us-west"), 0.1),
        (labels(server, env="prod"), 0.2),
    ]


def test_buckets_arrive_with_their_bounds(server: Prometheus) -> None:
    results = server.query("ns_comp_ep_waiting_seconds_bucket")
    buckets = {result.labels.pop("le"): result.value for result in results}
    assert buckets == {"0.005": 1, "1.0": 3, "600.0": 4, "1e+06": 4, "+Inf": 5}
    assert [result.labels for result in results] == [labels(server)] * 5


def test_quantiles_are_computed_from_the_buckets(server: Prometheus) -> None:
    median = "histogram_quantile(0.5, ns_comp_ep_waiting_seconds_bucket)"
    [result] = server.query(median)
    assert result.value == pytest.approx(0.005 + 1.5 / 2 * (1 - 0.005))


def test_types_and_descriptions_arrive(server: Prometheus) -> None:
    families = [
        ("ns_comp_ep_spent_total", "counter", "Spent"),
        ("ns_comp_ep_big_total", "counter", AWKWARD),
        ("ns_comp_ep_infinite", "gauge", "Infinite"),
        ("ns_comp_ep_below", "gauge", "Below zero"),
        ("ns_comp_ep_requests_total", "counter", "Requests"),
        ("ns_comp_ep_waiting_seconds", "histogram", "Waiting"),
        (
            "dynamo_component_uptime_seconds",
            "gauge",
            "Total uptime of the DistributedRuntime in seconds",
        ),
    ]
    for family, kind, description in families:
        metadata = {"type": kind, "help": description, "unit": ""}
        assert server.metadata(known_as(family)) == metadata, family


@pytest.fixture(scope="module")
def example() -> Iterator[Worker]:
    """The worker of ``make run``."""
    with make_run() as worker:
        yield worker


@pytest.fixture(scope="module")
def server_of_make_run(
    example: Worker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus server that scrapes what ``make run`` runs."""
    with scraping(example.address, tmp_path_factory.mktemp("prometheus")) as server:
        yield server


def test_prometheus_follows_the_running_example(
    example: Worker, server_of_make_run: Prometheus
) -> None:
    server = server_of_make_run
    node = "demo_backend_generate"

    def answered() -> float:
        return sample(scrape(example.address), f"{node}_latency_seconds_count")

    before = eventually(lambda: answered() or None)
    server.wait_for_a_scrape()
    stored = server.value(f"{node}_latency_seconds_count")
    assert before <= stored <= answered()

    [requests] = server.results(f"{node}_requests_total")
    assert requests.labels == {
        "dynamo_namespace": "demo",
        "dynamo_component": "backend",
        "dynamo_endpoint": "generate",
        "job": "worker",
        "instance": example.address,
    }
    models = server.results(f"{node}_requests_by_model")
    sizes = {(model.labels["model_type"], model.labels["model_size"]) for model in models}
    assert sizes == {("llama", "8b")}
    types = {
        "requests_total": "counter",
        # OpenMetrics would add _total to the name of a counter.
        "requests_by_model": "unknown",
        "latency_seconds": "histogram",
        "active_connections": "gauge",
    }
    for name, kind in types.items():
        assert server.metadata(known_as(f"{node}_{name}"))["type"] == kind


def test_prometheus_computes_rates_and_quantiles_of_the_running_example(
    server_of_make_run: Prometheus,
) -> None:
    node = "demo_backend_generate"
    server = server_of_make_run
    eventually(lambda: server.query(f"rate({node}_requests_total[1m]) > 0") or None)
    assert server.value(f"resets({node}_requests_total[1m])") == 0
    buckets = f"rate({node}_latency_seconds_bucket[1m])"
    eventually(lambda: server.query(f"histogram_quantile(0.9, {buckets}) > 0") or None)
    total, infinite = f"{node}_latency_seconds_count", f"{node}_latency_seconds_bucket{{le='+Inf'}}"
    assert server.value(f"{total} - ignoring(le) {infinite}") == 0


COOKBOOK = [
    block.body.splitlines()
    for block in blocks((ROOT / "docs" / "queries.md").read_text())
    if block.language == "promql"
]


def test_the_queries_about_make_run_show_something(server_of_make_run: Prometheus) -> None:
    for query in COOKBOOK[0]:

        def shown(query: str = query) -> bool | None:
            results = server_of_make_run.query(query)
            return any(math.isfinite(one.value) and one.value > 0 for one in results) or None

        eventually(shown)


def test_prometheus_understands_every_query_of_the_documents(
    server_of_make_run: Prometheus,
) -> None:
    for query in (query for block in COOKBOOK for query in block):
        server_of_make_run.query(query)


def test_prometheus_sees_a_worker_end_and_come_back(
    serve: Start, prometheus: Callable[..., Prometheus]
) -> None:
    worker = serve(DYN_SYSTEM_PORT=str(free_port()))
    server = prometheus(worker.address)
    server.wait_for_a_scrape()
    worker.tell()
    worker.assert_ends_cleanly()
    eventually(lambda: server.query("up == 0") or None)
    serve(DYN_SYSTEM_PORT=worker.address.split(":")[1])
    eventually(lambda: server.query("up == 1") or None)


def test_a_callback_that_hangs_costs_prometheus_nothing(
    serve: Start, prometheus: Callable[..., Prometheus]
) -> None:
    worker = serve(
        "hangs_for_prometheus.py",
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "ready"
    server = prometheus(worker.address)
    server.wait_for_a_scrape()
    assert server.value("ns_comp_ep_counted_total") == 1
    eventually(lambda: server.query("dynamo_runtime_callback_timeouts_total > 0") or None)

"""The real Prometheus server reads the same from a worker in each protocol that it knows."""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.client import scrape
from tests.support.process import serving, workers
from tests.support.prometheus import Prometheus, scraping
from tests.support.proxy import Proxy, proxy

ROOT = Path(__file__).parents[2]
VLLM = ROOT / "tests" / "formats" / "vllm_metrics.txt"
QUANTILES = statistics.NormalDist()
OBSERVATIONS = 2_000

FLAG = "--enable-feature=native-histograms,exemplar-storage"
EXEMPLARS = "--enable-feature=exemplar-storage"


class Servers(NamedTuple):
    """A server for each protocol, and what each one's answers went through."""

    text: tuple[Prometheus, Proxy]
    openmetrics: tuple[Prometheus, Proxy]
    protobuf: tuple[Prometheus, Proxy]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that have scraped the metrics above."""
    with workers(__file__) as start, contextlib.ExitStack() as running:
        worker = serving(start, "for_each_protocol.py")
        assert worker.line() == "ready"
        scrape(worker.address)  # has the text of the callback, which may be late for the servers

        def scraped(*flags: str, strips_accept: bool = False) -> tuple[Prometheus, Proxy]:
            between = running.enter_context(proxy(worker.address, strips_accept=strips_accept))
            folder = tmp_path_factory.mktemp("prometheus")
            return running.enter_context(scraping(between.address, folder, *flags)), between

        started = Servers(scraped(strips_accept=True), scraped(EXEMPLARS), scraped(FLAG))
        for server, _ in started:
            server.keep_a_scrape()
        yield started


def test_each_server_gets_the_protocol_it_is_there_for(servers: Servers) -> None:
    assert servers.text[1].content_types == {"text/plain; version=0.0.4; charset=utf-8"}
    [openmetrics] = servers.openmetrics[1].content_types
    assert openmetrics.startswith("application/openmetrics-text; version=1.0.0")
    [protobuf] = servers.protobuf[1].content_types
    assert protobuf.startswith("application/vnd.google.protobuf")


# Whatever is there in all three: what has native buckets has no classic ones in protobuf.
CLASSIC = (
    '{__name__=~"ns_comp_ep_.+|vllm:.+", __name__!~".*(native|unseen|schema|sides|observed).*"}'
)


def series(
    server: Prometheus, selector: str
) -> dict[tuple[str, frozenset[tuple[str, str]]], float | str]:
    """The values of all series, by name and labels."""
    found = {}
    for labels, value in server.query(
        f'label_replace({selector}, "metric_name", "$1", "__name__", "(.+)")'
    ):
        del labels["instance"]
        name = labels.pop("metric_name")
        found[name, frozenset(labels.items())] = "NaN" if math.isnan(value) else value
    return found


@pytest.mark.parametrize("protocol", ["openmetrics", "protobuf"])
def test_all_series_and_values_are_those_of_the_text_format(
    servers: Servers, protocol: str
) -> None:
    text = series(servers.text[0], CLASSIC)
    assert len(text) > 380
    assert series(getattr(servers, protocol)[0], CLASSIC) == text


@pytest.mark.parametrize("protocol", Servers._fields)
def test_the_bounds_of_buckets_are_spelled_alike(servers: Servers, protocol: str) -> None:
    server, _ = getattr(servers, protocol)
    results = server.query("count by (le) (ns_comp_ep_waiting_seconds_bucket)")
    assert {labels["le"]: count for labels, count in results} == {
        **dict.fromkeys(["1e-05", "0.005", "1.0", "600.0", "1e+06", "+Inf"], 2),
    }


@pytest.mark.parametrize("protocol", ["text", "openmetrics"])
def test_a_native_histogram_alone_has_a_count_and_a_sum_elsewhere(
    servers: Servers, protocol: str
) -> None:
    server, _ = getattr(servers, protocol)
    assert server.value("ns_comp_ep_schema_3_count") == OBSERVATIONS
    assert server.value("ns_comp_ep_schema_3_bucket{le='+Inf'}") == OBSERVATIONS
    assert server.value("ns_comp_ep_schema_3_sum") > 0


def test_quantiles_of_a_native_histogram_are_as_exact_as_its_schema(servers: Servers) -> None:
    for schema in [0, 3, 5, 8]:
        for quantile in [0.01, 0.1, 0.5, 0.9, 0.99]:
            server, _ = servers.protobuf
            result = server.value(f"histogram_quantile({quantile}, ns_comp_ep_schema_{schema})")
            exact = math.exp(QUANTILES.inv_cdf(quantile))
            width = 2 ** (2**-schema)  # between the bounds of a bucket
            steps = 1.01  # between one observation and the next
            assert exact / width / steps <= result <= exact * width * steps


def test_the_count_and_the_sum_of_a_native_histogram_arrive(servers: Servers) -> None:
    server, _ = servers.protobuf
    assert server.value("histogram_count(ns_comp_ep_schema_3)") == OBSERVATIONS
    whole = servers.text[0].value("ns_comp_ep_schema_3_sum")
    assert server.value("histogram_sum(ns_comp_ep_schema_3)") == whole


@pytest.mark.parametrize("quantile", [0.05, 0.25, 0.75, 0.95])
def test_quantiles_on_both_sides_of_zero_are_found(servers: Servers, quantile: float) -> None:
    server, _ = servers.protobuf
    result = server.value(f"histogram_quantile({quantile}, ns_comp_ep_both_sides)")
    assert result == pytest.approx(10 * QUANTILES.inv_cdf(quantile), rel=2 ** (2**-3) - 1)


def test_an_empty_native_histogram_arrives_as_one(servers: Servers) -> None:
    server, _ = servers.protobuf
    assert server.value("histogram_count(ns_comp_ep_unseen_seconds)") == 0


@pytest.mark.parametrize("protocol", ["openmetrics", "protobuf"])
def test_exemplars_arrive(servers: Servers, protocol: str) -> None:
    server, _ = getattr(servers, protocol)
    assert server.exemplars("ns_comp_ep_traced_total") == [{"trace_id": "abc"}]


def test_exemplars_of_buckets_arrive(servers: Servers) -> None:
    # Beside native buckets the server stores no classic ones, so not in protobuf.
    server, _ = servers.openmetrics
    assert server.exemplars("ns_comp_ep_observed_bucket") == [{"trace_id": "def"}]

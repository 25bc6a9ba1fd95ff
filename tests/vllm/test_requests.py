"""A worker around vLLM that answers the requests of another process, through NATS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import nats_settings
from tests.support.client import fetch, scrape
from tests.support.exposition import Family, exposition, sample
from tests.support.nats import NatsServer
from tests.support.serving import request_counts
from tests.support.vllm import LONGEST, MODEL, REAL, VOCABULARY, VllmWorker, vllm_workers
from tests.support.waiting import eventually
from tests.vllm.client import Client

RECORDED = Path(__file__).parents[1] / "formats" / "vllm_metrics.txt"
REQUESTS = 50


@pytest.fixture(scope="module")
def served(model: Path) -> Iterator[tuple[VllmWorker, Client]]:
    """A worker that is ready, and a client of it."""
    server = NatsServer()
    settings = nats_settings(server)
    client = Client(settings)
    with vllm_workers(model) as start:
        worker = start(**settings)
        worker.find_address()
        worker.wait_until_ready()
        yield worker, client
    client.close()
    server.close()


Figures = dict[str, float]


def figures(families: dict[str, Family]) -> Figures:
    """What client, Dynamo and vLLM all count, as an exposition has it, and what goes both ways."""
    counted = request_counts(families)

    def vllm(name: str, **labels: str) -> float:
        return sample(families, f"vllm:{name}", **labels)

    return {
        "requests": counted.requests,
        "succeeded": counted.succeeded,
        "cancelled": counted.cancelled,
        "invalid": counted.errors.get("deserialization", 0),
        "inflight": counted.inflight,
        "running": vllm("num_requests_running"),
        "prompt tokens": vllm("prompt_tokens_total"),
        "tokens": vllm("generation_tokens_total"),
        "length": vllm("request_success_total", finished_reason="length"),
        "first tokens": vllm("time_to_first_token_seconds_count"),
        "end to end": vllm("e2e_request_latency_seconds_count"),
    }


@pytest.fixture
def moved(served: tuple[VllmWorker, Client]) -> Callable[[], Figures]:
    """By how much the figures have moved since the test began, when nothing runs any more."""
    worker, _ = served
    before = figures(scrape(worker.address))

    def settled() -> Figures | None:
        now = figures(scrape(worker.address))
        if now["inflight"] or now["running"]:
            return None
        return {name: now[name] - before[name] for name in now if now[name] != before[name]}

    return lambda: eventually(settled)


def test_client_dynamo_and_vllm_count_the_same(
    served: tuple[VllmWorker, Client], moved: Callable[[], Figures]
) -> None:
    _, client = served
    lengths = [1 + number % 10 for number in range(REQUESTS)]
    client.send(
        *({"token_ids": [3] * 5, "max_tokens": length, "ignore_eos": True} for length in lengths)
    )
    assert client.answers() == [(length, "length") for length in lengths]
    expected = {
        "requests": REQUESTS,
        "succeeded": REQUESTS,
        "length": REQUESTS,
        "prompt tokens": 5 * REQUESTS,
        "tokens": sum(lengths),
    }
    if REAL:
        expected |= {"first tokens": REQUESTS, "end to end": REQUESTS}
    assert moved() == expected


@pytest.mark.usefixtures("hold")
def test_a_client_that_leaves_has_vllm_abort_its_request(
    served: tuple[VllmWorker, Client], moved: Callable[[], Figures]
) -> None:
    _, client = served
    client.send({"prompt": "hello", "ignore_eos": True}, leaves=True)
    (ended,) = client.answers()
    assert ended.reason == "left"
    counted = moved()
    assert counted.items() >= {"requests": 1, "cancelled": 1}.items()
    assert "length" not in counted
    assert ended.tokens <= counted["tokens"] < LONGEST - len("hello")


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"token_ids": [3] * LONGEST}, f"{LONGEST}"),
        ({"token_ids": [VOCABULARY]}, f"Token id {VOCABULARY} is out of vocabulary"),
        ({"prompt": ""}, "The decoder prompt cannot be empty"),
        ({"prompt": "a", "temperature": -1}, "temperature must be non-negative, got -1"),
        ({"prompt": "a", "sampling_options": {"temprature": 1}}, "temprature is not an option"),
    ],
    ids=["too long", "unknown token", "empty", "bad option", "unknown option"],
)
def test_a_request_that_vllm_cannot_take_is_the_clients_fault(
    served: tuple[VllmWorker, Client],
    moved: Callable[[], Figures],
    request_: dict[str, Any],
    problem: str,
) -> None:
    _, client = served
    client.send(request_)
    (ended,) = client.answers()
    assert ended.reason.startswith("InvalidRequestError: ")
    assert problem in ended.reason
    assert moved() == {"requests": 1, "invalid": 1}


def test_an_answer_without_a_limit_is_as_long_as_the_model_allows(
    served: tuple[VllmWorker, Client],
) -> None:
    _, client = served
    client.send({"prompt": "hello", "ignore_eos": True})
    assert client.answers() == [(LONGEST - len("hello"), "length")]


def test_the_exposition_has_all_families_of_vllm_once_with_the_hierarchy_labels_and_the_models(
    served: tuple[VllmWorker, Client],
) -> None:
    worker, _ = served
    families = scrape(worker.address)  # which fails if a series stands twice
    ours = {name: family for name, family in families.items() if name.startswith("vllm:")}
    recorded = exposition(RECORDED.read_text())
    theirs = {name: family for name, family in recorded.items() if name.startswith("vllm:")}
    assert sorted(ours) == sorted(theirs)
    assert {name: family.type for name, family in ours.items()} == {
        name: family.type for name, family in theirs.items()
    }
    place = {
        "dynamo_namespace": "dynamo",
        "dynamo_component": "backend",
        "dynamo_endpoint": "generate",
        "model": MODEL,
    }
    for family in ours.values():
        for one in family.samples:
            assert place.items() <= one.labels.items(), one


def test_dynamos_gauges_of_the_engine_are_there(served: tuple[VllmWorker, Client]) -> None:
    worker, _ = served
    families = scrape(worker.address)
    ranked = {"model": MODEL, "dp_rank": "0", "dynamo_component": "backend"}
    assert sample(families, "dynamo_component_total_blocks", **ranked) > 0
    assert sample(families, "dynamo_component_gpu_cache_usage_percent", **ranked) >= 0
    assert sample(families, "dynamo_component_model_load_time_seconds", model=MODEL) > 0
    assert sample(families, "dynamo_runtime_text_dropped_series_total") == 0


def test_health_says_that_it_is_ready(served: tuple[VllmWorker, Client]) -> None:
    worker, _ = served
    assert fetch(worker.address, "/health").json["endpoints"] == {"generate": "ready"}

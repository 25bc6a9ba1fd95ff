"""``python -m dynamo.mocker`` as users start it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dynamo.runtime import DistributedRuntime
from tests.serving.conftest import nats_settings
from tests.support.client import fetch, scrape
from tests.support.exposition import Family, exposition, sample
from tests.support.mocker import OVERLOADED, Start, address_of, mocker, mockers
from tests.support.nats import NatsServer, nobody_listens
from tests.support.process import Worker
from tests.support.serving import request_counts, until
from tests.support.waiting import eventually

MOVED = """
    e2e_request_latency_seconds_count generation_tokens_total inter_token_latency_seconds_count
    iteration_tokens_total_count num_preemptions_total prefix_cache_hits_total
    prefix_cache_queries_total prompt_tokens_cached_total prompt_tokens_total
    request_decode_time_seconds_sum request_generation_tokens_sum request_inference_time_seconds_sum
    request_max_num_generation_tokens_sum request_params_max_tokens_sum request_params_n_sum
    request_prefill_kv_computed_tokens_sum request_prefill_time_seconds_sum
    request_prompt_tokens_sum request_queue_time_seconds_sum
    request_time_per_output_token_seconds_sum time_to_first_token_seconds_sum
"""
"""What only grows. All that vLLM's own Grafana dashboards ask for is among it or below."""

ENDS = ("stop", "length")


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a mocker with these arguments and settings."""
    with mockers() as start:
        yield start


def once(address: str, true: Callable[[dict[str, Family]], bool]) -> dict[str, Family]:
    """The first exposition of which something is true, which must come."""

    def look() -> dict[str, Family] | None:
        families = scrape(address)
        try:
            return families if true(families) else None
        except KeyError:  # the worker is creating its metrics
            return None

    return eventually(look)


@pytest.mark.parametrize(("plane", "number"), [("tcp", signal.SIGINT), ("nats", signal.SIGTERM)])
def test_under_load_everything_moves_that_dashboards_ask_for(
    request: pytest.FixtureRequest, start: Start, plane: str, number: signal.Signals
) -> None:
    settings = nats_settings(request.getfixturevalue("nats")) if plane == "nats" else {}
    worker = start(*OVERLOADED, **settings)
    address = address_of(worker)
    labels = {"model_name": "mock-8b", "engine": "0", "dynamo_component": "backend"}

    def moves(families: dict[str, Family]) -> bool:
        def value(name: str, **more: str) -> float:
            return sample(families, f"vllm:{name}", **labels, **more)

        return (
            all(map(value, MOVED.split()))
            and all(value("request_success_total", finished_reason=end) for end in ENDS)
            and value("num_requests_running") > 0
            and value("num_requests_waiting") > 0
            and value("kv_cache_usage_perc") > 0
        )

    families = once(address, moves)
    assert sample(families, "dynamo_component_total_blocks", model="mock-8b") == 256
    assert 0 < sample(families, "dynamo_component_gpu_cache_usage_percent") <= 1
    assert 0 <= sample(families, "dynamo_component_kv_cache_hit_rate") <= 1
    assert sample(families, "dynamo_component_model_load_time_seconds") > 0
    assert request_counts(families).succeeded > 0
    assert fetch(address, "/health").json["endpoints"] == {"generate": "ready"}

    worker.interrupt(number)
    assert worker.lines() == ["stopped"]
    worker.assert_ends_cleanly()


async def test_what_an_exposition_says_of_requests_and_tokens_adds_up(
    runtime: DistributedRuntime,
) -> None:
    def loaded() -> dict[str, Family] | None:
        # From the engine's own thread: no step is half recorded.
        families = exposition(runtime)
        return families if request_counts(families).succeeded > 100 else None

    async with mocker(runtime, "--load", "100", "--speedup", "200"):
        families = await until(loaded)

    def value(name: str, **labels: str) -> float:
        return sample(families, f"vllm:{name}", **labels)

    found, computed = (
        value("prompt_tokens_by_source_total", source=source)
        for source in ("local_cache_hit", "local_compute")
    )
    assert found + computed == value("prompt_tokens_total")
    assert found == value("prompt_tokens_cached_total")
    assert value("num_requests_waiting_by_reason", reason="capacity") == value(
        "num_requests_waiting"
    )
    firsts = value("time_to_first_token_seconds_count")
    assert value("inter_token_latency_seconds_count") + firsts == value("generation_tokens_total")
    ended = sum(value("request_success_total", finished_reason=end) for end in ENDS)
    assert value("e2e_request_latency_seconds_count") == ended


def test_other_processes_get_their_answers_through_nats(start: Start, nats: NatsServer) -> None:
    settings = nats_settings(nats)
    worker = start("--model", "m", "--endpoint", "dyn://a.b.c.d", **settings)
    address = address_of(worker)
    client = Worker([sys.executable, Path(__file__).with_name("programs") / "client.py"], settings)
    try:
        assert client.lines() == ["10 length"]
        client.assert_ends_cleanly()
    finally:
        client.close()
    # The client may have the end of its answer before the request is counted.
    families = once(address, lambda families: request_counts(families, "d").succeeded == 1)
    assert sample(families, "vllm:generation_tokens_total", dynamo_namespace="a.b") == 10


def test_it_is_not_ready_while_it_starts(start: Start) -> None:
    worker = start("--model", "m", "--startup", "600")
    address = address_of(worker)
    assert fetch(address, "/health").status == 503
    assert fetch(address, "/live").status == 200
    assert sample(scrape(address), "vllm:num_requests_running") == 0
    worker.interrupt(signal.SIGINT)
    assert worker.exit_code() == 130
    assert worker.errors == ""


def test_it_says_how_requests_can_reach_it(start: Start) -> None:
    worker = start("--model", "m", DYN_SYSTEM_PORT="-1", DYN_REQUEST_PLANE="memory")
    assert worker.line() == "metrics: set DYN_SYSTEM_PORT"
    assert worker.line() == "requests: set DYN_REQUEST_PLANE=tcp, or --load"


def test_help_explains_the_engine_and_where_it_can_be_reached(start: Start) -> None:
    worker = start("--help")
    text = "\n".join(worker.lines())
    worker.assert_ends_cleanly()
    for word in ("--model", "--load", "--seed", "--speedup", "DYN_SYSTEM_PORT", "/ speedup"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "the following arguments are required: --model"),
        (("--endpoint", "dyn://a.b"), "'dyn://a.b' is not an endpoint: use dyn://namespace."),
        (("--endpoint", "a.b.c"), "'a.b.c' is not an endpoint: use dyn://namespace."),
        (("--load", "0"), "'0' is not a number above 0"),
        (("--speedup", "nan"), "'nan' is not a number above 0"),
        (("--step-ms", "-1"), "'-1' is not a number of at least 0"),
        (("--block-size", "1.5"), "'1.5' is not a whole number of at least 1"),
        (("--num-gpu-blocks", "1"), "a KV cache of 1 blocks holds 16 tokens, fewer than"),
    ],
    ids=str,
)
def test_a_command_line_that_cannot_be_followed_is_told_why(
    start: Start, arguments: tuple[str, ...], problem: str
) -> None:
    worker = start(*arguments, *(("--model", "m") if arguments else ()))
    assert worker.exit_code() == 2
    assert problem in worker.errors.splitlines()[-1]


def test_a_server_that_cannot_be_reached_is_one_line(start: Start) -> None:
    url = nobody_listens()
    worker = start("--model", "m", DYN_REQUEST_PLANE="nats", NATS_SERVER=url)
    assert worker.exit_code() == 1
    assert worker.errors.startswith(f"NATS_SERVER={url} cannot be reached: ")
    assert len(worker.errors.splitlines()) == 1

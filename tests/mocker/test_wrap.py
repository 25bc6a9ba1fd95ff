"""What stands between the endpoint and the engine: handlers of other programs."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from typing import Any

import pytest

from dynamo.mocker import parse, serve
from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime, Endpoint, InvalidRequestError
from tests.support.documents import ROOT
from tests.support.exposition import exposition, sample, series
from tests.support.mocker import mocker
from tests.support.process import Start, workers
from tests.support.serving import collect, endpoint_of, settled

EXAMPLE = runpy.run_path(str(ROOT / "examples" / "mocker" / "custom_metrics.py"))
NODE = "ns_comp_generate"


async def test_the_handler_that_wrap_returns_is_the_one_that_is_served(
    runtime: DistributedRuntime,
) -> None:
    endpoints = []

    def wrap(endpoint: Endpoint, generate: Any) -> Any:
        endpoints.append(endpoint)

        async def marked(request: Any, context: Any) -> Any:
            async for item in generate(request, context):
                yield {**item, "marked": True}

        return marked

    async with mocker(runtime, wrap=wrap) as client:
        items = await collect(await client.generate({"prompt": "hello", "max_tokens": 5}))
    assert items
    assert all(item["marked"] for item in items)
    assert endpoints == [endpoint_of(runtime)]


async def test_the_example_counts_what_clients_see(plane: str, runtime: DistributedRuntime) -> None:
    def wrap(endpoint: Endpoint, generate: Any) -> Any:
        return EXAMPLE["Measured"](endpoint, generate).generate

    async with mocker(runtime, wrap=wrap) as client:
        whole = {"model": "llama-8b", "prompt": "hello", "max_tokens": 10, "ignore_eos": True}
        for _ in range(2):
            await collect(await client.generate(whole))
        leaving = await client.generate({**whole, "model": "qwen3", "max_tokens": 8000})
        await anext(leaving)
        await leaving.aclose()
        with pytest.raises(InvalidRequestError):
            await collect(await client.generate({}))
        await settled(runtime, 4)
        families = exposition(runtime)

    assert sample(families, f"{NODE}_requests_total") == 4
    assert series(families, f"{NODE}_requests_by_model", "model_type", "model_size") == {
        ("llama", "8b"): 2,
        ("qwen3", ""): 1,
        ("unknown", ""): 1,
    }
    assert sample(families, f"{NODE}_latency_seconds_count") == 4
    tokens = f"{NODE}_answer_tokens"
    ends = {"stop": 0, "length": 2, "abort": 2}
    assert ends == {end: sample(families, f"{tokens}_count", finish_reason=end) for end in ends}
    assert sample(families, f"{tokens}_sum", finish_reason="length") == 20
    assert 1 <= sample(families, f"{tokens}_sum", finish_reason="abort") < 8000
    assert sample(families, f"{NODE}_active_connections") == 0
    assert sample(families, f"{NODE}_gpu_memory_bytes") == EXAMPLE["WEIGHTS"]


def conflicting(endpoint: Endpoint, generate: Any) -> Any:
    """Creates a metric that the engine has already, of another kind."""
    endpoint.metrics.create_counter("vllm:num_requests_running", "Running", full_name=True)
    return generate


async def test_what_wrap_raises_serve_raises(runtime: DistributedRuntime) -> None:
    with pytest.raises(MetricsError, match="vllm:num_requests_running"):
        await serve(runtime, parse(["--model", "m"]), conflicting)


@pytest.fixture
def start() -> Iterator[Start]:
    with workers(__file__) as start:
        yield start


def test_metrics_that_cannot_be_created_end_the_command_in_one_line(start: Start) -> None:
    worker = start("conflicting.py")
    assert worker.exit_code() == 1
    assert worker.errors.startswith('metric "vllm:num_requests_running" of endpoint ')
    assert len(worker.errors.splitlines()) == 1

"""Code written for the Python metrics API of Dynamo 0.7 and 0.8 runs unchanged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime, dynamo_worker
from tests.compat.dynamo_08 import EngineMetrics, by_hand, worker
from tests.support import exposition, sample

PREFIX = "prod_backend_generate"
EXPECTED = {
    "busy_seconds_total": 1.5,
    "requests_total": 5,
    "load": 1.25,
    "slots": 12,
    "latency_seconds_count": 2,
    "bytes_total": 100.5,
    "errors_total": 10,
    "usage": 0.25,
}


@pytest.fixture(scope="module")
def ran() -> tuple[DistributedRuntime, EngineMetrics]:
    return asyncio.run(worker("prod"))


@pytest.mark.parametrize(("name", "value"), EXPECTED.items())
def test_every_type_counts_as_it_did(
    ran: tuple[DistributedRuntime, EngineMetrics], name: str, value: float
) -> None:
    assert sample(exposition(ran[0]), f"{PREFIX}_{name}") == value


def test_both_series_of_a_vec_are_there(ran: tuple[DistributedRuntime, EngineMetrics]) -> None:
    families = exposition(ran[0])
    assert sample(families, f"{PREFIX}_blocks", state="free") == 90
    assert sample(families, f"{PREFIX}_blocks", state="used") == 0


def test_get_returns_what_it_did(ran: tuple[DistributedRuntime, EngineMetrics]) -> None:
    metrics = ran[1]
    assert metrics.seconds.get() == 1.5
    assert metrics.slots.get() == 12
    assert metrics.errors.get({"kind": "timeout", "model": "llama"}) == 10
    assert metrics.usage.get(labels={"device": "gpu0"}) == 0.25


def test_introspection_returns_what_it_did(ran: tuple[DistributedRuntime, EngineMetrics]) -> None:
    errors = ran[1].errors
    assert isinstance(errors.name(), str)
    assert errors.name().endswith("errors_total")
    assert errors.variable_labels() == ["kind", "model"]
    assert errors.const_labels() == {
        "dynamo_namespace": "prod",
        "dynamo_component": "backend",
        "dynamo_endpoint": "generate",
        "engine": "mock",
    }


@pytest.mark.parametrize(
    "arguments",
    [(), (False,), ("etcd", "nats"), ("file", "tcp"), ("mem", "tcp", False)],
    ids=str,
)
def test_the_runtime_takes_the_arguments_it_took(arguments: tuple[Any, ...]) -> None:
    endpoint = asyncio.run(by_hand(*arguments))
    assert sample(exposition(endpoint), "ns_backend_generate_requests_total") == 1


def test_the_runtime_takes_its_arguments_by_name_too() -> None:
    runtime = DistributedRuntime(event_loop=None, store_kv="file", request_plane="tcp")
    assert runtime.event_loop() is None


def test_a_creation_error_is_the_runtime_error_it_was(
    ran: tuple[DistributedRuntime, EngineMetrics],
) -> None:
    metrics: RuntimeMetrics = ran[0].namespace("prod").metrics
    with pytest.raises(RuntimeError, match="twice"):
        metrics.create_counter("m", "help", [("a", "1"), ("a", "2")])


@pytest.mark.parametrize("arguments", [(), (True,)])
def test_the_worker_decorator_takes_the_arguments_it_took(arguments: tuple[Any, ...]) -> None:
    @dynamo_worker(*arguments)
    async def serve(runtime: DistributedRuntime, a: int, *, b: int) -> tuple[Any, ...]:
        return runtime.event_loop() is asyncio.get_running_loop(), a, b

    assert asyncio.run(serve(1, b=2)) == (True, 1, 2)
    assert serve.__name__ == "serve"


def test_the_worker_decorator_takes_enable_nats() -> None:
    @dynamo_worker(enable_nats=False)
    async def serve(runtime: DistributedRuntime) -> bool:
        return isinstance(runtime, DistributedRuntime)

    assert asyncio.run(serve()) is True


def test_a_worker_that_raises_raises() -> None:
    @dynamo_worker()
    async def serve(runtime: DistributedRuntime) -> None:
        raise KeyError("the cause")

    with pytest.raises(KeyError, match="the cause"):
        asyncio.run(serve())


def test_the_runtime_is_shut_down_when_the_worker_ends(
    ran: tuple[DistributedRuntime, EngineMetrics],
) -> None:
    """The callbacks it registered do not run any more."""
    exposition(ran[0])
    assert sample(exposition(ran[0]), "prod_backend_queued") == 0

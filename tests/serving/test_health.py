"""What /health says of endpoints that are served."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo._serving import canary, request
from dynamo._serving.canary import Canary, CanarySettings
from dynamo._serving.handler import prepare_handler
from dynamo._serving.health import EndpointHealth
from dynamo._serving.request import Activity
from dynamo.runtime import DistributedRuntime
from tests.support.client import fetch
from tests.support.serving import (
    Gated,
    client_of,
    collect,
    endpoint_of,
    request_counts,
    served,
    until,
)


@pytest.fixture(autouse=True)
def _status_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    monkeypatch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def health(runtime: DistributedRuntime) -> tuple[int, dict[str, str]]:
    assert runtime.system_status_address is not None
    answer = await asyncio.to_thread(fetch, runtime.system_status_address, "/health")
    return answer.status, answer.json["endpoints"]


async def becomes(runtime: DistributedRuntime, status: int, endpoints: dict[str, str]) -> None:
    while await health(runtime) != (status, endpoints):
        await asyncio.sleep(0.01)


async def test_a_worker_is_ready_as_long_as_it_serves() -> None:
    async with DistributedRuntime() as runtime:
        assert await health(runtime) == (503, {})
        async with served(endpoint_of(runtime), echo):
            assert await health(runtime) == (200, {"generate": "ready"})
        assert await health(runtime) == (503, {})


async def test_a_worker_is_ready_when_all_its_endpoints_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DistributedRuntime() as runtime:
        one, two = endpoint_of(runtime, "ns/comp/one"), endpoint_of(runtime, "ns/comp/two")
        seen = []
        set_health_status = type(one).set_health_status

        def note(endpoint: Any, status: Any) -> None:
            set_health_status(endpoint, status)
            seen.append((str(endpoint), status))

        monkeypatch.setattr(type(one), "set_health_status", note)
        async with served(one, echo), served(two, echo):
            await until(lambda: seen.count(("<Endpoint ns/comp/two>", "ready")) or None)
            assert await health(runtime) == (200, {"one": "ready", "two": "ready"})
        assert seen[0] == ("<Endpoint ns/comp/one>", "notready")


async def test_endpoints_started_together_are_all_not_ready_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DistributedRuntime() as runtime:
        seen: list[tuple[str, str]] = []
        kind = type(endpoint_of(runtime))
        set_health_status = kind.set_health_status

        def note(endpoint: Any, status: Any) -> None:
            set_health_status(endpoint, status)
            seen.append((str(endpoint), status))

        monkeypatch.setattr(kind, "set_health_status", note)
        serving = asyncio.gather(
            *(endpoint_of(runtime, f"ns/comp/{name}").serve_endpoint(echo) for name in "abc")
        )
        await becomes(runtime, 200, {"a": "ready", "b": "ready", "c": "ready"})
        assert seen[:3] == [(f"<Endpoint ns/comp/{name}>", "notready") for name in "abc"]
        runtime.shutdown()
        await serving


async def test_one_name_in_two_components_is_ready_when_both_are() -> None:
    async with DistributedRuntime() as runtime:
        prefill = endpoint_of(runtime, "ns/prefill/generate")
        decode = endpoint_of(runtime, "ns/decode/generate")
        async with served(prefill, echo):
            decode.set_health_status("notready")
            assert await health(runtime) == (503, {"generate": "notready"})
            async with served(decode, echo):
                assert await health(runtime) == (200, {"generate": "ready"})
            assert await health(runtime) == (200, {"generate": "ready"})


async def test_one_endpoint_served_by_two_runtimes_of_a_process_is_ready_when_both_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.support.process import free_port

    monkeypatch.setenv("DYN_SYSTEM_PORT", str(free_port()))
    async with DistributedRuntime() as first, DistributedRuntime() as second:
        async with served(endpoint_of(first), echo):
            async with served(endpoint_of(second), echo) as client:
                assert len(client.instance_ids()) == 2
                other = EndpointHealth(endpoint_of(second))
                other.report(ready=False)
                assert await health(first) == (503, {"generate": "notready"})
                other.withdraw(keep=False)
                assert await health(first) == (200, {"generate": "ready"})
            # The one that has stopped does not take the other one off.
            assert await health(first) == (200, {"generate": "ready"})
        assert await health(first) == (503, {})


async def test_a_worker_that_drains_is_not_ready_and_still_scraped() -> None:
    wait = Gated()

    async with DistributedRuntime() as runtime:
        serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(wait))
        client = await client_of(endpoint_of(runtime))
        answer = await client.generate(None)
        await anext(answer)
        runtime.shutdown()
        await becomes(runtime, 503, {"generate": "notready"})
        assert runtime.system_status_address is not None
        exposition = await asyncio.to_thread(fetch, runtime.system_status_address)
        assert request_counts(exposition.families).inflight == 1
        live = await asyncio.to_thread(fetch, runtime.system_status_address, "/live")
        assert live.status == 200
        wait.go_on.set()
        assert await collect(answer) == [2]
        await serving
        assert runtime.system_status_address is None


class Moody:
    """A handler of which a test can say how it answers canaries."""

    def __init__(self) -> None:
        self.mood = "fine"
        self.canaries = 0

    async def __call__(self, request: Any) -> AsyncIterator[Any]:
        self.canaries += request == "canary"
        if self.mood == "raises":
            raise RuntimeError("the engine is dead")
        if self.mood == "hangs":
            await asyncio.Event().wait()
        if self.mood == "yields nothing":
            return
        yield request
        await asyncio.Event().wait()  # a canary needs no more than one item


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_HEALTH_CHECK_ENABLED", "true")
    monkeypatch.setenv("DYN_CANARY_WAIT_TIME", "0.05")
    monkeypatch.setenv("DYN_HEALTH_CHECK_REQUEST_TIMEOUT", "0.2")


@pytest.mark.parametrize("mood", ["raises", "hangs"])
async def test_a_failing_canary_shows_until_one_comes_back(canaries: None, mood: str) -> None:
    handler = Moody()
    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), handler, health_check_payload="canary"),
    ):
        await becomes(runtime, 200, {"generate": "ready"})
        handler.mood = mood
        await becomes(runtime, 503, {"generate": "notready"})
        handler.mood = "yields nothing"
        await becomes(runtime, 200, {"generate": "ready"})


async def test_a_worker_is_not_ready_before_its_first_canary_has_come_back(canaries: None) -> None:
    handler = Moody()
    handler.mood = "raises"
    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), handler, health_check_payload="canary"),
    ):
        await until(lambda: handler.canaries >= 2 or None)
        assert await health(runtime) == (503, {"generate": "notready"})
        handler.mood = "fine"
        await becomes(runtime, 200, {"generate": "ready"})


async def test_canaries_do_not_count_as_requests(canaries: None) -> None:
    handler = Moody()
    async with DistributedRuntime() as runtime:
        async with served(endpoint_of(runtime), handler, health_check_payload="canary"):
            await until(lambda: handler.canaries >= 2 or None)
        assert request_counts(runtime).requests == 0


class Busy(Activity):
    """A request makes progress at every moment."""

    last = property(lambda self: request.monotonic(), lambda self, value: None)  # type: ignore[assignment]


async def test_no_canary_is_sent_while_requests_make_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = itertools.count(0.0, 0.005)  # of a clock that moves when it is read
    for module in (canary, request):
        monkeypatch.setattr(module, "monotonic", lambda: next(times))
    settings = CanarySettings(enabled=True, wait=0.02, timeout=10)
    async with DistributedRuntime() as runtime:
        health = EndpointHealth(endpoint_of(runtime))
        idle, busy = Moody(), Moody()
        idle.mood = busy.mood = "yields nothing"
        running = [
            asyncio.create_task(
                Canary(
                    "ns/comp/ep", prepare_handler(handler), "canary", health, settings, activity
                ).run()
            )
            for handler, activity in ((idle, Activity()), (busy, Busy()))
        ]
        await until(lambda: idle.canaries > 5 or None)
        assert busy.canaries == 1
        for task in running:
            task.cancel()
        health.withdraw(keep=False)


@pytest.mark.parametrize(
    ("enabled", "payload"), [("false", "canary"), ("true", None)], ids=["off", "no payload"]
)
async def test_without_canaries_an_endpoint_is_ready_when_it_is_served(
    canaries: None, monkeypatch: pytest.MonkeyPatch, enabled: str, payload: Any
) -> None:
    monkeypatch.setenv("DYN_HEALTH_CHECK_ENABLED", enabled)
    handler = Moody()
    handler.mood = "raises"
    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), handler, health_check_payload=payload),
    ):
        assert await health(runtime) == (200, {"generate": "ready"})
        assert handler.canaries == 0

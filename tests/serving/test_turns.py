"""A task that is cancelled ends, whichever turn of the event loop it is cancelled in."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime
from tests.support.nats import NatsServer
from tests.support.serving import endpoint_of, served
from tests.support.stress import repeats

SAMPLES = repeats(12, 100)
"""Of the turns of a start, in which it is cancelled."""
LIMIT = 20.0
"""Seconds that the end may take on a busy machine. A lost cancellation takes for ever."""


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


class TurningLoop(asyncio.SelectorEventLoop):
    """An event loop that does something in one of its turns."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0
        self.at: int | None = None
        self.act: Callable[[], Any] = lambda: None

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        self.turns += 1
        if self.at is not None and self.turns >= self.at:
            self.at = None
            self.act()


def run_in(loop: TurningLoop, work: Coroutine[Any, Any, Any]) -> Any:
    """Runs work in an event loop that is then closed, without tasks that were left."""
    problems: list[Any] = []
    loop.set_exception_handler(lambda _, problem: problems.append(problem))
    try:
        result = loop.run_until_complete(work)
        left = asyncio.all_tasks(loop)
        if left:
            _, left = loop.run_until_complete(asyncio.wait(left, timeout=LIMIT))
        assert not left
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        gc.collect()
    finally:
        loop.close()
    assert not problems
    return result


async def cancelled_at(turn: int, loop: TurningLoop) -> None:
    """Cancels an endpoint so many turns after its start, or at the latest when it is served."""
    async with DistributedRuntime() as runtime:
        serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(echo))
        loop.act = serving.cancel
        loop.at = loop.turns + turn
        ready = asyncio.create_task(wait_until_ready(runtime))
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if loop.at is not None:
            loop.at = None
            serving.cancel()
        _, left = await asyncio.wait({serving}, timeout=LIMIT)
        assert not left, f"the cancellation in turn {turn} was lost"
        ready.cancel()
        await asyncio.wait({ready})
        assert serving.cancelled()


async def wait_until_ready(runtime: DistributedRuntime) -> None:
    """Returns some turns after a client has seen the endpoint."""
    client = await endpoint_of(runtime).client()
    await client.wait_for_instances()


@pytest.mark.timeout(300)
def test_an_endpoint_cancelled_in_any_turn_of_its_start_ends(on_nats: NatsServer) -> None:
    async def serve_until_ready(loop: TurningLoop) -> int:
        async with DistributedRuntime() as runtime:
            begun = loop.turns
            async with served(endpoint_of(runtime), echo):
                return loop.turns - begun

    loop = TurningLoop()
    turns = run_in(loop, serve_until_ready(loop))
    assert turns > SAMPLES, "an endpoint on NATS takes more turns than these"
    # Not all of them: each start takes a while.
    for turn in range(1, turns, turns // SAMPLES):
        loop = TurningLoop()
        run_in(loop, cancelled_at(turn, loop))


@pytest.mark.timeout(300)
def test_a_runtime_closed_in_any_turn_after_its_start_ends(on_nats: NatsServer) -> None:
    """Discovery renews its leases at once, as it does after a reconnect, and is closed then."""

    async def close_at(turn: int, loop: TurningLoop) -> None:
        async with DistributedRuntime() as runtime:
            serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(echo))
            await wait_until_ready(runtime)
            closing = asyncio.Event()
            loop.act = closing.set
            loop.at = loop.turns + turn
            discovery: Any = runtime._shared.network().discovery
            discovery._renew_now.set()
            spinning = asyncio.create_task(closing.wait())
            while not spinning.done():
                await asyncio.sleep(0)
            serving.cancel()
            _, left = await asyncio.wait({serving}, timeout=LIMIT)
            assert not left

    for turn in range(1, 40, 39 // repeats(3, 39)):
        loop = TurningLoop()
        run_in(loop, asyncio.wait_for(close_at(turn, loop), LIMIT))


def test_a_request_cancelled_in_any_turn_ends_and_so_does_its_connection(on_tcp: None) -> None:
    async def cancel_at(turn: int, loop: TurningLoop) -> bool:
        async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
            asking = asyncio.create_task(client.generate(1))
            cancelled: list[bool] = []
            loop.act = lambda: cancelled.append(asking.cancel())
            loop.at = loop.turns + turn
            _, left = await asyncio.wait({asking}, timeout=LIMIT)
            assert not left
            loop.at = None
        assert asking.cancelled() == any(cancelled)
        return any(cancelled)

    turn = 1
    while run_in(loop := TurningLoop(), cancel_at(turn, loop)):
        turn += 1
    assert turn > 5, "a first request dials, shakes hands and is answered"

"""Clients that go away: their handlers end, and that counts as a cancellation and nothing else."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dynamo.runtime import Client, Context, DistributedRuntime, ResponseStream
from tests.support.nats import NatsServer
from tests.support.nats_link import link_to
from tests.support.process import Start
from tests.support.serving import client_of, collect, endpoint_of, served, settled


class Endless:
    """A handler that yields until it is ended, and tells how it was."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.by: BaseException | None = None
        self.context: Context | None = None

    async def __call__(self, request: Any, context: Context) -> AsyncIterator[int]:
        self.context = context
        try:
            for number in range(1_000_000):
                yield number
        except BaseException as error:
            self.by = error
            raise
        finally:
            self.ended.set()


async def by_aclose(client: Client) -> None:
    answer = await client.generate(None)
    await anext(answer)
    await answer.aclose()
    assert await collect(answer) == []


async def by_dropping_the_answer(client: Client) -> None:
    async for _ in await client.generate(None):
        break


async def by_cancelling_the_reader(client: Client) -> None:
    started = asyncio.Event()

    async def read() -> None:
        async for _ in await client.generate(None):
            started.set()

    reader = asyncio.create_task(read())
    await started.wait()
    reader.cancel()
    await asyncio.wait({reader})


async def by_stopping_the_context(client: Client) -> None:
    context = Context()
    answer = await client.generate(None, context=context)
    await anext(answer)
    context.stop_generating()
    assert await collect(answer) == []


@pytest.mark.parametrize(
    "leave",
    [by_aclose, by_dropping_the_answer, by_cancelling_the_reader, by_stopping_the_context],
    ids=lambda leave: leave.__name__,
)
async def test_a_client_that_goes_away_ends_the_handler_at_its_next_yield(
    plane: str, leave: Callable[[Client], Any]
) -> None:
    handler = Endless()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), handler) as client:
        await leave(client)
        await handler.ended.wait()
        assert isinstance(handler.by, GeneratorExit)
        assert handler.context is not None
        assert handler.context.is_stopped()
        counted = await settled(runtime, 1)
        assert (counted.cancelled, counted.errors, counted.succeeded) == (1, {}, 0)
        # The worker is as good as new.
        assert await anext(await client.generate(None)) == 0


async def test_a_client_that_leaves_before_the_worker_has_taken_its_request(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = Endless()
    async with (
        link_to(on_nats) as link,
        DistributedRuntime() as worker,
        served(endpoint_of(worker), handler),
        DistributedRuntime() as runtime,
    ):
        monkeypatch.setenv("NATS_SERVER", link.url)
        client = await client_of(endpoint_of(runtime))
        link.hold("PUB")
        asking = asyncio.create_task(client.generate(None))
        await link.held.wait()
        asking.cancel()
        await asyncio.wait({asking})
        link.release()
        await handler.ended.wait()
        assert (await settled(worker, 1)).cancelled == 1


async def test_a_client_that_leaves_after_the_last_item_cancels_nothing(plane: str) -> None:
    async def once(request: Any) -> AsyncIterator[int]:
        yield 1

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), once) as client:
        answer = await client.generate(None)
        assert await anext(answer) == 1
        await settled(runtime, 1)
        await answer.aclose()
        assert (await settled(runtime, 1)).succeeded == 1


async def test_a_handler_that_does_not_yield_is_cancelled_after_a_grace(plane: str) -> None:
    cancelled = asyncio.Event()

    async def stuck(request: Any) -> AsyncIterator[int]:
        yield 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck) as client:
        await by_dropping_the_answer(client)
        await cancelled.wait()
        counted = await settled(runtime, 1)
    assert (counted.cancelled, counted.errors) == (1, {})


async def test_a_handler_may_watch_for_the_client_going_away(plane: str) -> None:
    told = asyncio.Event()

    async def watch(request: Any, context: Context) -> AsyncIterator[int]:
        yield 1
        assert await context.async_killed_or_stopped()
        told.set()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), watch) as client:
        await by_dropping_the_answer(client)
        await told.wait()
        assert (await settled(runtime, 1)).cancelled == 1


async def test_what_a_handler_raises_after_its_client_has_gone_is_no_error(plane: str) -> None:
    async def complain(request: Any, context: Context) -> AsyncIterator[int]:
        yield 1
        await context.async_killed_or_stopped()
        raise RuntimeError("the engine was interrupted")

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), complain) as client:
        await by_dropping_the_answer(client)
        counted = await settled(runtime, 1)
    assert (counted.cancelled, counted.errors) == (1, {})


async def test_a_handler_that_swallows_its_cancellation_is_ended_at_its_next_yield(
    plane: str,
) -> None:
    async def stubborn(request: Any) -> AsyncIterator[int]:
        yield 1
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield 2

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stubborn) as client:
        await by_dropping_the_answer(client)
        assert (await settled(runtime, 1)).cancelled == 1


async def test_a_handler_that_stops_itself_ends_its_answer_as_a_success(plane: str) -> None:
    async def enough(request: Any, context: Context) -> AsyncIterator[int]:
        yield 1
        context.stop_generating()
        yield 2
        yield 3

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), enough) as client:
        assert await collect(await client.generate(None)) == [1]
        assert (await settled(runtime, 1)).succeeded == 1


async def test_stopping_a_request_stops_those_that_its_handler_has_made(plane: str) -> None:
    below = Endless()
    answers: list[ResponseStream] = []

    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime, "ns/comp/below"), below) as client_below,
    ):

        async def pass_on(request: Any, context: Context) -> AsyncIterator[Any]:
            answer = await client_below.generate(request, context=context)
            answers.append(answer)  # so that it is not the dropping that ends it
            async for item in answer:
                yield item
                await context.async_killed_or_stopped()

        async with served(endpoint_of(runtime, "ns/comp/above"), pass_on) as client:
            await by_dropping_the_answer(client)
            await below.ended.wait()
            assert (await settled(runtime, 1, "below")).cancelled == 1
            assert (await settled(runtime, 1, "above")).cancelled == 1


async def test_a_client_that_is_killed_ends_its_handlers_at_their_next_yield(
    between: dict[str, str], start: Start
) -> None:
    killed = asyncio.Event()

    async def wait(request: int) -> AsyncIterator[int]:
        yield request
        await killed.wait()
        while True:
            yield request

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait):
        client = start("client.py", **between)
        assert await asyncio.to_thread(client.line) == "reading"
        client.interrupt(signal.SIGKILL)
        await asyncio.to_thread(client.exit_code)
        killed.set()
        counted = await settled(runtime, 5)
    assert (counted.cancelled, counted.errors) == (5, {})


async def test_a_client_that_is_killed_ends_handlers_that_do_not_yield(
    between: dict[str, str], start: Start
) -> None:
    async def stuck(request: int) -> AsyncIterator[int]:
        yield request
        await asyncio.Event().wait()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck):
        client = start("client.py", **between)
        assert await asyncio.to_thread(client.line) == "reading"
        client.interrupt(signal.SIGKILL)
        counted = await settled(runtime, 5)
    assert (counted.cancelled, counted.errors) == (5, {})

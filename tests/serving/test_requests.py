"""Requests and answers, on every plane."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from dynamo.request_plane._flow import WINDOW
from dynamo.runtime import (
    Context,
    DistributedRuntime,
    EngineError,
    InvalidRequestError,
    NoInstancesError,
    UnavailableError,
)
from tests.support.log import logged_here
from tests.support.serving import (
    collect,
    endpoint_of,
    request_counts,
    served,
    settled,
    until,
    without_instances,
)


async def count_up(request: int) -> AsyncIterator[int]:
    for number in range(request):
        yield number


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def test_the_client_gets_what_the_handler_yields_in_order(plane: str) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), count_up) as client:
        assert await collect(await client.generate(3)) == [0, 1, 2]
        assert await collect(await client.generate(0)) == []
        assert await collect(await client.generate(1000)) == list(range(1000))


async def test_values_arrive_as_they_were_sent(plane: str) -> None:
    cases = [
        None,
        {"a": [1, -2.5, True, None, ""], "ключ": "wert €\U0001f600"},
        "\ud800 is half a character",
        2**70,
        [[]] * 50,
        "x" * 3_000_000,
    ]
    for value in cases:
        async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
            assert await collect(await client.generate(value)) == [value]


async def test_not_a_number_and_infinity_arrive_too(plane: str) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [[number, infinity]] = await collect(await client.generate([math.nan, -math.inf]))
        assert math.isnan(number)
        assert infinity == -math.inf


async def test_annotated_items_hold_the_data_as_dynamos_own_do(plane: str) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [item] = await collect(await client.generate("x", annotated=True))
        assert item.data() == "x"
        assert not item.is_error()
        assert (item.event(), item.comments(), item.id()) == (None, None, None)


@pytest.mark.parametrize("by", ["name", "position"])
async def test_a_handler_gets_the_context_that_its_client_made(plane: str, by: str) -> None:
    async def by_name(request: Any, *, context: Context) -> AsyncIterator[Any]:
        yield [context.id(), context.is_stopped(), context.is_killed()]

    async def by_position(request: Any, ctx: Context) -> AsyncIterator[Any]:
        yield [ctx.id(), ctx.is_stopped(), ctx.is_killed()]

    handler = by_name if by == "name" else by_position
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), handler) as client:
        answer = await client.generate(None, context=Context("request-7"))
        assert await collect(answer) == [["request-7", False, False]]


async def test_a_context_that_outlives_its_requests_holds_on_to_none(plane: str) -> None:
    listeners: set[Callable[[], None]] = set()

    class Watched(Context):
        def add_listener(self, listener: Callable[[], None]) -> None:
            listeners.add(listener)

        def remove_listener(self, listener: Callable[[], None]) -> None:
            listeners.remove(listener)

    context = Watched()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), count_up) as client:
        answer = await client.generate(3, context=context)
        assert len(listeners) == 1
        await collect(answer)
        await (await client.generate(3, context=context)).aclose()
        assert not listeners


async def test_each_request_has_an_id_of_its_own(plane: str) -> None:
    async def tell(request: Any, context: Context) -> AsyncIterator[str]:
        yield context.id()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), tell) as client:
        ids = [await collect(await client.generate(None)) for _ in range(3)]
        assert len({only for [only] in ids}) == 3


async def test_a_second_parameter_with_a_default_is_not_for_the_context(plane: str) -> None:
    async def handler(request: Any, times: int = 2) -> AsyncIterator[Any]:
        yield [request] * times

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), handler) as client:
        assert await collect(await client.generate("x")) == [["x", "x"]]


async def test_an_exception_of_the_handler_reaches_the_client_after_the_items(plane: str) -> None:
    async def fail(request: Any) -> AsyncIterator[int]:
        yield 1
        raise KeyError("no such model")

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), fail) as client:
        answer = await client.generate(None)
        assert await anext(answer) == 1
        with pytest.raises(
            EngineError, match=r"handler of ns/comp/generate raised: KeyError: 'no such model'$"
        ) as caught:
            await anext(answer)
        assert caught.value.kind == "KeyError"
        assert await collect(answer) == []


async def test_a_handler_may_call_a_request_invalid(plane: str) -> None:
    async def refuse(request: Any) -> AsyncIterator[int]:
        raise InvalidRequestError("the prompt is longer than the context of the model")
        yield

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), refuse) as client:
        with pytest.raises(InvalidRequestError, match=r"^the prompt is longer than the context"):
            await collect(await client.generate(None))
        assert (await settled(runtime, 1)).errors == {"deserialization": 1}


async def test_a_handler_may_say_that_it_has_too_much_to_do(
    plane: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(request: Any) -> AsyncIterator[int]:
        raise UnavailableError("the queue is full")
        yield

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), refuse) as client:
        with pytest.raises(UnavailableError, match=r"^the queue is full$"):
            await collect(await client.generate(None))
        assert (await settled(runtime, 1)).errors == {"generate": 1}
    assert [record for record in logged_here(caplog) if record.exc_info] == []


async def test_requests_run_beside_each_other(plane: str) -> None:
    both = asyncio.Event()
    running = []

    async def meet(request: Any) -> AsyncIterator[Any]:
        running.append(request)
        if len(running) == 2:
            both.set()
        await both.wait()
        yield request

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), meet) as client:
        answers = await asyncio.gather(client.generate("a"), client.generate("b"))
        assert await asyncio.gather(*map(collect, answers)) == [["a"], ["b"]]


async def test_a_handler_waits_for_a_client_that_is_slow_to_read(plane: str) -> None:
    yielded = 0

    async def endless(request: Any) -> AsyncIterator[int]:
        nonlocal yielded
        while True:
            yielded += 1
            yield yielded

    async with DistributedRuntime() as runtime, AsyncExitStack() as stack:
        client = await stack.enter_async_context(served(endpoint_of(runtime), endless))
        other = await stack.enter_async_context(served(endpoint_of(runtime, "ns/comp/echo"), echo))
        answer = await client.generate(None)
        await until(lambda: yielded >= WINDOW or None)
        for _ in range(20):  # time enough to run away
            await collect(await other.generate(None))
        assert yielded <= WINDOW + 1
        assert [await anext(answer) for _ in range(200)] == list(range(1, 201))
        await answer.aclose()
        await settled(runtime, 1)


async def test_a_request_that_cannot_be_written_as_json_is_never_sent(plane: str) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        with pytest.raises(TypeError, match=r"^object cannot be written as JSON$"):
            await client.generate({"a": object()})
        assert request_counts(runtime).requests == 0


async def test_nobody_to_send_to_is_an_error_that_says_so(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
        assert client.instance_ids() == []
        with pytest.raises(
            NoInstancesError,
            match=r"^no worker serves ns/comp/generate "
            r"\(DYN_REQUEST_PLANE=.*, DYN_DISCOVERY_BACKEND=.*\): start one with the same "
            r"settings, or wait with wait_",
        ):
            await client.generate(None)


async def test_an_endpoint_that_is_served_no_more_has_no_instances(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        async with served(endpoint_of(runtime), echo) as client:
            assert len(client.instance_ids()) == 1
        await without_instances(client)
        async with served(endpoint_of(runtime), echo) as again:
            assert await collect(await again.generate(1)) == [1]

"""What goes wrong, and that the worker's metrics agree with what its client saw."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import nats as nats_py
import pytest

from dynamo.runtime import (
    Client,
    ConnectionLostError,
    DistributedRuntime,
    EngineError,
    InvalidRequestError,
    RequestError,
)
from tests.support.nats import NatsServer, flush
from tests.support.serving import (
    Gated,
    RequestCounts,
    collect,
    endpoint_of,
    instances_of,
    served,
    settled,
    until,
)
from tests.support.stress import repeats

Outcomes = Counter[str]
"""How requests ended as their clients saw it: ``ok`` or the name of the error."""


async def ask(client: Client, request: Any) -> str:
    try:
        await collect(await client.generate(request))
    except RequestError as error:
        return type(error).__name__
    return "ok"


async def ask_all(client: Client, requests: list[Any]) -> Outcomes:
    return Counter(await asyncio.gather(*(ask(client, request) for request in requests)))


def assert_same(counts: RequestCounts, outcomes: Outcomes) -> None:
    """Every request that a client made is counted by the worker, under its outcome."""
    assert counts.requests == counts.durations == outcomes.total()
    assert counts.inflight == 0
    assert counts.succeeded == outcomes["ok"]
    failed = outcomes.total() - outcomes["ok"]
    assert sum(counts.errors.values()) + counts.cancelled == failed


async def moody(request: str) -> AsyncIterator[Any]:
    """Does with each request what it asks for."""
    yield "first"
    if request == "raise":
        raise RuntimeError("as asked")
    if request == "raise cancelled":
        raise asyncio.CancelledError
    if request == "wrong item":
        yield {1, 2}
    if request == "circular item":
        circular: list[Any] = []
        circular.append(circular)
        yield circular
    if request == "deep item":
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        yield deep
    if request == "invalid":
        raise InvalidRequestError("as asked")


async def test_handlers_that_fail_in_every_way_leave_metrics_that_agree(plane: str) -> None:
    kinds = {
        "fine": "ok",
        "raise": "EngineError",
        "raise cancelled": "EngineError",
        "wrong item": "EngineError",
        "circular item": "EngineError",
        "deep item": "EngineError",
        "invalid": "InvalidRequestError",
    }
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), moody) as client:
        outcomes = await ask_all(client, [kind for kind in kinds for _ in range(5)])
        counted = await settled(runtime, outcomes.total())
    assert_same(counted, outcomes)
    assert outcomes == {"ok": 5, "EngineError": 25, "InvalidRequestError": 5}
    assert counted.errors == {"generate": 10, "serialization": 15, "deserialization": 5}


@pytest.mark.parametrize(
    ("returned", "says"),
    [(7, "returned int"), (None, "returned NoneType"), ([1, 2], "returned list")],
)
async def test_a_handler_that_returns_the_wrong_type_is_told_so(
    on_memory: None, returned: Any, says: str
) -> None:
    def wrong(request: Any) -> Any:
        return returned

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wrong) as client:
        with pytest.raises(EngineError, match=rf"{says}, which yields nothing: use an async gen"):
            await collect(await client.generate(None))
        assert_same(await settled(runtime, 1), Counter(["EngineError"]))


async def test_a_coroutine_function_is_no_handler_and_is_not_served() -> None:
    async def no_yield(request: Any) -> int:
        return 1

    async with DistributedRuntime() as runtime:
        with pytest.raises(TypeError, match=r"no_yield has no yield in it: use an async generator"):
            await endpoint_of(runtime).serve_endpoint(no_yield)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"^a handler must be callable, not int: use an async"):
            await endpoint_of(runtime).serve_endpoint(7)  # type: ignore[arg-type]


async def test_a_coroutine_from_a_decorated_handler_is_closed_and_refused(plane: str) -> None:
    async def no_yield(request: Any) -> int:
        return 1

    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), lambda request: no_yield(request)) as client,
    ):
        with pytest.raises(EngineError, match="returned coroutine, which yields nothing"):
            await collect(await client.generate(None))


async def test_many_megabytes_go_both_ways(plane: str) -> None:
    async def echo(request: str) -> AsyncIterator[str]:
        yield request

    large = "x" * repeats(25_000_000, 100_000_000)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [answer] = await collect(await client.generate(large))
        assert answer == large
        assert await ask(client, "small") == "ok"
        counted = await settled(runtime, 2)
    assert_same(counted, Counter(["ok", "ok"]))
    assert counted.request_bytes == counted.response_bytes == len(large) + 2 + len('"small"')


@pytest.mark.parametrize(
    ("plane", "streams"),
    [
        ("memory", repeats(1_000, 10_000)),
        ("tcp", repeats(1_000, 10_000)),
        ("nats", repeats(300, 1_000)),
    ],
)
async def test_many_streams_are_open_at_once(
    plane: str, streams: int, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(f"on_{plane}")
    everybody = asyncio.Event()
    running = 0

    async def meet(number: int) -> AsyncIterator[int]:
        nonlocal running
        yield number
        running += 1
        if running == streams:
            everybody.set()
        await everybody.wait()
        yield -number
        if number % 10 == 0:
            raise RuntimeError("one in ten fails")

    async def read(client: Client, number: int) -> str:
        try:
            items = await collect(await client.generate(number))
        except EngineError:
            return "EngineError"
        assert items == [number, -number]
        return "ok"

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), meet) as client:
        outcomes = Counter(
            await asyncio.gather(*(read(client, number) for number in range(streams)))
        )
        counted = await settled(runtime, streams)
    assert_same(counted, outcomes)
    assert counted.errors == {"generate": streams // 10}


async def test_nats_killed_and_restarted_fails_what_runs_and_serves_what_comes_after(
    on_nats: NatsServer,
) -> None:
    release = asyncio.Event()

    async def wait(request: int) -> AsyncIterator[int]:
        yield request
        if request < 20:
            await release.wait()
            yield request

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        answers = [await client.generate(number) for number in range(20)]
        for answer in answers:
            await anext(answer)
        on_nats.kill()
        outcomes: Outcomes = Counter()
        for answer in answers:
            with pytest.raises(ConnectionLostError, match=r"broke before the answer was complete"):
                await anext(answer)
            outcomes["ConnectionLostError"] += 1
        with pytest.raises(ConnectionLostError, match=r"is not connected: send the request again"):
            await client.generate(100)  # never reaches the worker
        release.set()

        on_nats.start()

        async def works() -> str | None:
            return "ok" if await ask(client, 100) == "ok" else None

        while await works() is None:
            await asyncio.sleep(0.05)
        outcomes["ok"] += 1
        outcomes += await ask_all(client, [100] * 50)
        counted = await settled(runtime, outcomes.total())
    assert_same(counted, outcomes)
    assert counted.errors == {"publish_response": 20}
    assert counted.cancelled == 0


async def test_a_message_that_is_no_request_is_counted_and_answered(on_nats: NatsServer) -> None:
    async def echo(request: Any) -> AsyncIterator[Any]:
        yield request

    messages = [
        b"",
        b"hello",
        b"\xff\xfe\n{}",
        b"[1, 2]\n",
        b'{"v":1,"id":"a","size":1000000000000}\n',
        b'{"v":1,"id":"a","size":-1}\n',
        b'{"v":1,"id":7,"size":2}\n{}',
        b'{"v":2,"id":"a","size":2}\n{}',
        b'{"v":1,"id":"a","size":1}\n{}',
        b'{"v":1,"id":"a","size":true}\n1',
    ]
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("nats")
        async with await nats_py.connect(on_nats.url) as outside:
            for message in messages:
                reply = await outside.request(f"{instance.address}.new", message, timeout=10)
                assert re.match(rb'!\{"code": "invalid_request", "message": "', reply.data)
            await outside.publish(f"{instance.address}.new", b'{"v":1,"id":"a","size":2}\n{}')
        counted = await settled(runtime, len(messages) + 1)
        assert counted.errors == {"invalid_message": len(messages) + 1}
        assert await ask(client, 1) == "ok"


async def test_frames_out_of_place_do_no_harm(on_nats: NatsServer) -> None:
    wait = Gated()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        [instance] = await instances_of("nats")
        async with await nats_py.connect(on_nats.url) as outside:
            openings = await outside.subscribe(f"{instance.address}.new")
            await flush(outside)
            answer = await client.generate(None)
            assert await anext(answer) == 1
            client_subject = (await openings.next_msg(timeout=10)).reply
            for frame in (b"", b"+", b"+x", b"+99999999999999999999", b"Cmore", b"?", b"K"):
                await outside.publish(answer._stream.target, frame)
                await outside.publish(f"{instance.address}.77", frame)
                await outside.publish(client_subject, frame)
        wait.go_on.set()
        assert await collect(answer) == [2]
        assert_same(await settled(runtime, 1), Counter(["ok"]))


async def test_a_body_longer_than_announced_ends_the_request(on_nats: NatsServer) -> None:
    async def echo(request: Any) -> AsyncIterator[Any]:
        yield request

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("nats")
        told: list[bytes] = []
        subjects: list[str] = []

        async def note(message: Any) -> None:
            told.append(message.data)
            subjects.append(message.reply)

        async with await nats_py.connect(on_nats.url) as outside:
            await outside.subscribe("client", cb=note)
            opening = b'{"v":1,"id":"a","size":10}\n1'
            await outside.publish(f"{instance.address}.new", opening, reply="client")
            await until(lambda: told or None)
            await outside.publish(subjects[0], b"C" + b"x" * 100, reply="client")
            await until(lambda: len(told) > 1 or None)
        assert told[0] == b"A"
        assert b"longer than the head of the request says" in told[1]
        assert await ask(client, 1) == "ok"

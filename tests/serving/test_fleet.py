"""Three workers, as three processes: hosts behind one NATS server, or processes of one host."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from dynamo.runtime import (
    Client,
    ConnectionLostError,
    DistributedRuntime,
    RequestError,
    UnavailableError,
)
from tests.support.client import scrape
from tests.support.nats import NatsServer
from tests.support.process import Start, Worker
from tests.support.serving import RequestCounts, collect, endpoint_of, request_counts, until

WORKER = "named.py"


@pytest.fixture
def fleet(between: dict[str, str], start: Start) -> list[Worker]:
    """Three workers, which yield their names first."""
    workers = []
    for name in "abc":
        settings = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1"}
        worker = start(WORKER, NAME=name, **settings, **between)
        worker.address = worker.line()
        workers.append(worker)
    return workers


async def client_of_three(runtime: DistributedRuntime) -> Client:
    client = await endpoint_of(runtime).client()
    while len(client.instance_ids()) < 3:
        await client.wait_for_change()
    return client


def together(fleet: list[Worker]) -> RequestCounts | None:
    """The counts of all workers, added up, if none has a request under way."""
    parts = [request_counts(scrape(worker.address)) for worker in fleet]
    if any(part.inflight for part in parts):
        return None
    errors: Counter[str] = Counter()
    for part in parts:
        errors.update(part.errors)
    numbers = [sum(values) for values in zip(*(part[:-1] for part in parts), strict=True)]
    return RequestCounts(*numbers, errors=dict(errors))


async def test_requests_spread_over_the_hosts_and_all_of_them_are_counted(
    fleet: list[Worker],
) -> None:
    async with DistributedRuntime() as runtime:
        client = await client_of_three(runtime)
        outcomes: Counter[str] = Counter()
        answered: Counter[str] = Counter()

        async def ask(number: int) -> None:
            answer = await client.generate("raise" if number % 5 == 0 else "fine")
            answered[await anext(answer)] += 1
            try:
                assert await collect(answer) == []
                outcomes["ok"] += 1
            except RequestError:
                outcomes["failed"] += 1

        await asyncio.gather(*(ask(number) for number in range(300)))
        counted = await until(lambda: together(fleet))
    assert answered == {"a": 100, "b": 100, "c": 100}
    assert (counted.requests, counted.succeeded) == (300, outcomes["ok"])
    assert counted.errors == {"generate": outcomes["failed"]} == {"generate": 60}


@pytest.mark.parametrize("between", ["nats"], indirect=True)
async def test_when_nats_restarts_every_request_under_way_fails_on_both_sides(
    fleet: list[Worker], on_nats: NatsServer
) -> None:
    async with DistributedRuntime() as runtime:
        client = await client_of_three(runtime)
        answers = [await client.generate("wait") for _ in range(30)]
        for answer in answers:
            await anext(answer)
        on_nats.kill()
        for answer in answers:
            with pytest.raises(ConnectionLostError):
                await anext(answer)
        counted = await until(lambda: together(fleet))
        assert (counted.requests, counted.errors) == (30, {"publish_response": 30})

        on_nats.start()
        names: set[str] = set()
        sent = 30

        async def one_more() -> bool:
            try:
                [name] = await collect(await client.generate("fine"))
            except (ConnectionLostError, UnavailableError):
                return False  # not everybody is back
            names.add(name)
            return True

        while len(names) < 3:
            sent += await one_more()
            await asyncio.sleep(0.02)
        counted = await until(lambda: together(fleet))
        assert (counted.requests, counted.succeeded) == (sent, sent - 30)


async def test_a_host_that_dies_takes_only_its_own_requests_with_it(fleet: list[Worker]) -> None:
    async with DistributedRuntime() as runtime:
        client = await client_of_three(runtime)
        answers = [await client.generate("wait") for _ in range(9)]
        where = [await anext(answer) for answer in answers]
        fleet[0].interrupt(signal.SIGKILL)
        for name, answer in zip(where, answers, strict=True):
            if name == "a":
                with pytest.raises(ConnectionLostError):
                    await anext(answer)
            else:
                await answer.aclose()
        counted = await until(lambda: together(fleet[1:]))
        assert (counted.requests, counted.cancelled, counted.errors) == (6, 6, {})


async def test_hosts_restarted_one_after_the_other_lose_no_request(
    fleet: list[Worker], between: dict[str, str], start: Start
) -> None:
    async with DistributedRuntime() as runtime:
        client = await client_of_three(runtime)
        done = asyncio.Event()
        answered = 0

        async def keep_asking() -> None:
            nonlocal answered
            while not done.is_set():
                assert len(await collect(await client.generate("fine"))) == 1
                answered += 1
                await asyncio.sleep(0.01)  # some hundred a second in all

        asking = asyncio.gather(*(keep_asking() for _ in range(5)))
        for worker in fleet:
            known = set(client.instance_ids())
            start(WORKER, NAME="new", **between)
            while set(client.instance_ids()) <= known:
                await client.wait_for_change()
            worker.interrupt(signal.SIGTERM)
            await asyncio.to_thread(worker.assert_ends_cleanly)
        done.set()
        await asking
        assert answered > 0

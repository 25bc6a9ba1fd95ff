"""The end of a worker: running requests finish, the last scrape shows them, it exits with 0."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime, EngineError, NoInstancesError, UnavailableError
from tests.serving.conftest import nats_settings
from tests.support.client import fetch, is_refused, scrape
from tests.support.nats import NatsServer
from tests.support.process import Start, Worker
from tests.support.serving import (
    Gated,
    client_of,
    collect,
    discovery_of,
    endpoint_of,
    instances_of,
    request_counts,
    served,
    settled,
    without_instances,
)
from tests.support.waiting import eventually

SIGNALS = [signal.SIGTERM, signal.SIGINT]


def start_worker(
    start: Start,
    between: dict[str, str],
    graceful: bool = True,
    patient: bool = True,
    **settings: str,
) -> Worker:
    worker = start(
        "draining.py",
        GRACEFUL=str(int(graceful)),
        PATIENT=str(int(patient)),
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
        **between,
        **settings,
    )
    worker.address = worker.line()
    return worker


@pytest.mark.parametrize("number", SIGNALS)
async def test_on_a_signal_running_requests_finish_and_the_last_scrape_shows_them(
    between: dict[str, str], start: Start, number: signal.Signals
) -> None:
    worker = start_worker(start, between)
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        answers = [await client.generate("wait") for _ in range(3)]
        for answer in answers:
            assert await anext(answer) == "started"

        worker.interrupt(number)
        await without_instances(client)
        with pytest.raises(NoInstancesError):
            await client.generate("new")
        health = await asyncio.to_thread(fetch, worker.address, "/health")
        assert (health.status, health.json["endpoints"]) == (503, {"generate": "notready"})
        assert request_counts(scrape(worker.address)).inflight == 3

        worker.tell()
        for answer in answers:
            assert await collect(answer) == ["finished"]
        assert await asyncio.to_thread(worker.line) == "served"
        last = request_counts(scrape(worker.address))
        assert (last.requests, last.succeeded, last.inflight) == (3, 3, 0)

    worker.tell()
    assert await asyncio.to_thread(worker.lines) == ["ended"]
    worker.assert_ends_cleanly()
    assert is_refused(worker.address)


@pytest.mark.parametrize("number", SIGNALS)
async def test_requests_that_do_not_finish_in_time_are_cancelled(
    between: dict[str, str], start: Start, number: signal.Signals
) -> None:
    worker = start_worker(start, between, DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT="0.1")
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        answer = await client.generate("forever")
        await anext(answer)
        worker.interrupt(number)
        with pytest.raises(UnavailableError, match="shut down before the answer was complete"):
            await anext(answer)
        assert await asyncio.to_thread(worker.line) == "cancelled"
        assert await asyncio.to_thread(worker.line) == "served"
        last = request_counts(scrape(worker.address))
        assert (last.requests, last.cancelled, last.errors) == (1, 1, {})
    worker.tell()
    assert await asyncio.to_thread(worker.exit_code) == 0
    assert "cancelling 1 requests of ns/comp/generate that did not finish within" in worker.errors


async def test_a_second_signal_ends_the_waiting(between: dict[str, str], start: Start) -> None:
    worker = start_worker(start, between)
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        answer = await client.generate("forever")
        await anext(answer)
        worker.interrupt(signal.SIGINT)
        await without_instances(client)
        worker.interrupt(signal.SIGINT)
        assert await asyncio.to_thread(worker.line) == "cancelled"
        with pytest.raises(UnavailableError):
            await anext(answer)
    assert await asyncio.to_thread(worker.line) == "served"
    worker.tell()
    worker.assert_ends_cleanly()


async def test_without_graceful_shutdown_nothing_is_waited_for(
    between: dict[str, str], start: Start
) -> None:
    worker = start_worker(start, between, graceful=False)
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        answer = await client.generate("forever")
        await anext(answer)
        worker.interrupt(signal.SIGTERM)
        assert await asyncio.to_thread(worker.line) == "cancelled"
        with pytest.raises(UnavailableError):
            await anext(answer)
    assert await asyncio.to_thread(worker.line) == "served"
    worker.tell()
    worker.assert_ends_cleanly()


async def test_a_request_that_meets_a_draining_worker_goes_to_another(plane: str) -> None:
    go_on = asyncio.Event()

    async def old(request: Any) -> AsyncIterator[str]:
        yield "old"
        await go_on.wait()

    async def new(request: Any) -> AsyncIterator[str]:
        yield "new"

    async with DistributedRuntime() as first, DistributedRuntime() as second:
        serving = asyncio.create_task(endpoint_of(first).serve_endpoint(old))
        client = await client_of(endpoint_of(first))
        answer = await client.generate(None)
        assert await anext(answer) == "old"
        [known] = await instances_of(plane)
        async with served(endpoint_of(second), new) as client, discovery_of(plane) as discovery:
            first.shutdown()
            while not (ids := client.instance_ids()) or known.instance_id in ids:
                await client.wait_for_change()
            await discovery.register(known)  # as if its removal had not arrived yet
            while known.instance_id not in client.instance_ids():
                await client.wait_for_change()
            for _ in range(4):
                assert await collect(await client.generate(None)) == ["new"]
            with pytest.raises(UnavailableError):
                await client.direct(None, known.instance_id)
        go_on.set()
        assert await collect(answer) == []
        await serving


async def test_the_beginning_of_the_drain_is_logged(
    plane: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dynamo.runtime")
    go_on = asyncio.Event()

    async def handler(request: Any) -> AsyncIterator[str]:
        yield "started"
        await go_on.wait()

    async with DistributedRuntime() as runtime:
        serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(handler))
        client = await client_of(endpoint_of(runtime))
        answer = await client.generate(None)
        assert await anext(answer) == "started"
        runtime.shutdown()
        go_on.set()
        assert await collect(answer) == []
        await serving
    said = [one for one in caplog.messages if one.startswith("draining")]
    assert said == ["draining 1 requests of ns/comp/generate, for at most 30 s"]


async def test_a_cancelled_serve_endpoint_stops_at_once(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        async with served(endpoint_of(runtime), Gated()) as client:
            answer = await client.generate(None)
            await anext(answer)
        with pytest.raises(UnavailableError):
            await anext(answer)
        assert (await settled(runtime, 1)).cancelled == 1


async def test_a_runtime_that_is_left_stops_what_it_serves(plane: str) -> None:
    async with DistributedRuntime() as other:
        async with DistributedRuntime() as runtime:
            serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(Gated()))
            client = await client_of(endpoint_of(other))
            answer = await client.generate(None)
            await anext(answer)
        await serving
        with pytest.raises(UnavailableError):
            await anext(answer)


def test_a_shutdown_after_a_signal_cancels_no_request(start: Start) -> None:
    worker = start("shutdown_after_signal.py")
    assert worker.line() == "[2]"
    worker.assert_ends_cleanly()


def test_a_worker_ends_when_nats_is_gone(nats: NatsServer, start: Start) -> None:
    worker = start_worker(start, nats_settings(nats), patient=False)
    eventually(lambda: is_ready(worker) or None)
    nats.kill()
    worker.interrupt(signal.SIGTERM)
    assert worker.line() == "served"
    worker.tell()
    assert worker.exit_code() == 0
    assert "Traceback" not in worker.errors


def is_ready(worker: Worker) -> bool:
    return fetch(worker.address, "/health").status == 200


async def test_a_program_that_cancels_all_its_tasks_does_not_leave_clients_waiting(
    plane: str,
) -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    async def wait(request: Any) -> AsyncIterator[int]:
        tasks.append(asyncio.current_task())
        yield 1
        await asyncio.Event().wait()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        answer = await client.generate(None)
        await anext(answer)
        for task in tasks:
            assert task is not None
            task.cancel()
        # Python 3.10 cannot tell this from a handler that lets a CancelledError out.
        told = UnavailableError if sys.version_info >= (3, 11) else EngineError
        with pytest.raises(told):
            await anext(answer)
        counted = await settled(runtime, 1)
        assert counted.cancelled + sum(counted.errors.values()) == 1


@pytest.mark.parametrize("number", SIGNALS)
def test_a_handler_of_the_programs_own_keeps_its_signal(
    start: Start, number: signal.Signals
) -> None:
    worker = start("own_signal_handler.py", NUMBER=str(int(number)))
    assert worker.line() == "ready"
    worker.interrupt(number)
    assert worker.lines() == ["mine"]
    worker.assert_ends_cleanly()


def test_after_serving_the_signals_do_what_they_did_before(start: Start) -> None:
    worker = start("signals_restored.py")
    assert worker.line() == "True True True"
    worker.assert_ends_cleanly()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_worker_without_the_decorator_ends_as_well(
    between: dict[str, str], start: Start, number: signal.Signals
) -> None:
    worker = start("without_decorator.py", **between)
    assert worker.line() == "left open"
    worker.interrupt(number)
    worker.assert_ends_cleanly()

"""NATS that is stopped as it is: its connections stay open, and nothing is answered."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from dynamo._nats import connection
from dynamo._network import network
from dynamo._serving import endpoint
from dynamo._serving.request import FINISH_TIMEOUT
from dynamo._tcp import hub
from dynamo.runtime import ConnectionLostError, DistributedRuntime
from tests.serving.conftest import nats_settings
from tests.support.jumping import JumpingLoop, run_jumping
from tests.support.nats import NatsServer
from tests.support.process import Start
from tests.support.serving import client_of, collect, connections, endpoint_of, served, until

GRACE = 1.0


@pytest.fixture
def two_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[NatsServer]]:
    """A cluster of two servers, which both know everything."""
    first = NatsServer(jetstream=False, config=CLUSTER.format(routes=""))
    second = NatsServer(
        jetstream=False, config=CLUSTER.format(routes=f'"nats://{first.cluster_address}"')
    )
    servers = [first, second]
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    yield servers
    for server in servers:
        server.close()


CLUSTER = (
    'cluster {{ name: "test", listen: "127.0.0.1:-1", routes: [{routes}], no_advertise: true }}'
)


@pytest.mark.parametrize("request_of", ["data", "silent"])
def test_a_worker_ends_two_seconds_after_its_grace_period_whatever_nats_does(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch, request_of: str
) -> None:
    monkeypatch.setenv("DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT", str(GRACE))
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")

    async def handler(request: str) -> AsyncIterator[str]:
        yield "started"
        while request == "data":
            yield "x" * 250_000
        await asyncio.Event().wait()

    async def end(loop: JumpingLoop) -> float:
        async with DistributedRuntime() as other, DistributedRuntime() as worker:
            serving = asyncio.create_task(endpoint_of(worker).serve_endpoint(handler))
            await worker._shared.network().open()
            # Another name, so that it has a connection of its own.
            monkeypatch.setenv("NATS_SERVER", on_nats.url.replace("127.0.0.1", "localhost"))
            client = await client_of(endpoint_of(other))
            answers = [await client.generate(request_of) for _ in range(8)]
            for answer in answers:
                assert await anext(answer) == "started"
            reading = [asyncio.create_task(collect(answer)) for answer in answers]
            on_nats.freeze()
            loop.jump()
            begun = loop.time()
            worker.shutdown()
            await serving
            await worker._shared.close()
            took = loop.time() - begun
            on_nats.kill()
            await asyncio.gather(*reading, return_exceptions=True)
        return took

    assert GRACE <= run_jumping(end) < GRACE + 2


@pytest.mark.parametrize("request_of", ["data", "silent"])
async def test_a_worker_ends_whatever_nats_does(
    on_nats: NatsServer, start: Start, request_of: str
) -> None:
    worker = start(
        "frozen.py",
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
        DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT=str(GRACE),
        **nats_settings(on_nats),
    )
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        answers = [await client.generate(request_of) for _ in range(8)]
        for answer in answers:
            assert await anext(answer) == "started"
        reading = [asyncio.create_task(collect(answer)) for answer in answers]
        on_nats.freeze()
        worker.interrupt(signal.SIGTERM)
        assert await asyncio.to_thread(worker.exit_code) == 0, worker.errors
        on_nats.kill()
        for task in reading:
            with pytest.raises(ConnectionLostError):
                await task


def test_the_limits_of_the_end_of_a_worker_are_less_than_two_seconds() -> None:
    assert FINISH_TIMEOUT <= endpoint.CLOSE_TIMEOUT  # at the same time
    for limit in (connection.CLOSE_TIMEOUT, hub.CLOSE_TIMEOUT):
        assert limit < network.CLOSE_TIMEOUT
    assert endpoint.CLOSE_TIMEOUT + network.CLOSE_TIMEOUT < 2


async def test_a_worker_that_is_told_to_end_while_it_starts_does_not_wait_for_nats(
    on_nats: NatsServer,
) -> None:
    async with DistributedRuntime() as runtime:
        await endpoint_of(runtime).client()
        on_nats.freeze()
        serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(echo))
        for _ in range(100):  # it waits for NATS by then
            await asyncio.sleep(0)
        runtime.shutdown()
        await serving
        on_nats.kill()


async def test_a_runtime_whose_end_times_out_leaves_no_connection_open(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "CLOSE_TIMEOUT", 0.1)
    loop = asyncio.get_running_loop()
    async with DistributedRuntime() as runtime:
        await endpoint_of(runtime).client()
        assert connection._pools[loop]
        on_nats.freeze()
    await until(lambda: not connection._pools[loop] or None)
    on_nats.kill()


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def test_a_client_with_data_in_flight_can_be_cancelled(on_nats: NatsServer) -> None:
    async def count(request: str) -> AsyncIterator[int]:
        yield len(request)

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), count) as client:
        on_nats.freeze()
        asking = [asyncio.create_task(client.generate("x" * 250_000)) for _ in range(40)]
        for _ in range(20):
            await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        done, left = await asyncio.wait(asking, timeout=10)
        assert not left
        assert all(task.cancelled() for task in done)
        on_nats.kill()


async def test_with_two_servers_pings_lead_to_the_healthy_one(
    two_servers: list[NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PING_INTERVAL", 1)
    monkeypatch.setenv("DYN_DISCOVERY_BACKEND", "memory")
    monkeypatch.setenv("NATS_SERVER", ",".join(server.url for server in two_servers))
    started = asyncio.Event()
    item = "x" * 250_000

    async def handler(request: Any) -> AsyncIterator[Any]:
        yield "started"
        while request == "data":
            yield item
        started.set()

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), handler) as client:
        answer = await client.generate("data")
        assert await anext(answer) == "started"
        ports = {remote.port for _, remote in connections()}
        [used] = [server for server in two_servers if urlsplit(server.url).port in ports]
        used.freeze()
        with pytest.raises(ConnectionLostError):
            await collect(answer)

        async def answers() -> list[Any] | None:
            try:
                return await collect(await client.generate(1))
            except ConnectionLostError:
                return None

        while (items := await answers()) is None:
            await asyncio.sleep(0.05)
        assert items == ["started"]

"""What NATS and the network may do to a connection, and how both sides notice silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo.discovery import Instance
from dynamo.discovery.nats import LEASE, _Watched
from dynamo.request_plane import _frames
from dynamo.runtime import Client, ConnectionLostError, DistributedRuntime, UnavailableError
from tests.support.nats import NatsServer
from tests.support.nats_link import link_to
from tests.support.serving import client_of, collect, endpoint_of, served, settled, until


async def stuck(request: Any) -> AsyncIterator[Any]:
    yield request
    if request == "wait":
        await asyncio.Event().wait()


def plane_of(client: Client) -> Any:
    return client._network.plane


async def test_a_client_that_nats_throws_out_comes_back(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck) as client:
        connection = plane_of(client)._connection
        answer = await client.generate("wait")
        await anext(answer)
        thrown_out = connection.client
        await thrown_out._process_err("'Slow Consumer'")  # what it does when NATS says so
        with pytest.raises(ConnectionLostError):
            await anext(answer)
        while not connection.is_up:
            await asyncio.sleep(0.01)
        assert connection.client is not thrown_out
        while True:
            try:
                assert await collect(await client.generate(1)) == [1]
                break
            except ConnectionLostError:  # not quite there yet
                await asyncio.sleep(0.01)
        assert (await settled(runtime, 2)).errors == {"publish_response": 1}


async def test_requests_that_arrive_while_a_worker_stops_are_all_answered(
    on_nats: NatsServer,
) -> None:
    import nats

    waiting: set[str] = set()

    async def answered(message: Any) -> None:
        # "No responders", a refusal, or the end of an answer.
        if not message.data or message.data[:1] in b"!E":
            waiting.discard(message.subject)

    async with DistributedRuntime() as runtime:
        endpoint = endpoint_of(runtime)
        serving = asyncio.create_task(endpoint.serve_endpoint(stuck))
        client = await client_of(endpoint)
        (instance,) = client._watch.instances.values()
        async with await nats.connect(on_nats.url) as outside:
            await outside.subscribe("answers.*", cb=answered)
            for number in range(3000):
                waiting.add(f"answers.{number}")
                opening = _frames.opening("id", 1, b"1")
                await outside.publish(f"{instance.address}.new", opening, f"answers.{number}")
                if number % 10 == 0:
                    await asyncio.sleep(0)
                if number == 300:
                    runtime.shutdown()
            await serving
            await until(lambda: not waiting or None)


async def test_a_worker_refuses_requests_until_nats_knows_that_it_stops(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        link_to(on_nats) as link,
        DistributedRuntime() as runtime,
        DistributedRuntime() as worker,
    ):
        client = await endpoint_of(runtime).client()  # does not go through the link
        monkeypatch.setenv("NATS_SERVER", link.url)
        serving = asyncio.create_task(endpoint_of(worker).serve_endpoint(stuck))
        await client.wait_for_instances()
        (known,) = client._watch.instances.values()

        link.hold("UNSUB")
        worker.shutdown()
        await link.held.wait()
        while client.instance_ids():
            await client._watch.change()
        client._watch.put(known)  # as if the news had not yet come
        requests = []
        for number in range(1, 4):
            requests.append(asyncio.create_task(client.direct(1, known.instance_id)))
            await until(lambda number=number: link.came(f"{known.address}.new") == number or None)
        link.release()
        await serving
        for request in requests:
            with pytest.raises(UnavailableError, match="it is shutting down"):
                await request
        client._watch.drop(known.instance_id)


async def test_a_worker_that_nothing_is_heard_of_is_given_up(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck) as client:
        answer = await client.generate("wait")
        await anext(answer)
        answer._stream.heard -= 61  # type: ignore[attr-defined]
        with pytest.raises(ConnectionLostError, match=r"^nothing was heard of the worker for 60 s"):
            await anext(answer)
        assert (await settled(runtime, 1)).cancelled == 1  # it was there after all, and is told


async def test_a_client_that_nothing_is_heard_of_is_given_up(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck) as client:
        answer = await client.generate("wait")
        await anext(answer)
        (call,) = plane_of(client)._calls
        call.heard -= 61
        with pytest.raises(
            ConnectionLostError, match="the worker lost the connection to its client"
        ):
            await anext(answer)
        assert (await settled(runtime, 1)).errors == {"publish_response": 1}


async def test_a_request_that_the_worker_has_forgotten_ends(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck) as client:
        answer = await client.generate("wait")
        await anext(answer)
        stream: Any = answer._stream
        (call,) = plane_of(client)._calls
        call._forget(call)
        stream.sent -= 6  # long enough to ask whether the worker is still there
        with pytest.raises(ConnectionLostError, match="does not know this request any more"):
            await anext(answer)


async def test_silence_of_someone_who_is_there_is_broken_in_time(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck) as client:
        answer = await client.generate("wait")
        await anext(answer)
        stream: Any = answer._stream
        (call,) = plane_of(client)._calls
        before = stream.heard, call.heard
        stream.sent -= 6
        call.sent -= 6
        while stream.heard == before[0] or call.heard == before[1]:
            await asyncio.sleep(0.01)
        await answer.aclose()
        await settled(runtime, 1)


async def test_a_lease_ends_unless_nobody_could_see_its_renewal() -> None:
    watched = _Watched()
    instance = Instance("ns", "comp", "generate", 7, "nats", "dynamo.ns.comp.generate.7")
    watched.watch.put(instance)
    now = asyncio.get_running_loop().time()
    watched.seen[7] = now - LEASE - 1
    watched.expire(missed=2.0)  # this loop stood still for two seconds
    assert watched.watch.instances == {7: instance}
    watched.seen[7] = now - LEASE - 1
    watched.renew_all()  # NATS is back after an outage
    watched.expire(missed=0.0)
    assert watched.watch.instances == {7: instance}
    watched.seen[7] = now - LEASE - 1
    watched.expire(missed=0.0)
    assert watched.watch.instances == {}


async def test_a_client_of_a_runtime_that_was_shut_down_says_so(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
    with pytest.raises(RuntimeError, match=r"^this runtime has been shut down: make another"):
        await client.generate(1)

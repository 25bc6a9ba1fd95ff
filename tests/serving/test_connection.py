"""What NATS and the network may do to a connection, and how both sides notice a lost peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import nats as nats_py
import pytest

from dynamo import _tasks
from dynamo._nats import connection, subscription
from dynamo._network import network
from dynamo._serving import endpoint as serving_endpoint
from dynamo.discovery import Instance
from dynamo.discovery._leases import LeasedWatch
from dynamo.discovery._records import to_json
from dynamo.request_plane import _frames
from dynamo.request_plane.nats import wire
from dynamo.runtime import Client, ConnectionLostError, DistributedRuntime, UnavailableError
from tests.support.jumping import JumpingLoop, run_jumping
from tests.support.nats import NatsServer
from tests.support.nats_link import link_to
from tests.support.serving import (
    client_of,
    collect,
    discovery_of,
    endpoint_of,
    instances_of,
    served,
    settled,
    until,
    without_instances,
)


async def stuck(request: Any) -> AsyncIterator[Any]:
    yield request
    if request == "wait":
        await asyncio.Event().wait()


class Outside:
    """A peer that speaks the frames of the plane and does nothing by itself."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.frames: list[bytes] = []
        self.peer = ""
        """Where the other side wants frames."""

    async def note(self, message: Any) -> None:
        self.frames.append(message.data)
        self.peer = message.reply or self.peer

    async def receives(self, frame: bytes) -> None:
        """Waits until a frame has come that begins so."""
        await until(lambda: any(one.startswith(frame) for one in self.frames) or None)


@asynccontextmanager
async def outside_of(nats: NatsServer) -> AsyncIterator[Outside]:
    async with await nats_py.connect(nats.url) as client:
        yield Outside(client)


@asynccontextmanager
async def mute_worker(
    nats: NatsServer, runtime: DistributedRuntime
) -> AsyncIterator[tuple[Outside, Client]]:
    """A worker that takes requests, yields 1 and then sends nothing; and a client of it."""
    instance = Instance("ns", "comp", "generate", 7, "nats", "worker")
    async with outside_of(nats) as worker, discovery_of("nats") as discovery:

        async def take(message: Any) -> None:
            if message.subject == "worker.new":
                await worker.client.publish(message.reply, b"A", reply="worker.1")
                await worker.client.publish(message.reply, b"I1", reply="worker.1")
            else:
                await worker.note(message)

        await worker.client.subscribe("worker.*", cb=take)
        await discovery.register(instance)
        yield worker, await client_of(endpoint_of(runtime))


async def test_a_client_that_nats_throws_out_comes_back(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with link_to(on_nats) as link:
        monkeypatch.setenv("NATS_SERVER", link.url)
        async with DistributedRuntime() as runtime, served(endpoint_of(runtime), stuck) as client:
            answer = await client.generate("wait")
            await anext(answer)
            link.tell_clients("-ERR 'Slow Consumer'")
            with pytest.raises(ConnectionLostError):
                await anext(answer)
            while True:
                try:
                    assert await collect(await client.generate(1)) == [1]
                    break
                except ConnectionLostError:  # not connected yet
                    await asyncio.sleep(0.01)
            assert (await settled(runtime, 2)).errors == {"publish_response": 1}


def wait_for_nats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stops waits for NATS as long as that takes, without a ping that must be answered."""
    monkeypatch.setattr(connection, "PING_INTERVAL", 3600)
    for module in (connection, network, serving_endpoint):
        monkeypatch.setattr(module, "CLOSE_TIMEOUT", 30.0)
    monkeypatch.setattr(serving_endpoint, "_UNREGISTER_TIMEOUT", 30.0)
    monkeypatch.setattr(subscription, "HANDLE_TIMEOUT", 30.0)


async def test_requests_that_arrive_while_a_worker_stops_are_all_answered(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_nats(monkeypatch)
    waiting: set[str] = set()

    async def answered(message: Any) -> None:
        # "No responders", a refusal, or the end of an answer.
        if not message.data or message.data[:1] in b"!E":
            waiting.discard(message.subject)

    async with DistributedRuntime() as runtime:
        endpoint = endpoint_of(runtime)
        serving = asyncio.create_task(endpoint.serve_endpoint(stuck))
        await client_of(endpoint)
        [instance] = await instances_of("nats")
        async with await nats_py.connect(on_nats.url) as outside:
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
    wait_for_nats(monkeypatch)  # until the link is released
    async with (
        link_to(on_nats) as link,
        DistributedRuntime() as runtime,
        DistributedRuntime() as worker,
    ):
        client = await endpoint_of(runtime).client()  # does not go through the link
        monkeypatch.setenv("NATS_SERVER", link.url)
        serving = asyncio.create_task(endpoint_of(worker).serve_endpoint(stuck))
        await client.wait_for_instances()
        [known] = await instances_of("nats")

        link.hold("UNSUB")
        worker.shutdown()
        await link.held.wait()
        await without_instances(client)
        monkeypatch.setenv("NATS_SERVER", on_nats.url)
        async with discovery_of("nats") as discovery:
            await discovery.register(known)  # as if its removal had not arrived yet
            await client.wait_for_instances()
            requests = []
            for number in range(1, 4):
                requests.append(asyncio.create_task(client.direct(1, known.instance_id)))
                await until(
                    lambda number=number: link.came(f"{known.address}.new") == number or None
                )
            link.release()
            await serving
            for request in requests:
                with pytest.raises(UnavailableError, match="it is shutting down"):
                    await request


async def test_a_worker_that_starts_while_nats_is_restarted_serves_when_it_is_back(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for passing in range(4):  # it asks for the bucket and its lease, registers, flushes
        async with link_to(on_nats) as link:
            monkeypatch.setenv("NATS_SERVER", link.url)
            link.hold("PUB" if passing < 3 else "PING", passing % 3)
            async with DistributedRuntime() as runtime:
                serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(stuck))
                await link.held.wait()
                on_nats.kill()
                on_nats.start()
                link.release()
                client = await client_of(endpoint_of(runtime))
                assert await collect(await client.generate(1)) == [1]
                serving.cancel()
                await asyncio.wait({serving})


async def test_an_error_of_nats_while_a_subscription_ends_does_not_hold_it_up(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.1)  # what ends the second one
    for error in ("'Slow Consumer'", "'Permissions Violation for Subscription'"):
        async with link_to(on_nats) as link:
            monkeypatch.setenv("NATS_SERVER", link.url)
            used = await connection.Connection.acquire()
            ended = await used.subscribe("subject", ignore)
            link.hold("UNSUB")
            closing = asyncio.create_task(ended.close())
            await link.held.wait()
            link.tell_clients(f"-ERR {error}")
            await closing  # NATS has not heard UNSUB yet
            link.release()
            await used.restored()
            assert await used.call(used.client.flush) is None  # it can be used
            await used.release()


async def ignore(message: Any) -> None:
    pass


async def test_a_worker_that_sends_nothing_is_given_up_and_told(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "KEEPALIVE_INTERVAL", 0.05)
    async with DistributedRuntime() as runtime, mute_worker(on_nats, runtime) as (worker, client):
        answer = await client.generate(None)
        assert await anext(answer) == 1
        monkeypatch.setattr(wire, "PEER_TIMEOUT", 0.5)
        with pytest.raises(ConnectionLostError, match=r"^no frame came from the worker for 0.5 s"):
            await anext(answer)
        await worker.receives(_frames.CANCEL)


async def test_a_client_that_sends_nothing_is_given_up_and_told(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "KEEPALIVE_INTERVAL", 0.05)
    monkeypatch.setattr(wire, "PEER_TIMEOUT", 0.5)
    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), stuck),
        outside_of(on_nats) as client,
    ):
        [instance] = await instances_of("nats")
        await client.client.subscribe("client", cb=client.note)
        opening = _frames.opening("id", 6, b'"wait"')
        await client.client.publish(f"{instance.address}.new", opening, reply="client")
        await client.receives(_frames.ERROR)
        assert b"the worker lost the connection to its client" in client.frames[-1]
        assert (await settled(runtime, 1)).errors == {"publish_response": 1}


def test_a_peer_is_not_given_up_for_the_time_that_the_event_loop_was_blocked() -> None:
    given_up: list[bool] = []

    async def block(loop: JumpingLoop) -> None:
        loop.jump()
        peer = SimpleNamespace(
            last_sent=loop.time(),
            last_received=loop.time(),
            target="target",
            reply_subject="reply",
            time_out=lambda: given_up.append(True),
        )
        used: Any = SimpleNamespace(
            restored=lambda: asyncio.sleep(0), client=SimpleNamespace(is_connected=False)
        )
        plane = wire.Wire(used, lambda: [peer])
        await asyncio.sleep(1)
        assert loop.jumped is not None
        loop.jumped += 2 * wire.PEER_TIMEOUT
        await asyncio.sleep(wire.PEER_TIMEOUT - 2 * wire.KEEPALIVE_INTERVAL)
        assert not given_up
        await asyncio.sleep(4 * wire.KEEPALIVE_INTERVAL)
        assert given_up
        await _tasks.end(plane._tasks)

    run_jumping(block)


async def test_a_request_that_the_worker_no_longer_has_ends(on_nats: NatsServer) -> None:
    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), stuck),
        outside_of(on_nats) as client,
    ):
        [instance] = await instances_of("nats")
        await client.client.subscribe("client", cb=client.note)
        await client.client.publish(f"{instance.address}.77", _frames.KEEPALIVE, reply="client")
        await client.receives(_frames.ERROR)
        assert b"the worker no longer has this request" in client.frames[-1]


async def test_a_client_that_waits_sends_keepalives(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "KEEPALIVE_INTERVAL", 0.05)
    async with DistributedRuntime() as runtime, mute_worker(on_nats, runtime) as (worker, client):
        answer = await client.generate(None)
        assert await anext(answer) == 1
        await worker.receives(_frames.KEEPALIVE)
        await answer.aclose()


async def test_a_worker_whose_handler_waits_sends_keepalives(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "KEEPALIVE_INTERVAL", 0.05)
    async with (
        DistributedRuntime() as runtime,
        served(endpoint_of(runtime), stuck),
        outside_of(on_nats) as client,
    ):
        [instance] = await instances_of("nats")
        await client.client.subscribe("client", cb=client.note)
        opening = _frames.opening("id", 6, b'"wait"')
        await client.client.publish(f"{instance.address}.new", opening, reply="client")
        await client.receives(_frames.KEEPALIVE)
        await client.client.publish(client.peer, _frames.CANCEL)
        assert (await settled(runtime, 1)).cancelled == 1


def test_a_lease_ends_unless_its_renewal_could_not_be_seen() -> None:
    async def wait(loop: JumpingLoop) -> None:
        loop.jump()
        leased = LeasedWatch(lease=10)
        instance = Instance("ns", "comp", "generate", 7, "nats", "dynamo.ns.comp.generate.7")
        leased.take("7", to_json(instance))
        await asyncio.sleep(11)
        leased.expire(unobserved=2)  # this loop was blocked
        assert leased.watch.instances == {7: instance}
        await asyncio.sleep(11)
        leased.renew_all()  # NATS is back after an outage
        leased.expire(unobserved=0)
        assert leased.watch.instances == {7: instance}
        await asyncio.sleep(9)
        leased.expire(unobserved=0)
        assert leased.watch.instances == {7: instance}
        await asyncio.sleep(2)
        leased.expire(unobserved=0)
        assert leased.watch.instances == {}

    run_jumping(wait)


async def test_a_client_of_a_runtime_that_was_shut_down_says_so(plane: str) -> None:
    async with DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
    with pytest.raises(RuntimeError, match=r"^this runtime has been shut down: make another"):
        await client.generate(1)

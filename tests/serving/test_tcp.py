"""Connections between processes: who is let in, what they may send, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamo._tcp import Address, Connection, Hub, address, connection, handshake, hub
from dynamo._tcp.framing import CHUNK_BYTES, MAX_FRAME_BYTES, BadFramingError, Splitter, header
from dynamo.discovery import Instance
from dynamo.request_plane import _bodies, _frames
from dynamo.request_plane.tcp import TcpPlane
from dynamo.runtime import (
    ConnectionLostError,
    DistributedRuntime,
    InvalidRequestError,
    UnavailableError,
)
from tests.support.jumping import JumpingLoop, run_jumping
from tests.support.log import logged_here
from tests.support.nats import NatsServer
from tests.support.process import Start
from tests.support.serving import (
    Gated,
    client_of,
    collect,
    connections,
    discovery_of,
    endpoint_of,
    incomplete,
    instances_of,
    plane_of,
    served,
    settled,
    until,
)

pytestmark = pytest.mark.usefixtures("on_tcp")


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


class Outside:
    """A peer that has the key and sends what the test wants."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.frames: list[tuple[int, bytes, bytes]] = []
        self.lost = asyncio.Event()

    def take_frame(self, stream: int, kind: bytes, content: bytes) -> None:
        self.frames.append((stream, kind, content))

    def on_lost(self, *, broken: bool) -> None:
        self.lost.set()

    async def receives(self, stream: int, kind: bytes) -> bytes:
        """The content of a frame, which must come."""

        def received() -> bytes | None:
            found = [
                content for number, of, content in self.frames if (number, of) == (stream, kind)
            ]
            return found[0] if found else None

        return bytes(await until(received))


@asynccontextmanager
async def outside_of(instance: Instance) -> AsyncIterator[tuple[Outside, str]]:
    """A connection to an instance, and the name of its target."""
    place = Address.parse(instance.address)
    peers: list[Outside] = []

    def session_of(connection: Connection) -> Outside:
        peers.append(Outside(connection))
        return peers[-1]

    own = Hub(session_of)
    await own.connect(place)
    yield peers[0], place.target
    await own.close()


@asynccontextmanager
async def raw(instance: Instance) -> AsyncIterator[socket.socket]:
    """A socket that is connected to an instance, without a handshake."""
    place = Address.parse(instance.address)
    with socket.socket() as raw:
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (place.host, place.port))
        yield raw


async def reads_to_the_end(raw: socket.socket) -> bytes:
    received = b""
    try:
        while part := await asyncio.get_running_loop().sock_recv(raw, 1000):
            received += part
    except ConnectionResetError:
        pass
    return received


async def test_with_nothing_set_a_call_within_one_process_opens_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DYN_REQUEST_PLANE")
    monkeypatch.setattr(TcpPlane, "stays_in_memory", True)

    async def refuse(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(Hub, "connect", refuse)
    async with (
        DistributedRuntime() as worker,
        DistributedRuntime() as runtime,
        served(endpoint_of(worker), echo),
    ):
        client = await client_of(endpoint_of(runtime))
        assert await collect(await client.generate(1)) == [1]


async def test_a_client_listens_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a socket was bound")

    monkeypatch.setattr(Hub, "_bind", refuse)
    async with DistributedRuntime() as runtime:
        await endpoint_of(runtime).client()


async def test_a_worker_listens_on_the_loopback_alone() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        [instance] = await instances_of("tcp")
    assert Address.parse(instance.address).host == "127.0.0.1"


async def test_all_requests_between_two_processes_use_one_connection_in_both_directions() -> None:
    ends: set[Any] = set()

    async with (
        DistributedRuntime() as worker,
        served(endpoint_of(worker), echo),
        DistributedRuntime() as runtime,
    ):
        client = await client_of(endpoint_of(runtime))
        [instance] = await instances_of("tcp")
        port = Address.parse(instance.address).port
        for number in range(5):
            assert await collect(await client.generate(number)) == [number]
            ends |= {
                (local, remote)
                for local, remote in connections()
                if port in (local.port, remote.port)
            }
        # Both ends of it, since both are in this process here.
        assert len(ends) == 2


async def test_a_key_that_is_wrong_is_refused_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("tcp")
        place = Address.parse(instance.address)
        wrong = place._replace(key=bytes(32), peer=bytes(16))
        async with plane_of("tcp") as plane:
            for _ in range(3):
                with pytest.raises(UnavailableError, match="the worker is not there"):
                    await plane.call(str(wrong), "id", b"1")
        assert await collect(await client.generate(1)) == [1]
        counted = await settled(runtime, 1)
    assert counted.errors == {}
    refusals = [one for one in caplog.records if "was refused, it has a wrong key" in one.message]
    assert len(refusals) == 1
    assert place.key.hex() not in caplog.text


async def test_the_key_is_in_no_message() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        [instance] = await instances_of("tcp")
    async with plane_of("tcp") as plane:
        with pytest.raises(UnavailableError) as caught:
            await plane.call(instance.address, "id", b"1")
    place = Address.parse(instance.address)
    assert place.key.hex() not in str(caught.value)
    assert place.place in str(caught.value)


async def test_who_took_over_the_port_of_a_worker_learns_neither_key_nor_request() -> None:
    received = bytearray()

    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(handshake.MAGIC + bytes(handshake.NONCE_BYTES))
        received.extend(await reader.read(1000))
        writer.write(bytes(32))
        received.extend(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(impostor, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    place = Address("127.0.0.1", port, bytes(16), b"k" * 32, address.own_loopback(), "x")
    async with plane_of("tcp") as plane:
        with pytest.raises(UnavailableError, match="it has a wrong key"):
            await plane.call(str(place), "id", b"the request")
    server.close()
    assert place.key not in received
    assert b"the request" not in received


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 100, b"\0" * 100, b"DYN\x01" * 25],
)
async def test_a_stranger_is_disconnected_and_costs_nobody_else(sent: bytes) -> None:
    wait = Gated()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        answer = await client.generate(None)
        await anext(answer)
        [instance] = await instances_of("tcp")
        async with raw(instance) as stranger:
            await asyncio.get_running_loop().sock_sendall(stranger, sent)
            greeting = await reads_to_the_end(stranger)
            assert greeting[: len(handshake.MAGIC)] == handshake.MAGIC
        wait.go_on.set()
        assert await collect(answer) == [2]


async def test_a_stranger_that_says_nothing_is_disconnected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HANDSHAKE_TIMEOUT", 0.05)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        [instance] = await instances_of("tcp")
        async with raw(instance) as stranger:
            await reads_to_the_end(stranger)


async def test_strangers_do_not_use_up_what_a_process_may_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "_MAX_STRANGERS", 2)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("tcp")
        async with raw(instance) as first, raw(instance), raw(instance):
            await reads_to_the_end(first)
            assert await collect(await client.generate(1)) == [1]


BAD_FRAMES = [
    struct.pack("!IQc", 0, 1, b"R"),
    struct.pack("!IQc", MAX_FRAME_BYTES + 1, 1, b"R"),
    b"\xff" * 100,
]


@pytest.mark.parametrize("sent", BAD_FRAMES, ids=["no kind", "too long", "noise"])
async def test_bytes_that_are_not_frames_cost_one_connection(sent: bytes) -> None:
    wait = Gated()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        answer = await client.generate(None)
        await anext(answer)
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (outside, target):
            outside.connection.post(1, b"R", target.encode() + b'\n{"v":1,"id":"a","size":1}\n1')
            await outside.receives(1, b"I")
            outside.connection._transport.write(sent)
            await outside.lost.wait()
        wait.go_on.set()
        assert await collect(answer) == [2]
        counted = await settled(runtime, 2)
    # The request of the bad peer counts as lost with its connection.
    assert (counted.succeeded, counted.errors) == (1, {"publish_response": 1})


async def test_a_message_that_is_no_request_is_counted_and_answered() -> None:
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
    ]
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (outside, target):
            for number, message in enumerate(messages):
                outside.connection.post(2 * number + 3, b"R", target.encode() + b"\n" + message)
                answer = await outside.receives(2 * number + 3, b"!")
                assert answer.startswith(b'{"code": "invalid_request", "message": "')
            outside.connection.post(1, b"R", b"another\n")
            assert b'"unavailable"' in await outside.receives(1, b"!")
        counted = await settled(runtime, len(messages))
        assert counted.errors == {"invalid_message": len(messages)}
        assert await collect(await client.generate(1)) == [1]


async def test_frames_out_of_place_do_no_harm() -> None:
    wait = Gated()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait):
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (outside, target):
            outside.connection.post(1, b"R", target.encode() + b'\n{"v":1,"id":"a","size":1}\n1')
            await outside.receives(1, b"I")
            for stream in (0, 1, 2, 77, 2**64 - 1):
                for kind in b"ACEIPK!+?R":
                    content = b"99999999999999999999"
                    outside.connection.post(stream, bytes([kind]), content)
            wait.go_on.set()
            await outside.receives(1, b"E")
        assert (await settled(runtime, 1)).succeeded == 1


def test_a_worker_whose_client_reads_nothing_ends_within_two_seconds() -> None:
    async def pour(request: Any) -> AsyncIterator[Any]:
        while True:
            yield "x" * 200_000

    async def end(loop: JumpingLoop) -> float:
        async with DistributedRuntime() as runtime, served(endpoint_of(runtime), pour):
            [instance] = await instances_of("tcp")
            async with outside_of(instance) as (outside, target):
                outside.connection._transport.pause_reading()
                opening = target.encode() + b"\n" + _frames.opening("id", 1, b"1")
                outside.connection.post(1, b"R", opening)
                outside.connection.post(1, b"+", b"1000000")
                hub: Any = runtime._shared.network().plane._hub  # type: ignore[attr-defined]
                await until(lambda: any(one.is_congested for one in hub._connections) or None)
                loop.jump()
                begun = loop.time()
                await runtime._shared.close()
                return loop.time() - begun

    assert run_jumping(end) < 2


async def test_a_request_on_a_connection_that_is_lost_before_it_is_sent_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect = Hub.connect

    async def connect_and_lose(own: Hub, place: Address) -> Connection:
        connection = await connect(own, place)
        connection.abort()
        await connection.closed
        return connection

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        monkeypatch.setattr(Hub, "connect", connect_and_lose)
        with pytest.raises(UnavailableError, match="the worker is not there"):
            await client.generate(1)


async def test_a_body_longer_than_announced_ends_the_request() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (outside, target):
            outside.connection.post(1, b"R", target.encode() + b'\n{"v":1,"id":"a","size":9}\n1')
            await outside.receives(1, b"A")
            outside.connection.post(1, b"C", b"x" * 100)
            error = await outside.receives(1, b"!")
        assert b"longer than the head of the request says" in error
        assert await collect(await client.generate(1)) == [1]


async def test_a_peer_that_goes_away_in_the_middle_of_a_frame_or_a_body_is_forgotten() -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (outside, target):
            outside.connection.post(1, b"R", target.encode() + b'\n{"v":1,"id":"a","size":9}\n1')
            await outside.receives(1, b"A")
            outside.connection._transport.write(header(1000, 1, b"C") + b"x" * 10)
        assert await collect(await client.generate(1)) == [1]
        counted = await settled(runtime, 2)
        assert (counted.succeeded, counted.errors) == (1, {"invalid_message": 1})
        assert incomplete(runtime) == (0, 0)


async def test_incomplete_bodies_are_limited_and_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bodies, "MAX_INCOMPLETE_REQUESTS", 3)
    monkeypatch.setattr(_bodies, "MAX_INCOMPLETE_BYTES", 1000)
    async with DistributedRuntime() as runtime:
        serving = asyncio.create_task(endpoint_of(runtime).serve_endpoint(echo))
        client = await client_of(endpoint_of(runtime))
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (first, target), outside_of(instance) as (second, _):
            opening = target.encode() + b"\n" + _frames.opening("id", 10_000, b"x" * 100)
            for stream in (1, 3):
                first.connection.post(stream, b"R", opening)
                await first.receives(stream, b"A")
            second.connection.post(1, b"R", opening)
            await second.receives(1, b"A")
            second.connection.post(3, b"R", opening)  # whichever peer they come from
            assert b"waits for the bodies of 3 requests" in await second.receives(3, b"!")
            assert incomplete(runtime) == (3, 300)
            # Requests that are complete at once are taken all the same.
            assert await collect(await client.generate(1)) == [1]

            second.connection.post(1, b"C", b"x" * 701)
            error = await second.receives(1, b"!")
            assert b"holds 300 bytes of requests that are incomplete" in error
            assert incomplete(runtime) == (2, 200)
            first.connection.post(1, b"X")
            await until(lambda: incomplete(runtime) == (1, 100) or None)

            runtime.shutdown()
            await serving
            assert b"it is shutting down" in await first.receives(3, b"!")
            assert incomplete(runtime) == (0, 0)


async def test_a_body_that_makes_no_progress_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bodies, "PROGRESS_TIMEOUT", 0.3)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (outside, target):
            opening = _frames.opening("id", 10, b"1")
            outside.connection.post(1, b"R", target.encode() + b"\n" + opening)
            await outside.receives(1, b"A")
            while incomplete(runtime) != (0, 0):
                outside.connection.post(1, b"C", b"")  # is no progress
                await asyncio.sleep(0.01)
            assert b"nothing of the body came for 0.3 s" in await outside.receives(1, b"!")


async def test_a_silent_peer_is_lost_for_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = Gated()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        monkeypatch.setattr(connection, "KEEPALIVE_INTERVAL", 0.05)
        monkeypatch.setattr(connection, "_KEEPALIVE", b"")
        answer = await client.generate(None)
        await anext(answer)
        monkeypatch.setattr(connection, "PEER_TIMEOUT", 0.2)  # not before the handshake is done
        with pytest.raises(ConnectionLostError):
            await anext(answer)
        counted = await settled(runtime, 1)
    assert counted.cancelled + counted.errors.get("publish_response", 0) == 1


async def test_keepalives_keep_a_quiet_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEPALIVE_INTERVAL", 0.02)
    wait = Gated()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
        answer = await client.generate(None)
        await anext(answer)
        monkeypatch.setattr(connection, "PEER_TIMEOUT", 0.2)
        await asyncio.sleep(0.5)
        wait.go_on.set()
        assert await collect(answer) == [2]


async def test_a_worker_that_is_stopped_and_killed_refuses_what_it_has_not_taken(
    start: Start,
) -> None:
    worker = start("answers.py")
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        await collect(await client.generate("end"))
        worker.freeze()
        asking = asyncio.create_task(client.generate(None))
        await asyncio.sleep(0.1)
        assert not asking.done()
        worker.interrupt(signal.SIGKILL)
        with pytest.raises(UnavailableError, match=r"^the worker is not there: it has stopped"):
            await asking


async def test_a_killed_worker_with_a_forked_child_is_noticed_at_once(start: Start) -> None:
    worker = start("answers.py")
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        answer = await client.generate("fork")
        pid = await anext(answer)
        child = await anext(answer)
        worker.interrupt(signal.SIGKILL)
        with pytest.raises(ConnectionLostError):
            await anext(answer)
        while client.instance_ids():
            await client.wait_for_change()
        os.kill(child, 0)  # it still runs
        assert pid == worker.pid


async def test_a_client_that_leaves_while_it_connects_leaves_nothing_behind() -> None:
    handler = Gated()
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), handler) as client:
        for _ in range(3):
            asking = asyncio.create_task(client.generate(None))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait({asking})
        handler.go_on.set()
        assert await collect(await client.generate(None)) == [1, 2]


async def test_a_reader_that_is_slow_does_not_fill_the_memory_of_the_sender() -> None:
    sent = 0
    large = "x" * CHUNK_BYTES

    async def flood(request: Any) -> AsyncIterator[str]:
        nonlocal sent
        while True:
            sent += 1
            yield large

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), flood):
        [instance] = await instances_of("tcp")
        async with outside_of(instance) as (outside, target):
            outside.connection._transport.pause_reading()
            opening = target.encode() + b'\n{"v":1,"id":"a","size":1}\n1'
            for stream in range(1, 201, 2):
                outside.connection.post(stream, b"R", opening)
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.2)
            # A hundred streams might be 3,200 items ahead: the connection holds them up before.
            assert sent < 300
            outside.connection.abort()
        await settled(runtime, 100)


async def test_other_hosts_reach_a_worker_that_listens_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_TCP_RPC_HOST", "0.0.0.0")
    monkeypatch.setenv("POD_IP", "127.0.0.1")
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("tcp")
        assert Address.parse(instance.address).loopback == ""
        assert await collect(await client.generate(1)) == [1]


async def test_discovery_by_nats_leads_to_workers_that_listen_themselves(
    nats: NatsServer, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "DYN_REQUEST_PLANE": "tcp",
        "DYN_DISCOVERY_BACKEND": "nats",
        "DYN_TCP_RPC_HOST": "0.0.0.0",
        "NATS_SERVER": nats.url,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    worker = start("answers.py", POD_IP="127.0.0.1", **settings)
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        assert await collect(await client.generate("end")) == [worker.pid]
        answer = await client.generate(None)
        assert await anext(answer) == worker.pid
        nats.kill()  # nothing of a request goes through it
        assert await collect(await client.generate("end")) == [worker.pid]
        worker.interrupt(signal.SIGKILL)
        with pytest.raises(ConnectionLostError):
            await anext(answer)


async def test_ipv6_works_too(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this host has no IPv6")
    monkeypatch.setenv("DYN_TCP_RPC_HOST", "::1")
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        assert await collect(await client.generate(1)) == [1]


async def test_an_address_that_cannot_be_listened_on_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_TCP_RPC_HOST", "192.0.2.1")
    async with DistributedRuntime() as runtime:
        with pytest.raises(
            OSError, match=r"^DYN_TCP_RPC_HOST=192.0.2.1 cannot be listened on: .* name an address"
        ):
            await endpoint_of(runtime).serve_endpoint(echo)


async def test_the_loopback_of_another_host_is_not_used() -> None:
    async with DistributedRuntime() as runtime, discovery_of("tcp") as discovery:
        place = Address("127.0.0.1", 1, bytes(16), bytes(32), "another.1", "x")
        await discovery.register(Instance("ns", "comp", "generate", 1, "tcp", str(place)))
        await discovery.register(Instance("ns", "comp", "generate", 2, "tcp", "unreadable"))
        client = await endpoint_of(runtime).client()
        with pytest.raises(TimeoutError, match="2 on another request plane"):
            await client.wait_for_instances(0.01)


async def test_a_refused_body_of_many_chunks_does_not_wait_for_ever() -> None:
    async def refuse(request: Any) -> AsyncIterator[int]:
        raise InvalidRequestError("no")
        yield

    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), refuse) as client:
        with pytest.raises(InvalidRequestError):
            await collect(await client.generate("x" * (100 * CHUNK_BYTES)))


async def test_a_runtime_that_is_left_while_it_connects_fails_its_requests() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    never = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = never.sockets[0].getsockname()[1]
    place = Address("127.0.0.1", port, bytes(16), b"k" * 32, address.own_loopback(), "x")
    async with plane_of("tcp") as plane:
        asking = asyncio.create_task(plane.call(str(place), "id", b"1"))
        await asyncio.sleep(0.1)
        assert not asking.done()
    with pytest.raises(UnavailableError, match="this runtime was shut down"):
        await asking
    never.close()


async def test_many_processes_may_dial_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        [instance] = await instances_of("tcp")
        outcomes: Counter[bytes] = Counter()

        async def one() -> None:
            async with outside_of(instance) as (outside, target):
                opening = target.encode() + b'\n{"v":1,"id":"a","size":1}\n1'
                outside.connection.post(1, b"R", opening)
                outcomes[await outside.receives(1, b"I")] += 1

        await asyncio.gather(*(one() for _ in range(100)))
        assert outcomes == {b"1": 100}
    assert logged_here(caplog) == []


frames = st.lists(
    st.tuples(st.integers(0, 2**64 - 1), st.binary(min_size=1, max_size=1), st.binary(max_size=300))
)


@given(frames, st.lists(st.integers(1, 50), min_size=1))
def test_frames_are_what_was_sent_however_the_bytes_arrive(
    sent: list[tuple[int, bytes, bytes]], steps: list[int]
) -> None:
    received: list[tuple[int, bytes, bytes]] = []
    splitter = Splitter(lambda *frame: received.append(frame))
    data = b"".join(
        header(1 + len(content), stream, kind) + content for stream, kind, content in sent
    )
    place, turn = 0, 0
    while place < len(data):
        step = steps[turn % len(steps)]
        splitter.feed(data[place : place + step])
        place, turn = place + step, turn + 1
    assert received == sent


@given(st.binary(max_size=2000))
def test_any_bytes_are_frames_or_an_error(data: bytes) -> None:
    splitter = Splitter(lambda *_: None)
    with contextlib.suppress(BadFramingError):
        splitter.feed(data)


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_address_is_read_as_it_was_written(namespace: str, endpoint: str) -> None:
    place = Address("[::1]", 8080, bytes(16), b"k" * 32, "boot.1", f"{namespace}/{endpoint}")
    assert Address.parse(str(place)) == place

"""Whatever arrives from NATS: one bad message costs one message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dynamo._nats import connection
from dynamo.discovery import Instance
from dynamo.discovery.nats import BUCKET
from dynamo.request_plane import _bodies, _frames
from dynamo.request_plane.nats import wire
from dynamo.runtime import Client, ConnectionLostError, DistributedRuntime, UnavailableError
from tests.support.client import fetch
from tests.support.nats import NatsServer
from tests.support.nats_link import link_to
from tests.support.serving import (
    Gated,
    collect,
    discovery_of,
    endpoint_of,
    incomplete,
    instances_of,
    served,
    until,
)


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


async def publish_raw(nats: NatsServer, *commands: bytes) -> None:
    """Sends commands of NATS' protocol, and returns when the server has handled them."""
    host, _, port = nats.url.rpartition("//")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
        writer.write(b"".join(commands) + b"PING\r\n")
        while (line := await reader.readline()) != b"PONG\r\n":
            assert line.startswith(b"INFO"), line
    finally:
        writer.close()
        await writer.wait_closed()


def pub(subject: bytes, body: bytes, reply: bytes = b"") -> bytes:
    return b"PUB %s %s %d\r\n%s\r\n" % (subject, reply, len(body), body)


def hpub(subject: bytes, headers: bytes, body: bytes = b"") -> bytes:
    sizes = (len(headers), len(headers) + len(body))
    return b"HPUB %s %d %d\r\n%s%s\r\n" % (subject, *sizes, headers, body)


HOSTILE = {
    "a reply subject that is not UTF-8": lambda to: pub(to + b".new", b"{}", b"\xff\xfe"),
    "a subject that is not UTF-8": lambda to: pub(to + b".\xff", b"{}"),
    "a form feed in the subject": lambda to: pub(to + b".a\x0cb", b"{}"),
    "a form feed in the reply subject": lambda to: pub(to + b".new", b"{}", b"a\x0bb"),
    "a header of one byte": lambda to: hpub(to + b".new", b"N"),
    "a status that is not UTF-8": lambda to: hpub(to + b".new", b"NATS/1.0 \xff\r\n\r\n"),
    "a status alone": lambda to: hpub(to + b".new", b"NATS/1.0 "),
    "a long reply subject": lambda to: pub(
        to + b".new", _frames.opening("id", 1, b"1"), b"r" * 3900
    ),
    "a reply subject with a wildcard": lambda to: pub(
        to + b".new", _frames.opening("id", 1, b"1"), b"a.>"
    ),
}


async def test_a_hostile_message_disturbs_no_request(on_nats: NatsServer) -> None:
    for message in HOSTILE.values():
        wait = Gated()
        async with DistributedRuntime() as runtime, served(endpoint_of(runtime), wait) as client:
            answer = await client.generate(None)
            assert await anext(answer) == 1
            [instance] = await instances_of("nats")
            subjects = [instance.address, answer._stream.reply_subject.rpartition(".")[0]]
            await publish_raw(on_nats, *(message(to.encode()) for to in subjects))
            wait.go_on.set()
            assert await collect(answer) == [2]
            assert await collect(await client.generate(None)) == [1, 2]


async def test_a_hostile_entry_of_discovery_hides_no_other(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for message in HOSTILE.values():
        monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
        async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
            prefixes = (b"instances.ns.comp.generate", b"runtimes")
            await publish_raw(
                on_nats, *(message(b"$KV.%s.%s" % (BUCKET.encode(), prefix)) for prefix in prefixes)
            )
            async with discovery_of("nats") as later:
                assert len((await later.watch("ns", "comp", "generate")).instances) == 1
                assert len(await later.targets()) == 1
            assert await collect(await client.generate(1)) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "PONG",
        "NONSENSE",
        "INFO {",
        "INFO []",
        "-ERR",
        "-ERR 'Slow Consumer'",
        "MSG a",
        "MSG a b 1",
        "HMSG a 1 9 2",
        "MSG a 1 -5",
    ],
)
async def test_a_worker_that_nats_confuses_is_back_before_any_ping(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    monkeypatch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")
    monkeypatch.setattr(connection, "PING_INTERVAL", 3600)
    monkeypatch.setattr(wire, "KEEPALIVE_INTERVAL", 0.2)  # a request may be lost with a connection
    async with link_to(on_nats) as link, DistributedRuntime() as runtime:
        client = await endpoint_of(runtime).client()
        with monkeypatch.context() as through:
            through.setenv("NATS_SERVER", link.url)
            worker = DistributedRuntime()
            async with worker, served(endpoint_of(worker), echo):
                await client.wait_for_instances()
                link.tell_clients(line)
                await until_answered(client)
                await until_status(worker, 200)


async def test_an_answer_to_a_cancelled_flush_is_passed_over(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with link_to(on_nats) as link:
        monkeypatch.setenv("NATS_SERVER", link.url)
        async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
            wait = Gated()
            async with served(endpoint_of(runtime, "ns/comp/wait"), wait) as gated:
                answer = await gated.generate(None)
                assert await anext(answer) == 1
                other = endpoint_of(runtime, "ns/comp/other")
                link.hold("PING")
                serving = asyncio.create_task(other.serve_endpoint(echo))
                await link.held.wait()
                serving.cancel()
                link.release()
                await asyncio.wait({serving})
                wait.go_on.set()
                assert await collect(answer) == [2]
            assert await collect(await client.generate(1)) == [1]


async def test_health_is_not_ready_while_nats_is_away(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYN_SYSTEM_PORT", "0")
    monkeypatch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        assert await status(runtime) == 200
        on_nats.kill()
        await until_status(runtime, 503)
        on_nats.start()
        await until_status(runtime, 200)


async def test_an_address_that_is_no_subject_is_passed_over(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [here] = client.instance_ids()
        async with discovery_of("nats") as discovery:
            for number, address in enumerate(["a b", "a..b", "*", "a.>", "x" * 5000, "é\ud800"], 1):
                if number < 6:
                    bad = Instance("ns", "comp", "generate", number, "nats", address)
                    await discovery.register(bad)
            usable = Instance("ns", "comp", "generate", 77, "nats", "dynamo.nobody")
            await discovery.register(usable)
            # Entries arrive in order: the last one shows that the client knows the others.
            await until(lambda: set(client.instance_ids()) == {here, 77} or None)
        for number in range(4):
            assert await collect(await client.generate(number)) == [number]


async def test_a_stranger_cannot_guess_where_frames_of_a_request_go(on_nats: NatsServer) -> None:
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        streams = []
        for _ in range(3):
            answer = await client.generate(1)
            streams.append(answer._stream)
            await collect(answer)
        for subjects in (
            [stream.target for stream in streams],
            [stream.reply_subject for stream in streams],
        ):
            keys = [subject.rpartition(".")[2] for subject in subjects]
            assert len(set(keys)) == 3
            assert all(len(key) == 16 for key in keys)


async def test_incomplete_bodies_are_limited_and_visible(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bodies, "MAX_INCOMPLETE_REQUESTS", 3)
    monkeypatch.setattr(_bodies, "MAX_INCOMPLETE_BYTES", 1000)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        [instance] = await instances_of("nats")
        told: dict[str, bytes] = {}
        targets: dict[str, str] = {}

        async def note(message: Any) -> None:
            told[message.subject] = message.data
            targets[message.subject] = message.reply

        import nats as nats_py

        async with await nats_py.connect(on_nats.url) as outside:
            await outside.subscribe("peer.*", cb=note)
            for number in range(4):
                opening = _frames.opening("id", 10_000, b"x" * 100)
                await outside.publish(f"{instance.address}.new", opening, f"peer.{number}")
            await until(lambda: len(told) == 4 or None)
            assert [told[f"peer.{number}"][:1] for number in range(4)] == [b"A", b"A", b"A", b"!"]
            assert b"waits for the bodies of 3 requests" in told["peer.3"]
            assert incomplete(runtime) == (3, 300)
            # Requests that are complete at once are taken all the same.
            assert await collect(await client.generate(1)) == [1]

            await outside.publish(targets["peer.0"], _frames.CHUNK + b"x" * 701, "peer.0")
            await until(lambda: told["peer.0"][:1] == b"!" or None)
            assert b"holds 300 bytes of requests that are incomplete" in told["peer.0"]
            assert incomplete(runtime) == (2, 200)
            for number in (1, 2):
                await outside.publish(targets[f"peer.{number}"], _frames.CANCEL)
            while incomplete(runtime) != (0, 0):
                await asyncio.sleep(0.01)


async def test_a_body_that_makes_no_progress_is_given_up(
    on_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bodies, "PROGRESS_TIMEOUT", 0.3)
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo):
        [instance] = await instances_of("nats")
        import nats as nats_py

        async with await nats_py.connect(on_nats.url) as outside:
            targets = await outside.subscribe("peer")
            opening = _frames.opening("id", 10, b"1")
            await outside.publish(f"{instance.address}.new", opening, "peer")
            target = (await targets.next_msg(timeout=10)).reply
            while incomplete(runtime) != (0, 0):
                await outside.publish(target, _frames.KEEPALIVE, "peer")
                await asyncio.sleep(0.01)
            assert b"nothing of the body came for 0.3 s" in (await targets.next_msg(10)).data


async def until_answered(client: Client) -> None:
    """Returns when a request is answered again, and the one before it was not lost."""
    answered = 0
    while answered < 2:
        try:
            assert await collect(await client.generate(1)) == [1]
            answered += 1
        except ConnectionLostError:
            answered = 0
        except UnavailableError:
            answered = 0
            await asyncio.sleep(0.01)


async def until_status(runtime: DistributedRuntime, expected: int) -> None:
    while await status(runtime) != expected:
        await asyncio.sleep(0.01)


async def status(runtime: DistributedRuntime) -> int:
    assert runtime.system_status_address is not None
    return (await asyncio.to_thread(fetch, runtime.system_status_address, "/health")).status

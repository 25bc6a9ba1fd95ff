"""The targets: input from other processes, and what must hold. An exception is a finding."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from nats.errors import ProtocolError

from dynamo._nats.client import RobustClient
from dynamo._nats.parser import Parser
from dynamo._tcp import Connection
from dynamo.discovery._records import Instance, Model, Target, from_json, to_json
from dynamo.discovery.file import store
from dynamo.request_plane import _frames
from dynamo.request_plane._bodies import Incomplete
from dynamo.request_plane._errors import RequestError
from dynamo.request_plane.nats.worker import NatsServed
from dynamo.request_plane.tcp.client import TcpStream
from dynamo.request_plane.tcp.wire import Wire
from dynamo.request_plane.tcp.worker import TcpServed, take_request
from fuzz.python._fakes import NatsWire, Receiver, Transport, no_handshake

_loop = asyncio.new_event_loop()
_loop.set_exception_handler(lambda _, context: _unhandled.append(context))
_unhandled: list[dict[str, Any]] = []


def _pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """The first byte says where the rest is cut."""
    size = 1 + data[0] if data else 1
    rest = data[1:]
    return rest, [rest[start : start + size] for start in range(0, len(rest), size)]


def _run(coroutine: Any) -> Any:
    result = _loop.run_until_complete(coroutine)
    assert not _unhandled, _unhandled
    return result


def tcp_frames(data: bytes) -> None:
    """Frames of a peer on the plane ``tcp``: wherever they are cut, the same happens."""
    whole, pieces = _pieces(data)
    assert _run(_tcp([whole])) == _run(_tcp(pieces))


async def _tcp(pieces: list[bytes]) -> Any:
    receiver, transport = Receiver(), Transport()
    endpoints: dict[str, TcpServed] = {}
    incomplete, nowhere = Incomplete(), cast(Any, None)
    TcpServed(endpoints, "t", receiver, incomplete, nowhere)

    def take(wire: Wire, stream: int, content: bytes) -> None:
        take_request(endpoints, wire, stream, content)

    connection = Connection(no_handshake(), lambda connection, _: Wire(connection, take))
    connection.connection_made(transport)  # type: ignore[arg-type]
    wire: Any = connection.session
    stream = TcpStream(wire, set())
    opening = asyncio.ensure_future(stream.open("t", "id", b"x"))
    await asyncio.sleep(0)
    for piece in pieces:
        if transport.is_aborted:
            break
        connection.data_received(piece)
    await receiver.settle()
    connection.connection_lost(None)
    await asyncio.sleep(0)
    opening.cancel()
    [outcome] = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(outcome, Exception) and not isinstance(outcome, RequestError):
        raise outcome
    assert (incomplete.requests, incomplete.bytes) == (0, 0)
    assert (receiver.incomplete_requests, receiver.incomplete_bytes) == (0, 0)
    return transport.is_aborted, receiver.log


class _Client(RobustClient):
    """A client whose messages go to one endpoint."""

    def __init__(self, served: NatsServed) -> None:
        super().__init__(lambda: None, only_tls=False)
        self._served = served
        self.log: list[Any] = []

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        fields = await self._process_headers(headers) if headers else None
        self.log.append((sid, subject, reply, data, headers))
        if subject == b"a.call":
            # The subject of a call cannot be guessed: the input calls the oldest open one so.
            subject = next(iter(self._served._calls), "a.call").encode()
        message = self._build_message(sid, subject, reply, data, fields)
        await self._served._on_frame(message)

    async def _process_err(self, err_msg: str) -> None:
        self.log.append(err_msg)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        self.log.append(info)

    async def _process_pong(self) -> None:
        self.log.append("pong")


def nats_frames(data: bytes) -> None:
    """What a NATS server sends to a worker: wherever it is cut, the same happens."""
    whole, pieces = _pieces(data)
    assert _run(_nats([whole])) == _run(_nats(pieces))


async def _nats(pieces: list[bytes]) -> Any:
    receiver, wire, incomplete = Receiver(), NatsWire(), Incomplete()
    calls: set[Any] = set()
    served = NatsServed(wire, calls, incomplete, "a", receiver)  # type: ignore[arg-type]
    client = _Client(served)
    parser = Parser(client)
    outcome = "parsed"
    try:
        for piece in pieces:
            await parser.parse(piece)
    except ProtocolError:
        outcome = "refused"
    await receiver.settle()
    for call in list(served._calls.values()):
        call.disconnect(lost=True)
    assert (incomplete.requests, incomplete.bytes) == (0, 0)
    assert (receiver.incomplete_requests, receiver.incomplete_bytes) == (0, 0)
    return outcome, client.log, receiver.log


def discovery_entries(data: bytes) -> None:
    """What is stored in NATS or in a file: a record, or one ``ValueError`` of one line."""
    for kind in (Instance, Target, Model):
        try:
            record = from_json(kind, data)
        except ValueError as error:
            assert len(str(error).splitlines()) == 1, str(error)
        else:
            assert from_json(kind, to_json(record)) == record
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        store._parse(data)
    try:
        _frames.parse_error(data)
        opening = _frames.parse_opening(data)
    except _frames.BadFrameError:
        return
    json.dumps(opening.id)
    opening.id.encode()


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (tcp_frames, nats_frames, discovery_entries)
}

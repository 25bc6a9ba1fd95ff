"""The worker's end of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from dynamo._tcp.framing import CHUNK_BYTES
from dynamo.prometheus_names import work_handler
from dynamo.request_plane import _frames
from dynamo.request_plane._bodies import Body, Incomplete
from dynamo.request_plane._errors import InvalidRequestError, RequestError, UnavailableError
from dynamo.request_plane._flow import WINDOW, Credits
from dynamo.request_plane._protocol import ClientDisconnectedError, Receiver, Served
from dynamo.request_plane.tcp.wire import Wire

_DRAINING = "the worker does not accept requests: it is shutting down"
_invalid_message = work_handler.error_types.INVALID_MESSAGE


class TcpServed:
    """An endpoint that accepts requests under its target, those of its own process in memory."""

    def __init__(
        self,
        endpoints: dict[str, TcpServed],
        target: str,
        receiver: Receiver,
        incomplete: Incomplete,
        in_memory: Served,
    ) -> None:
        """Enter it into ``endpoints``; ``incomplete`` counts the bodies of a whole runtime."""
        self.receiver = receiver
        self.incomplete = incomplete
        self.incomplete_calls: set[TcpCall] = set()
        self._endpoints = endpoints
        self._target = target
        self._in_memory = in_memory
        endpoints[target] = self

    async def close(self) -> None:
        """Stop accepting requests, also those whose bodies have not arrived completely."""
        self._endpoints.pop(self._target, None)
        for call in list(self.incomplete_calls):
            call.refuse(UnavailableError(_DRAINING))
        await self._in_memory.close()


def take_request(
    endpoints: Mapping[str, TcpServed], wire: Wire, stream: int, content: bytes
) -> None:
    """Have the endpoint of its target take a request, or refuse it."""
    target, _, data = content.partition(b"\n")
    served = endpoints.get(target.decode(errors="replace"))
    if served is None:
        name = unquote(target.decode(errors="replace")[:200], errors="replace")
        _refuse(wire, stream, UnavailableError(f"the worker does not serve {name}: it has stopped"))
        return
    try:
        opening = _frames.parse_opening(data)
    except _frames.BadFrameError as problem:
        served.receiver.rejected(len(data), _invalid_message)
        _refuse(wire, stream, InvalidRequestError(str(problem)))
        return
    if not served.receiver.accepting:
        _refuse(wire, stream, UnavailableError(_DRAINING))
        return
    try:
        call = TcpCall(wire, stream, opening, served)
    except UnavailableError as full:
        _refuse(wire, stream, full)
        return
    wire.post(stream, _frames.ACCEPTED)
    if call.complete:
        served.receiver.accept(call)


def _refuse(wire: Wire, stream: int, error: RequestError) -> None:
    wire.post(stream, _frames.ERROR, _frames.error(error)[1:])


class TcpCall:
    """One request: first its body arrives, then it is answered."""

    def __init__(
        self, wire: Wire, stream: int, opening: _frames.Opening, served: TcpServed
    ) -> None:
        """Begin with its first frame.

        If that is not all, the receiver of ``served`` gets it when the rest has arrived. Raises
        ``UnavailableError`` if too many bodies are incomplete.
        """
        receiver = served.receiver
        self.id = opening.id
        self._body = Body(
            opening.first, opening.size, served.incomplete, receiver.incomplete, self.refuse
        )
        self._wire = wire
        self._connection = wire.connection
        self._stream = stream
        self._served = served
        self._unreturned_credits = 0
        self._credits = Credits()
        self._disconnected = False
        self._lost = False
        self._on_disconnect: Callable[[], None] | None = None
        wire.ends[stream] = self
        if not self.complete:
            served.incomplete_calls.add(self)

    @property
    def complete(self) -> bool:
        """Whether the whole body has arrived."""
        return self._body.complete

    @property
    def payload(self) -> bytes:
        """The body."""
        return self._body.data

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the client disconnects."""
        self._on_disconnect = callback
        if self._disconnected:
            callback()

    async def send(self, item: bytes) -> None:
        """Send one item, when the client has room. Raises ``ClientDisconnectedError``."""
        if len(item) > CHUNK_BYTES:
            *parts, item = _frames.parts(item, CHUNK_BYTES)
            for part in parts:
                await self._send(_frames.PART, part)
        await self._send(_frames.ITEM, item)

    async def _send(self, kind: bytes, content: bytes) -> None:
        await self._credits.take()
        if self._connection.is_congested:
            await self._connection.room()
            if self._disconnected:
                raise ClientDisconnectedError(lost=self._lost)
        self._wire.post(self._stream, kind, content)

    async def finish(self, error: RequestError | None = None) -> None:
        """End the answer. Raises ``ClientDisconnectedError``."""
        self._wire.ends.pop(self._stream, None)
        if self._disconnected:
            raise ClientDisconnectedError(lost=self._lost)
        if error is None:
            self._wire.post(self._stream, _frames.END)
        else:
            self._wire.post(self._stream, _frames.ERROR, _frames.error(error)[1:])

    def take_frame(self, kind: bytes, content: bytes) -> None:
        """Handle what the client has sent."""
        if kind == _frames.CREDIT:
            self._credits.add(_frames.parse_credit(content))
        elif kind == _frames.CANCEL:
            self._disconnect(lost=False)
        elif kind == _frames.CHUNK and not self.complete:
            self._take_chunk(content)

    def on_lost(self, *, broken: bool) -> None:
        """End with the loss of the client, or of the way to it."""
        self._disconnect(lost=broken)

    def refuse(self, error: RequestError) -> None:
        """End a request whose body is not complete."""
        _refuse(self._wire, self._stream, error)
        self._disconnect(lost=False)

    def _take_chunk(self, content: bytes) -> None:
        problem = self._body.add(content)
        if problem is not None:
            self.refuse(problem)
            return
        self._unreturned_credits += 1
        if self._unreturned_credits >= WINDOW // 2:
            count = b"%d" % self._unreturned_credits
            self._wire.post_urgent(self._stream, _frames.CREDIT, count)
            self._unreturned_credits = 0
        if self.complete:
            self._served.incomplete_calls.discard(self)
            self._served.receiver.accept(self)

    def _disconnect(self, *, lost: bool) -> None:
        self._wire.ends.pop(self._stream, None)
        if self._disconnected:
            return
        self._disconnected = True
        self._lost = lost
        self._credits.close(lambda: ClientDisconnectedError(lost=lost))
        if not self.complete:
            self._served.incomplete_calls.discard(self)
            self._body.release()
            self._served.receiver.rejected(len(self.payload), _invalid_message)
        if self._on_disconnect is not None:
            self._on_disconnect()

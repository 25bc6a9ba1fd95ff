"""The worker's side of the NATS plane."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from dynamo._nats import NO_RESPONDERS, Connection, Subscription, status
from dynamo.prometheus_names import work_handler
from dynamo.request_plane import _frames
from dynamo.request_plane._errors import (
    ConnectionLostError,
    InvalidRequestError,
    RequestError,
    UnavailableError,
)
from dynamo.request_plane._flow import WINDOW, Credits
from dynamo.request_plane._protocol import CallerGoneError, Receiver
from dynamo.request_plane._wire import Wire

if TYPE_CHECKING:
    from nats.aio.msg import Msg


error_types = work_handler.error_types


class NatsServed:
    """An endpoint that is reachable under its subject."""

    def __init__(self, wire: Wire, calls: set[NatsCall], address: str, receiver: Receiver) -> None:
        self._wire = wire
        self._all_calls = calls
        self._address = address
        self._receiver = receiver
        self._numbers = itertools.count(1)
        self._calls: dict[str, NatsCall] = {}
        self._subscription: Subscription | None = None

    async def open(self, connection: Connection) -> None:
        """Be reachable: when this returns, NATS knows it."""
        self._subscription = await connection.subscribe(f"{self._address}.*", self._on_frame)
        await connection.client.flush()

    async def close(self) -> None:
        """Be reachable no more."""
        if self._subscription is not None:
            await self._subscription.close()

    async def _on_frame(self, message: Msg) -> None:
        what = message.subject.rpartition(".")[2]
        if what == "new":
            await self._on_opening(message)
            return
        if what == "alive":
            return  # that we are is all it asks
        call = self._calls.get(message.subject)
        if call is not None:
            if call.take_frame(message):
                self._receiver.accept(call)
        elif message.reply and message.data[:1] in (_frames.CHUNK, _frames.ALIVE):
            lost = ConnectionLostError("the worker does not know this request any more")
            self._wire.post(message.reply, _frames.error(lost))

    async def _on_opening(self, message: Msg) -> None:
        try:
            opening = _frames.parse_opening(message.data)
        except _frames.BadFrameError as problem:
            self._receiver.rejected(len(message.data), error_types.INVALID_MESSAGE)
            if message.reply:
                refusal = InvalidRequestError(str(problem))
                self._wire.post(message.reply, _frames.error(refusal))
            return
        if not message.reply:
            self._receiver.rejected(len(message.data), error_types.INVALID_MESSAGE)
        elif not self._receiver.accepting:
            refused = UnavailableError("the worker takes no more requests: it is shutting down")
            self._wire.post(message.reply, _frames.error(refused))
        else:
            back = f"{self._address}.{next(self._numbers)}"
            call = NatsCall(self._wire, opening, message.reply, back, self._forget)
            self._calls[back] = call
            self._all_calls.add(call)
            try:
                await self._wire.publish(call.target, _frames.ACCEPTED, back)
            except ConnectionLostError:
                self._forget(call)
                self._receiver.rejected(opening.size, error_types.RESPONSE_STREAM)
                return
            if call.complete:
                self._receiver.accept(call)

    def _forget(self, call: NatsCall) -> None:
        self._calls.pop(call.back, None)
        self._all_calls.discard(call)


class NatsCall:
    """The worker's end of one request: first its body arrives, then it is answered."""

    def __init__(
        self,
        wire: Wire,
        opening: _frames.Opening,
        target: str,
        back: str,
        forget: Callable[[NatsCall], None],
    ) -> None:
        self.id = opening.id
        self.target = target
        self.back = back
        self.sent = self.heard = wire.now()
        self._wire = wire
        self._forget = forget
        self._body = [opening.first]
        self._missing = opening.size - len(opening.first)
        self._owed = 0
        self._credits = Credits()
        self._gone = False
        self._lost = False
        self._on_gone: Callable[[], None] | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole body is there."""
        return self._missing == 0

    @property
    def payload(self) -> bytes:
        """The body."""
        if len(self._body) > 1:
            self._body = [b"".join(self._body)]
        return self._body[0]

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when nobody waits for the answer any more."""
        self._on_gone = callback
        if self._gone:
            callback()

    async def send(self, item: bytes) -> None:
        """Send one item, when the client has room. Raises ``CallerGoneError``."""
        *parts, last = _frames.parts(item, self._wire.chunk)
        for part in parts:
            await self._send(_frames.PART + part)
        await self._send(_frames.ITEM + last)

    async def _send(self, frame: bytes) -> None:
        await self._credits.take()
        await self._publish(frame)

    async def finish(self, error: RequestError | None = None) -> None:
        """End the answer. Raises ``CallerGoneError`` if nobody waits for it."""
        self._forget(self)
        if self._gone:
            if self._lost:
                # Only we may have lost NATS: the client, if it is there, must not wait for ever.
                lost = ConnectionLostError("the worker lost the connection to its client")
                self._wire.post(self.target, _frames.error(lost))
            raise CallerGoneError(lost=self._lost)
        await self._publish(_frames.END if error is None else _frames.error(error))

    async def _publish(self, frame: bytes) -> None:
        self.sent = self._wire.now()
        try:
            await self._wire.publish(self.target, frame, self.back)
        except ConnectionLostError:
            raise CallerGoneError(lost=True) from None

    def take_frame(self, message: Msg) -> bool:
        """Handle what the client, or NATS in its place, has sent; True if the body is complete."""
        if status(message) == NO_RESPONDERS:
            self.leave()
            return False
        self.heard = self._wire.now()
        kind, content = message.data[:1], message.data[1:]
        if kind == _frames.CHUNK and self._missing > 0:
            return self._take_chunk(content)
        if kind == _frames.CREDIT:
            self._credits.add(_frames.parse_credit(content))
        elif kind == _frames.CANCEL:
            self.leave()
        return False

    def _take_chunk(self, content: bytes) -> bool:
        self._body.append(content)
        self._missing -= len(content)
        if self._missing < 0:
            too_much = InvalidRequestError("the body is longer than the head of the request says")
            self._wire.post(self.target, _frames.error(too_much))
            self.leave()
            return False
        self._owed += 1
        if self._owed >= WINDOW // 2:
            self._wire.post(self.target, _frames.credit(self._owed), self.back)
            self._owed = 0
        return self.complete

    def silent(self) -> None:
        """Give the client up: nothing was heard of it for ``SILENCE``."""
        self.leave(lost=True)

    def leave(self, *, lost: bool = False) -> None:
        """Nobody waits for the answer any more; ``lost`` if not by choice."""
        self._forget(self)
        if not self._gone:
            self._gone = True
            self._lost = lost
            self._credits.close(lambda: CallerGoneError(lost=lost))
            if self._on_gone is not None:
                self._on_gone()

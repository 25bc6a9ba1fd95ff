"""The worker's end of a request."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from dynamo._nats import Connection, Subscription, is_no_responders, is_subject
from dynamo.prometheus_names import work_handler
from dynamo.request_plane import _frames
from dynamo.request_plane._bodies import Body, Incomplete, Report
from dynamo.request_plane._errors import (
    ConnectionLostError,
    InvalidRequestError,
    RequestError,
    UnavailableError,
)
from dynamo.request_plane._flow import WINDOW, Credits
from dynamo.request_plane._protocol import ClientDisconnectedError, Receiver
from dynamo.request_plane.nats.wire import Wire

if TYPE_CHECKING:
    from nats.aio.msg import Msg


_error_types = work_handler.error_types


class NatsServed:
    """An endpoint that accepts requests under its subject."""

    def __init__(
        self,
        wire: Wire,
        plane_calls: set[NatsCall],
        incomplete: Incomplete,
        address: str,
        receiver: Receiver,
    ) -> None:
        """Enter each call into ``plane_calls`` and ``incomplete``, which all endpoints share."""
        self._wire = wire
        self._plane_calls = plane_calls
        self._incomplete = incomplete
        self._address = address
        self._receiver = receiver
        self._calls: dict[str, NatsCall] = {}
        self._clients: set[str] = set()
        self._subscription: Subscription | None = None

    async def open(self, connection: Connection) -> None:
        """Accept requests: when this returns, NATS delivers them. Raises ``ConnectionError``."""
        import nats.errors

        connection.on_lost.append(self._on_lost)
        connection.on_restored.append(self._on_restored)
        self._subscription = await connection.subscribe(f"{self._address}.*", self._on_frame)
        try:
            await connection.again(lambda: connection.call(connection.client.flush))
        except nats.errors.Error as error:
            raise ConnectionError(f"NATS at {connection} has not answered: {error}") from None

    async def close(self) -> None:
        """Stop accepting requests."""
        connection = self._wire.connection
        with suppress(ValueError):  # it was never open
            connection.on_lost.remove(self._on_lost)
            connection.on_restored.remove(self._on_restored)
        if self._subscription is not None:
            await self._subscription.close()

    async def _on_frame(self, message: Msg) -> None:
        name = message.subject.rpartition(".")[2]
        if name == "new":
            await self._on_opening(message)
            return
        if name == "alive":
            # Without this subscription NATS says "no responders". With it, a request that was
            # lost with an earlier connection of this worker is not known.
            if message.reply not in self._clients and is_subject(message.reply):
                lost = UnavailableError("the request did not reach the worker")
                self._wire.post(message.reply, _frames.error(lost))
            return
        call = self._calls.get(message.subject)
        if call is not None:
            if call.take_frame(message):
                self._receiver.accept(call)
        elif is_subject(message.reply) and message.data[:1] in (_frames.CHUNK, _frames.KEEPALIVE):
            unknown = ConnectionLostError("the worker no longer has this request")
            self._wire.post(message.reply, _frames.error(unknown))

    async def _on_opening(self, message: Msg) -> None:
        try:
            opening = _frames.parse_opening(message.data)
        except _frames.BadFrameError as problem:
            self._receiver.rejected(len(message.data), _error_types.INVALID_MESSAGE)
            if is_subject(message.reply):
                refusal = InvalidRequestError(str(problem))
                self._wire.post(message.reply, _frames.error(refusal))
            return
        if not is_subject(message.reply):
            self._receiver.rejected(len(message.data), _error_types.INVALID_MESSAGE)
        elif not self._receiver.accepting:
            refused = UnavailableError("the worker does not accept requests: it is shutting down")
            self._wire.post(message.reply, _frames.error(refused))
        else:
            await self._accept(opening, message.reply)

    async def _accept(self, opening: _frames.Opening, target: str) -> None:
        reply_subject = f"{self._address}.{secrets.token_hex(8)}"
        try:
            call = NatsCall(
                self._wire,
                opening,
                (self._incomplete, self._receiver.incomplete),
                target,
                reply_subject,
                self._remove,
            )
        except UnavailableError as full:
            self._wire.post(target, _frames.error(full))
            return
        self._calls[reply_subject] = call
        self._clients.add(target)
        self._plane_calls.add(call)
        try:
            await self._wire.publish(target, _frames.ACCEPTED, reply_subject)
        except ConnectionLostError:
            self._remove(call)
            self._receiver.rejected(opening.size, _error_types.RESPONSE_STREAM)
            return
        if call.complete:
            self._receiver.accept(call)

    def _remove(self, call: NatsCall) -> None:
        if self._calls.pop(call.reply_subject, None) is None:
            return
        self._clients.discard(call.target)
        self._plane_calls.discard(call)
        if not call.complete:
            call.body.release()
            self._receiver.rejected(len(call.payload), _error_types.INVALID_MESSAGE)

    def _on_lost(self) -> None:
        self._receiver.reachable(False)

    def _on_restored(self) -> None:
        self._receiver.reachable(True)


class NatsCall:
    """One request: first its body arrives, then it is answered."""

    def __init__(
        self,
        wire: Wire,
        opening: _frames.Opening,
        counted: tuple[Incomplete, Report],
        target: str,
        reply_subject: str,
        on_end: Callable[[NatsCall], None],
    ) -> None:
        """Count its body as ``counted`` says. Raises ``UnavailableError``."""
        self.id = opening.id
        self.body = Body(opening.first, opening.size, *counted, self._refuse)
        self.target = target
        self.reply_subject = reply_subject
        self.last_sent = self.last_received = wire.now()
        self._wire = wire
        self._on_end = on_end
        self._unreturned_credits = 0
        self._credits = Credits()
        self._disconnected = False
        self._lost = False
        self._on_disconnect: Callable[[], None] | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole body has arrived."""
        return self.body.complete

    @property
    def payload(self) -> bytes:
        """The body."""
        return self.body.data

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the client disconnects."""
        self._on_disconnect = callback
        if self._disconnected:
            callback()

    async def send(self, item: bytes) -> None:
        """Send one item, when the client has room. Raises ``ClientDisconnectedError``."""
        *parts, last = _frames.parts(item, self._wire.chunk_bytes)
        for part in parts:
            await self._send(_frames.PART + part)
        await self._send(_frames.ITEM + last)

    async def _send(self, frame: bytes) -> None:
        await self._credits.take()
        await self._publish(frame)

    async def finish(self, error: RequestError | None = None) -> None:
        """End the answer. Raises ``ClientDisconnectedError``."""
        self._on_end(self)
        if self._disconnected:
            if self._lost:
                # Perhaps only this side lost NATS: a client that still waits must not for ever.
                lost = ConnectionLostError("the worker lost the connection to its client")
                self._wire.post(self.target, _frames.error(lost))
            raise ClientDisconnectedError(lost=self._lost)
        await self._publish(_frames.END if error is None else _frames.error(error))

    async def _publish(self, frame: bytes) -> None:
        self.last_sent = self._wire.now()
        try:
            await self._wire.publish(self.target, frame, self.reply_subject)
        except ConnectionLostError:
            raise ClientDisconnectedError(lost=True) from None

    def take_frame(self, message: Msg) -> bool:
        """Handle what the client, or NATS in its place, has sent; True if the body is complete."""
        if is_no_responders(message):
            self.disconnect()
            return False
        kind, content = message.data[:1], message.data[1:]
        self.last_received = self._wire.now()
        if kind == _frames.CHUNK and not self.complete:
            return self._take_chunk(content)
        if kind == _frames.CREDIT:
            self._credits.add(_frames.parse_credit(content))
        elif kind == _frames.CANCEL:
            self.disconnect()
        return False

    def _take_chunk(self, content: bytes) -> bool:
        problem = self.body.add(content)
        if problem is not None:
            self._refuse(problem)
            return False
        self._unreturned_credits += 1
        if self._unreturned_credits >= WINDOW // 2:
            frame = _frames.credit(self._unreturned_credits)
            self._wire.post(self.target, frame, self.reply_subject)
            self._unreturned_credits = 0
        return self.complete

    def _refuse(self, problem: RequestError) -> None:
        self._wire.post(self.target, _frames.error(problem))
        self.disconnect()

    def time_out(self) -> None:
        """Give the client up."""
        self.disconnect(lost=True)

    def disconnect(self, *, lost: bool = False) -> None:
        """Note that the client disconnected; ``lost`` if the connection broke."""
        self._on_end(self)
        if not self._disconnected:
            self._disconnected = True
            self._lost = lost
            self._credits.close(lambda: ClientDisconnectedError(lost=lost))
            if self._on_disconnect is not None:
                self._on_disconnect()

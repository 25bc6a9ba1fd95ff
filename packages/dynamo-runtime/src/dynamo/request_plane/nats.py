"""The plane through a NATS server, for clients and workers on any host. Needs nats-py.

What goes over the wire is described in ``_frames``; nothing of it is stored.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from dynamo._nats import NO_RESPONDERS, Connection, Subscription, status, token
from dynamo.request_plane import _frames
from dynamo.request_plane._errors import ConnectionLostError, RequestError, UnavailableError
from dynamo.request_plane._flow import WINDOW, Credits, Inbox
from dynamo.request_plane._nats_worker import NatsCall, NatsServed
from dynamo.request_plane._protocol import Receiver
from dynamo.request_plane._wire import SILENCE, Wire

if TYPE_CHECKING:
    from nats.aio.msg import Msg


class NatsPlane:
    """Brings requests to workers that use the same NATS server, or the same cluster of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = connection.client.new_inbox()
        self._numbers = itertools.count(1)
        self._streams: dict[str, NatsStream] = {}
        self._calls: set[NatsCall] = set()
        self._wire = Wire(connection, lambda: [*self._streams.values(), *self._calls])
        self._subscription: Subscription | None = None
        connection.lost.append(self._on_lost)

    @classmethod
    async def open(cls) -> NatsPlane:
        """Connect. Raises ``ValueError``, ``ImportError`` or ``ConnectionError``, as it goes."""
        connection = await Connection.acquire()
        plane = cls(connection)
        plane._subscription = await connection.subscribe(f"{plane._inbox}.*", plane._on_frame)
        return plane

    def address(self, namespace: str, component: str, endpoint: str, instance_id: int) -> str:
        """Return the subject of an instance of an endpoint; requests go to ``.new`` below it."""
        names = ".".join(map(token, (namespace, component, endpoint)))
        return f"dynamo.{names}.{instance_id:x}"

    def reaches(self, address: str) -> bool:
        """Every instance that is registered for this plane is reachable."""
        return True

    async def serve(self, address: str, receiver: Receiver) -> NatsServed:
        """Bring requests for ``address`` to ``receiver``."""
        served = NatsServed(self._wire, self._calls, address, receiver)
        await served.open(self._connection)
        return served

    async def call(self, address: str, request_id: str, payload: bytes) -> NatsStream:
        """Bring a request to ``address``, and return when the worker has taken it.

        Raises ``UnavailableError`` if nobody takes it there, ``ConnectionLostError`` if NATS or the
        worker is lost meanwhile, ``InvalidRequestError`` if the worker refuses it.
        """
        back = f"{self._inbox}.{next(self._numbers)}"
        stream = NatsStream(self._wire, self._streams, f"{address}.alive", back)
        first, *rest = _frames.parts(payload, self._wire.chunk)
        opening = _frames.opening(request_id, len(payload), first)
        try:
            await self._wire.publish(f"{address}.new", opening, stream.back)
            await stream.taken()
            for chunk in rest:
                await stream.upload(chunk)
        except BaseException:
            stream.cancel()
            raise
        return stream

    async def close(self) -> None:
        """Let go of NATS. Calls under way are lost."""
        self._connection.lost.remove(self._on_lost)
        for stream in list(self._streams.values()):
            stream.fail(ConnectionLostError("this runtime was shut down"))
            stream.leave()
        await self._wire.close()
        if self._subscription is not None:
            await self._subscription.close()
        await self._connection.release()

    async def _on_frame(self, message: Msg) -> None:
        stream = self._streams.get(message.subject)
        if stream is not None:
            stream.take_frame(message)
        elif message.reply and message.data[:1] not in (_frames.END, _frames.ERROR):
            # Nobody here waits for that answer any more.
            self._wire.post(message.reply, _frames.CANCEL)

    def _on_lost(self) -> None:
        for stream in list(self._streams.values()):
            stream.fail(
                ConnectionLostError(
                    f"the connection to NATS at {self._connection} broke before the answer was "
                    "complete: send the request again"
                )
            )
        for call in list(self._calls):
            call.leave(lost=True)


class NatsStream:
    """The client's end of one request."""

    def __init__(self, wire: Wire, among: dict[str, NatsStream], target: str, back: str) -> None:
        self.back = back
        self.target = target  # until the worker names one for this request
        self.sent = self.heard = wire.now()
        self._wire = wire
        self._among = among
        self._inbox = Inbox()
        self._parts: list[bytes] = []
        self._owed = 0
        self._accepted = False
        self._taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._refusal: RequestError | None = None
        self._credits = Credits()
        among[back] = self

    async def taken(self) -> None:
        """Wait until the worker has taken the request. Raises the reason if it does not."""
        await self._taken
        if self._refusal is not None:
            raise self._refusal

    async def upload(self, chunk: bytes) -> None:
        """Send a further chunk of the body."""
        await self._credits.take()
        self.sent = self._wire.now()
        await self._wire.publish(self.target, _frames.CHUNK + chunk, self.back)

    async def receive(self) -> bytes | None:
        """Return the next item, None after the last. Raises what the answer ended with."""
        item = await self._inbox.get()
        if item is not None:
            self._allow_one_more()
        return item

    def cancel(self) -> None:
        """Tell the worker that nobody waits."""
        self._inbox.clear()
        self.leave()

    def leave(self) -> None:
        """Hear no more, and say so to the worker if it has not ended the answer."""
        if self._among.pop(self.back, None) is not None and self._accepted:
            self._wire.post(self.target, _frames.CANCEL)

    def take_frame(self, message: Msg) -> None:
        """Handle what the worker, or NATS in its place, has sent."""
        if status(message) == NO_RESPONDERS:
            self.fail(
                ConnectionLostError("the worker was lost before the answer was complete")
                if self._accepted
                else UnavailableError("the worker is not there: it has stopped, or lost NATS")
            )
            return
        self.heard = self._wire.now()
        kind, content = message.data[:1], message.data[1:]
        if kind == _frames.ITEM:
            if self._parts:
                content = b"".join([*self._parts, content])
                self._parts.clear()
            self._inbox.put(content)
        elif kind == _frames.PART:
            self._parts.append(content)
            self._allow_one_more()
        elif kind == _frames.ACCEPTED:
            self.target = message.reply
            self._accepted = True
            self._settle()
        elif kind == _frames.CREDIT:
            self._credits.add(_frames.parse_credit(content))
        elif kind == _frames.END:
            self._end(None)
        elif kind == _frames.ERROR:
            self._end(_frames.parse_error(content))

    def silent(self) -> None:
        """Give the worker up."""
        self.fail(
            ConnectionLostError(f"nothing was heard of the worker for {SILENCE:.0f} s: it is lost")
        )

    def fail(self, error: RequestError) -> None:
        """End with an error that the worker did not tell."""
        if self._accepted:
            self._wire.post(self.target, _frames.CANCEL)
        self._end(error)

    def _end(self, error: RequestError | None) -> None:
        self._among.pop(self.back, None)
        if not self._accepted:
            self._refusal = error
        self._inbox.end(error)
        self._credits.close(lambda: error or ConnectionLostError("the worker ended the request"))
        self._settle()

    def _settle(self) -> None:
        if not self._taken.done():
            self._taken.set_result(None)

    def _allow_one_more(self) -> None:
        self._owed += 1
        if self._owed >= WINDOW // 2 and not self._inbox.ended:
            self.sent = self._wire.now()
            self._wire.post(self.target, _frames.credit(self._owed), self.back)
            self._owed = 0

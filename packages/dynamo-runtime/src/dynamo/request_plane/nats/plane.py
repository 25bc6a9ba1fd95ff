"""Brings requests to the workers of the same NATS server or cluster."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from dynamo._nats import Connection, Subscription, is_subject, token
from dynamo.request_plane import _frames
from dynamo.request_plane._bodies import Incomplete
from dynamo.request_plane._errors import ConnectionLostError, UnavailableError
from dynamo.request_plane._protocol import Receiver
from dynamo.request_plane.nats.client import NatsStream
from dynamo.request_plane.nats.wire import Wire
from dynamo.request_plane.nats.worker import NatsCall, NatsServed

if TYPE_CHECKING:
    from nats.aio.msg import Msg


class NatsPlane:
    """The requests of one runtime."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = f"_INBOX.{secrets.token_hex(16)}"
        self._incomplete = Incomplete()
        self._streams: dict[str, NatsStream] = {}
        self._calls: set[NatsCall] = set()
        self._wire = Wire(connection, lambda: [*self._streams.values(), *self._calls])
        self._subscription: Subscription | None = None
        connection.on_lost.append(self._on_lost)

    @classmethod
    async def open(cls) -> NatsPlane:
        """Connect. Raises ``ValueError``, ``ImportError`` or ``ConnectionError``."""
        connection = await Connection.acquire()
        plane = cls(connection)
        try:
            plane._subscription = await connection.subscribe(f"{plane._inbox}.*", plane._on_frame)
        except BaseException:
            await plane.close()
            raise
        return plane

    def address(self, namespace: str, component: str, endpoint: str, instance_id: int) -> str:
        """Return the subject of an instance of an endpoint; requests go to ``.new`` below it."""
        names = ".".join(map(token, (namespace, component, endpoint)))
        return f"dynamo.{names}.{instance_id:x}"

    def reaches(self, address: str) -> bool:
        """Whether the address is a subject: then any worker behind it can be reached."""
        return is_subject(address)

    async def serve(self, address: str, receiver: Receiver) -> NatsServed:
        """Bring requests for ``address`` to ``receiver``."""
        served = NatsServed(self._wire, self._calls, self._incomplete, address, receiver)
        try:
            await served.open(self._connection)
        except BaseException:
            await served.close()
            raise
        return served

    async def call(self, address: str, request_id: str, payload: bytes) -> NatsStream:
        """Send a request to ``address``, and return when the worker has taken it.

        Raises ``UnavailableError`` if no worker takes it there, ``ConnectionLostError`` if NATS or
        the worker is lost meanwhile, ``InvalidRequestError`` if the worker refuses it.
        """
        if not self.reaches(address):
            raise UnavailableError(f"the address {address[:100]!r} of the worker is not a subject")
        reply_subject = f"{self._inbox}.{secrets.token_hex(8)}"
        stream = NatsStream(self._wire, self._streams, address, reply_subject)
        try:
            await stream.open(request_id, payload)
        except BaseException:
            stream.cancel()
            raise
        return stream

    async def close(self) -> None:
        """Fail the open requests of this runtime's clients, and release the connection."""
        self._connection.on_lost.remove(self._on_lost)
        for stream in list(self._streams.values()):
            stream.fail(ConnectionLostError("this runtime was shut down"))
            stream.disconnect()
        # Each step is taken even if the one before it is cancelled, since NATS does not answer.
        async with AsyncExitStack() as steps:
            steps.push_async_callback(self._connection.release)
            if self._subscription is not None:
                steps.push_async_callback(self._subscription.close)
            await self._wire.close()

    async def _on_frame(self, message: Msg) -> None:
        stream = self._streams.get(message.subject)
        if stream is not None:
            stream.take_frame(message)
        elif is_subject(message.reply) and message.data[:1] not in (_frames.END, _frames.ERROR):
            # The request was cancelled before the worker named a subject for it.
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
            call.disconnect(lost=True)

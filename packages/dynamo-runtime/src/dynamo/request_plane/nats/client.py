"""The client's end of a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dynamo._nats import is_no_responders, is_subject
from dynamo.request_plane import _frames
from dynamo.request_plane._errors import ConnectionLostError, RequestError, UnavailableError
from dynamo.request_plane._flow import WINDOW, Credits, Inbox
from dynamo.request_plane.nats import wire as wires

if TYPE_CHECKING:
    from nats.aio.msg import Msg


class NatsStream:
    """One request and its answer."""

    def __init__(
        self,
        wire: wires.Wire,
        streams: dict[str, NatsStream],
        address: str,
        reply_subject: str,
    ) -> None:
        """Enter it into ``streams``, by the subject on which the worker answers."""
        self.reply_subject = reply_subject
        self.target = f"{address}.alive"  # until the worker names a subject for this request
        self.last_sent = self.last_received = wire.now()
        self._wire = wire
        self._address = address
        self._streams = streams
        self._inbox = Inbox()
        self._parts: list[bytes] = []
        self._unreturned_credits = 0
        self._accepted = False
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._refusal: RequestError | None = None
        self._credits = Credits()
        streams[reply_subject] = self

    async def open(self, request_id: str, payload: bytes) -> None:
        """Send the request, and return when the worker has taken all of it.

        Raises the ``RequestError`` with which it did not.
        """
        first, *rest = _frames.parts(payload, self._wire.chunk_bytes)
        opening = _frames.opening(request_id, len(payload), first)
        await self._wire.publish(f"{self._address}.new", opening, self.reply_subject)
        await self._settled
        if self._refusal is not None:
            raise self._refusal
        for chunk in rest:
            await self._credits.take()
            self.last_sent = self._wire.now()
            await self._wire.publish(self.target, _frames.CHUNK + chunk, self.reply_subject)

    async def receive(self) -> bytes | None:
        """Return the next item, None after the last. Raises what the answer ended with."""
        item = await self._inbox.get()
        if item is not None:
            self._return_credit()
        return item

    def cancel(self) -> None:
        """Cancel the request."""
        self._inbox.clear()
        self.disconnect()

    def disconnect(self) -> None:
        """Stop listening, and tell the worker if it has not ended the answer."""
        if self._streams.pop(self.reply_subject, None) is not None and self._accepted:
            self._wire.post(self.target, _frames.CANCEL)

    def take_frame(self, message: Msg) -> None:
        """Handle what the worker, or NATS in its place, has sent."""
        if is_no_responders(message):
            self.fail(
                ConnectionLostError("the worker was lost before the answer was complete")
                if self._accepted
                else UnavailableError("the worker is not there: it has stopped, or lost NATS")
            )
            return
        self.last_received = self._wire.now()
        kind, content = message.data[:1], message.data[1:]
        if kind == _frames.ITEM:
            if self._parts:
                content = b"".join([*self._parts, content])
                self._parts.clear()
            self._inbox.put(content)
        elif kind == _frames.PART:
            self._parts.append(content)
            self._return_credit()
        elif kind == _frames.ACCEPTED and is_subject(message.reply):
            self.target = message.reply
            self._accepted = True
            self._settle()
        elif kind == _frames.CREDIT:
            self._credits.add(_frames.parse_credit(content))
        elif kind == _frames.END:
            self._end(None)
        elif kind == _frames.ERROR:
            self._end(_frames.parse_error(content))

    def time_out(self) -> None:
        """Give the worker up."""
        self.fail(
            ConnectionLostError(
                f"no frame came from the worker for {wires.PEER_TIMEOUT:g} s: it is lost"
            )
        )

    def fail(self, error: RequestError) -> None:
        """End with an error that does not come from the worker."""
        if self._accepted:
            self._wire.post(self.target, _frames.CANCEL)
        self._end(error)

    def _end(self, error: RequestError | None) -> None:
        self._streams.pop(self.reply_subject, None)
        if not self._accepted:
            self._refusal = error
        self._inbox.end(error)
        self._credits.close(lambda: error or ConnectionLostError("the worker ended the request"))
        self._settle()

    def _settle(self) -> None:
        if not self._settled.done():
            self._settled.set_result(None)

    def _return_credit(self) -> None:
        self._unreturned_credits += 1
        if self._unreturned_credits >= WINDOW // 2 and not self._inbox.ended:
            self.last_sent = self._wire.now()
            frame = _frames.credit(self._unreturned_credits)
            self._wire.post(self.target, frame, self.reply_subject)
            self._unreturned_credits = 0

"""The client's end of a request."""

from __future__ import annotations

import asyncio

from dynamo._tcp.framing import CHUNK_BYTES
from dynamo.request_plane import _frames
from dynamo.request_plane._errors import ConnectionLostError, RequestError, UnavailableError
from dynamo.request_plane._flow import WINDOW, Credits, Inbox
from dynamo.request_plane.tcp.wire import REQUEST, Wire


class TcpStream:
    """One request and its answer."""

    def __init__(self, wire: Wire, streams: set[TcpStream]) -> None:
        """Enter it into ``streams``, the open ones of a plane."""
        self._wire = wire
        self._streams = streams
        self._inbox = Inbox()
        self._parts: list[bytes] = []
        self._unreturned_credits = 0
        self._accepted = False
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._refusal: RequestError | None = None
        self._credits = Credits()
        self._number = wire.add(self)
        streams.add(self)

    async def open(self, target: str, request_id: str, payload: bytes) -> None:
        """Send the request, and return when the worker has taken all of it.

        Raises the ``RequestError`` with which it did not.
        """
        if not self._wire.connection.is_up:  # lost since it was opened: nothing else will say so
            self.on_lost(broken=False)
        first, *rest = _frames.parts(payload, CHUNK_BYTES)
        opening = _frames.opening(request_id, len(payload), first)
        await self._send(REQUEST, b"%s\n%s" % (target.encode(), opening))
        await self._settled
        if self._refusal is not None:
            raise self._refusal
        for chunk in rest:
            await self._credits.take()
            await self._send(_frames.CHUNK, chunk)

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
        if self._wire.ends.pop(self._number, None) is not None:
            self._wire.post(self._number, _frames.CANCEL)
        self._streams.discard(self)

    def fail(self, error: RequestError) -> None:
        """End with an error that does not come from the worker."""
        self.disconnect()
        self._end(error)

    def take_frame(self, kind: bytes, content: bytes) -> None:
        """Handle what the worker has sent."""
        if kind == _frames.ITEM:
            if self._parts:
                content = b"".join([*self._parts, content])
                self._parts.clear()
            self._inbox.put(content)
        elif kind == _frames.PART:
            self._parts.append(content)
            self._return_credit()
        elif kind == _frames.ACCEPTED:
            self._accepted = True
            self._settle()
        elif kind == _frames.CREDIT:
            self._credits.add(_frames.parse_credit(content))
        elif kind == _frames.END:
            self._end(None)
        elif kind == _frames.ERROR:
            self._end(_frames.parse_error(content))

    def on_lost(self, *, broken: bool) -> None:
        """End with the loss of the worker, or of the way to it."""
        if not self._accepted:
            self._end(UnavailableError("the worker is not there: it has stopped"))
        elif broken:
            self._end(
                ConnectionLostError(
                    "the connection to the worker broke before the answer was complete: "
                    "send the request again"
                )
            )
        else:
            self._end(ConnectionLostError("the worker was lost before the answer was complete"))

    def _end(self, error: RequestError | None) -> None:
        self._wire.ends.pop(self._number, None)
        self._streams.discard(self)
        if not self._accepted:
            self._refusal = error or ConnectionLostError("the worker ended the request")
        self._inbox.end(error)
        self._credits.close(lambda: error or ConnectionLostError("the worker ended the request"))
        self._settle()

    async def _send(self, kind: bytes, content: bytes) -> None:
        if self._wire.connection.is_congested:
            await self._wire.connection.room()
        if self._number in self._wire.ends:
            self._wire.post(self._number, kind, content)

    def _settle(self) -> None:
        if not self._settled.done():
            self._settled.set_result(None)

    def _return_credit(self) -> None:
        self._unreturned_credits += 1
        if self._unreturned_credits >= WINDOW // 2 and not self._inbox.ended:
            count = b"%d" % self._unreturned_credits
            self._wire.post_urgent(self._number, _frames.CREDIT, count)
            self._unreturned_credits = 0

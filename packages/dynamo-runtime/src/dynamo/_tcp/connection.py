"""One connection between two processes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from dynamo import _fork
from dynamo._tcp.framing import BadFramingError, Splitter, header
from dynamo._tcp.handshake import Handshake, RefusedError

KEEPALIVE_INTERVAL = 5.0
"""Seconds without a frame sent, after which a keepalive is sent."""
PEER_TIMEOUT = 60.0
"""Seconds without anything received, after which the peer counts as lost."""
HANDSHAKE_TIMEOUT = 10.0
"""Seconds that a connection has to prove that it has the key."""
_KEEPALIVE = header(1, 0, b"K")
_BATCH_BYTES = 8 * 1024
"""Bytes of frames that are collected, at most until the event loop's next turn. The peer works on
one batch while this process fills the next one."""
_URGENT_BATCH = 8
"""Urgent frames that are collected after the first one of a turn, which is sent at once."""
_LOST_PEER = (ConnectionResetError, BrokenPipeError)


class Session(Protocol):
    """What uses a connection."""

    def take_frame(self, stream: int, kind: bytes, content: bytes) -> None:
        """Handle a frame. Raises ``BadFramingError`` to end the connection."""
        ...

    def on_lost(self, *, broken: bool) -> None:
        """Handle the end: ``broken`` is False if the peer closed the connection, or died."""
        ...


class Connection(asyncio.Protocol):
    """A connection that carries frames once the handshake is done.

    Frames that are posted within one turn of the event loop are sent together.
    """

    def __init__(
        self, handshake: Handshake, on_open: Callable[[Connection, bytes], Session]
    ) -> None:
        """Have ``on_open(connection, peer)`` called when the handshake is done."""
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.is_dialler = False
        self._loop = loop
        self._handshake: Handshake | None = handshake
        self._on_open = on_open
        self._expected = 0
        self._received = bytearray()
        self.session: Session | None = None
        self._splitter: Splitter | None = None
        self._transport: Any = None
        self._descriptor = -1
        self._frames: list[bytes] = []
        self._size = 0
        self._turn_begun = False
        self._urgent = 0
        self._paused = False
        self._senders: deque[asyncio.Future[None]] = deque()
        self._broken = False
        self._sent = self._heard = False
        self._silence = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_up(self) -> bool:
        """Whether frames can be sent."""
        return self.session is not None and not self.closed.done()

    @property
    def is_congested(self) -> bool:
        """Whether the peer reads more slowly than this process sends."""
        return self._paused

    def post(self, stream: int, kind: bytes, content: bytes = b"") -> None:
        """Send a frame, without waiting. After the end of the connection it is dropped."""
        if not self._turn_begun:
            self._turn_begun = True
            self._loop.call_soon(self._end_turn)
        size = 1 + len(content)
        self._frames.append(header(size, stream, kind))
        self._frames.append(content)
        self._size += size
        if self._size > _BATCH_BYTES:
            self._flush()

    def post_urgent(self, stream: int, kind: bytes, content: bytes) -> None:
        """Send a frame that the peer may be waiting for, soon rather than with many others."""
        self.post(stream, kind, content)
        if self._urgent % _URGENT_BATCH == 0:
            self._flush()
        self._urgent += 1

    async def room(self) -> None:
        """Wait until the peer has read most of what was sent, or the connection has ended.

        Senders that wait are let through one after the other.
        """
        while self._paused and not self.closed.done():
            waiter = self._loop.create_future()
            self._senders.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._wake_sender()
                raise
            # The frame of this sender is posted before the next one looks for room.
            self._loop.call_soon(self._wake_sender)

    def close(self) -> None:
        """Close the connection when all that was posted has been sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once, as one that is broken."""
        self._broken = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = transport
        self._descriptor = transport.get_extra_info("socket").fileno()
        _fork.withhold(self._descriptor)
        timeout = PEER_TIMEOUT if self.is_dialler else HANDSHAKE_TIMEOUT
        self._timer = self._loop.call_later(timeout, self.abort)
        self._advance(None)

    def data_received(self, data: bytes) -> None:
        """Handle received bytes."""
        self._heard = True
        if self._splitter is None:
            self._received += data
            while self._handshake is not None and len(self._received) >= self._expected:
                part = bytes(self._received[: self._expected])
                del self._received[: self._expected]
                self._advance(part)
            if self._splitter is None:
                return
            data = bytes(self._received)
            self._received.clear()
        try:
            self._splitter.feed(data)
        except BadFramingError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        _fork.forget(self._descriptor)
        if self._timer is not None:
            self._timer.cancel()
        if exc is not None and not isinstance(exc, _LOST_PEER):
            self._broken = True
        self._frames.clear()
        self.closed.set_result(None)
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionResetError("it closed the connection"))
            self.opened.exception()  # it may have no waiter
        senders, self._senders = self._senders, deque()
        for waiter in senders:
            if not waiter.done():
                waiter.set_result(None)
        if self.session is not None:
            self.session.on_lost(broken=self._broken)

    def pause_writing(self) -> None:
        """Note that the peer reads too slowly."""
        self._paused = True

    def resume_writing(self) -> None:
        """Let the first sender through."""
        self._paused = False
        self._wake_sender()

    def _advance(self, received: bytes | None) -> None:
        handshake = self._handshake
        if handshake is None:
            return
        try:
            answer, self._expected = handshake.send(received)  # type: ignore[arg-type]
            self._transport.write(answer)
            if self._expected == 0:
                handshake.send(b"")
        except StopIteration as end:
            self._handshake = None
            self._open(end.value)
        except RefusedError as error:
            self._handshake = None
            self._fail(error)

    def _open(self, peer: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.session = self._on_open(self, peer)
        self._splitter = Splitter(self.session.take_frame)
        self._timer = self._loop.call_later(KEEPALIVE_INTERVAL / 2, self._check)
        self.opened.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()
        self.abort()

    def _end_turn(self) -> None:
        self._turn_begun = False
        self._urgent = 0
        self._flush()

    def _flush(self) -> None:
        frames = self._frames
        if not frames or self._transport is None:
            return
        if not self._transport.is_closing():
            self._sent = True
            self._transport.write(b"".join(frames))
        frames.clear()
        self._size = 0

    def _wake_sender(self) -> None:
        while self._senders and not self._paused:
            waiter = self._senders.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break

    def _check(self) -> None:
        """Send a keepalive if nothing else was sent; drop a peer that sends nothing.

        The silence is counted in turns of this timer: an event loop that was blocked has not
        listened meanwhile.
        """
        interval = KEEPALIVE_INTERVAL / 2
        self._timer = self._loop.call_later(interval, self._check)
        self._silence = 0.0 if self._heard else self._silence + interval
        if not self._sent:
            self._transport.write(_KEEPALIVE)
        self._heard = self._sent = False
        if self._silence > PEER_TIMEOUT:
            self.abort()

"""Publishes frames, sends keepalives and times peers out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from dynamo import _tasks
from dynamo._nats import Connection
from dynamo.request_plane import _frames
from dynamo.request_plane._errors import ConnectionLostError

CHUNK_BYTES = 256 * 1024
"""Bytes of a body in one frame, if NATS takes that much."""
KEEPALIVE_INTERVAL = 5.0
"""Seconds without a frame sent, after which a peer sends a keepalive."""
PEER_TIMEOUT = 60.0
"""Seconds without a frame received, after which the peer counts as lost."""
_HEADROOM = 4096
"""Bytes of NATS' limit that are left for what goes around a chunk, both subjects among it."""


class Peer(Protocol):
    """One end of a request.

    ``last_sent`` and ``last_received`` are the loop's times of the last frames. Frames go to
    ``target``; NATS answers on ``reply_subject`` when nobody listens there.
    """

    last_sent: float
    last_received: float
    target: str
    reply_subject: str

    def time_out(self) -> None:
        """Give the other end up: no frame came for ``PEER_TIMEOUT``."""
        ...


class Wire:
    """Publishes the frames of one plane, and watches over its peers."""

    def __init__(self, connection: Connection, peers: Callable[[], Iterable[Peer]]) -> None:
        import nats.errors

        loop = asyncio.get_running_loop()
        self.connection = connection
        self.now = loop.time
        self._failures = (nats.errors.Error, OSError)
        self._peers = peers
        self._posts: asyncio.Queue[tuple[str, bytes, str]] = asyncio.Queue()
        self._tasks = [
            loop.create_task(self._publish_posts()),
            loop.create_task(self._watch_peers()),
        ]

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a body in one frame."""
        return max(1, min(CHUNK_BYTES, self.connection.client.max_payload - _HEADROOM))

    async def publish(self, subject: str, frame: bytes, reply: str) -> None:
        """Publish a frame, when NATS has room for it. Raises ``ConnectionLostError``."""
        connection = self.connection
        # Requests arrive as soon as NATS has the subscriptions again, a little before is_up.
        if not connection.client.is_connected:
            raise ConnectionLostError(
                f"NATS at {connection} is not connected: send the request again when it is"
            )
        try:
            if connection.client.has_room(len(frame) + _HEADROOM):
                await connection.client.publish(subject, frame, reply)
            else:
                await connection.call(
                    lambda: connection.client.publish(subject, frame, reply), timeout=None
                )
        except self._failures as error:
            raise ConnectionLostError(
                f"NATS at {connection} did not take a frame: {error}"
            ) from None

    def post(self, subject: str, frame: bytes, reply: str = "") -> None:
        """Publish a frame without waiting, in order. A failure is ignored."""
        self._posts.put_nowait((subject, frame, reply))

    async def close(self) -> None:
        """Publish what was posted, if NATS takes it soon, then stop."""
        try:
            await self.connection.answers(self._posts.join)
        finally:
            await _tasks.end(self._tasks)

    async def _publish_posts(self) -> None:
        while True:
            subject, frame, reply = await self._posts.get()
            await self.connection.restored()
            with suppress(ConnectionLostError):
                await self.publish(subject, frame, reply)
            self._posts.task_done()

    async def _watch_peers(self) -> None:
        last = self.now()
        while True:
            interval = KEEPALIVE_INTERVAL / 2
            await asyncio.sleep(interval)
            now = self.now()
            # While this loop was blocked, it took no frame of any peer.
            blocked, last = max(0.0, now - last - interval), now
            for peer in list(self._peers()):
                peer.last_received = min(now, peer.last_received + blocked)
                if now - peer.last_received > PEER_TIMEOUT:
                    peer.time_out()
                elif now - peer.last_sent > KEEPALIVE_INTERVAL:
                    peer.last_sent = now
                    self.post(peer.target, _frames.KEEPALIVE, peer.reply_subject)

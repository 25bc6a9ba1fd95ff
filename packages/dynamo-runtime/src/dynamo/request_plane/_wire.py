"""How the NATS plane publishes, and how it notices silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from dynamo._nats import Connection
from dynamo.request_plane import _frames
from dynamo.request_plane._errors import ConnectionLostError

CHUNK = 256 * 1024
"""Bytes of a body in one frame, if NATS takes that much."""
IDLE = 5.0
"""Seconds after which a side that has sent nothing says that it is still there."""
SILENCE = 60.0
"""Seconds without a frame after which the other side is taken as lost."""


class Peer(Protocol):
    """One end of a request, as the watch over silence sees it.

    ``sent`` and ``heard`` are the loop's times of the last frames. Frames go to ``target``; NATS
    says on ``back`` when nobody listens there.
    """

    sent: float
    heard: float
    target: str
    back: str

    def silent(self) -> None:
        """Give up: nothing was heard for ``SILENCE``."""
        ...


class Wire:
    """Publishes for one plane, and keeps its calls under watch."""

    def __init__(self, connection: Connection, peers: Callable[[], Iterable[Peer]]) -> None:
        import nats.errors

        self.connection = connection
        self._failures = nats.errors.Error
        self.chunk = min(CHUNK, connection.client.max_payload - 512)
        self.now = asyncio.get_running_loop().time
        self._peers = peers
        self._posts: asyncio.Queue[tuple[str, bytes, str]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._post_all()), loop.create_task(self._watch())]

    async def publish(self, subject: str, frame: bytes, reply: str) -> None:
        """Publish. Raises ``ConnectionLostError``."""
        if self.connection.is_up:
            try:
                await self.connection.client.publish(subject, frame, reply)
            except self._failures as error:
                raise ConnectionLostError(
                    f"NATS at {self.connection} did not take a frame: {error}"
                ) from None
        else:
            raise ConnectionLostError(
                f"NATS at {self.connection} is not connected: send the request again when it is"
            )

    def post(self, subject: str, frame: bytes, reply: str = "") -> None:
        """Publish from where nobody can wait, in order, if it can be done."""
        self._posts.put_nowait((subject, frame, reply))

    async def close(self) -> None:
        """Publish what has been posted, and nothing after that."""
        await self._posts.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _post_all(self) -> None:
        while True:
            subject, frame, reply = await self._posts.get()
            with suppress(self._failures):
                # Without a connection the client keeps it for the next one, as far as it can.
                await self.connection.client.publish(subject, frame, reply)
            self._posts.task_done()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(IDLE / 2)
            now = self.now()
            for peer in list(self._peers()):
                if now - peer.heard > SILENCE:
                    peer.silent()
                elif now - peer.sent > IDLE:
                    peer.sent = now
                    self.post(peer.target, _frames.ALIVE, peer.back)

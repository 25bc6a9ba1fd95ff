"""What stands around the code under test."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

from dynamo.request_plane._protocol import Call, ClientDisconnectedError


class Receiver:
    """Takes requests and answers each with its own body, as an endpoint does."""

    accepting = True

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.incomplete_requests = self.incomplete_bytes = 0
        self._tasks: list[asyncio.Task[None]] = []

    def accept(self, call: Call) -> None:
        self.log.append(("accepted", call.id, call.payload))
        self._tasks.append(asyncio.get_running_loop().create_task(self._answer(call)))

    async def _answer(self, call: Call) -> None:
        try:
            await call.send(call.payload)
            await call.finish()
        except ClientDisconnectedError:
            self.log.append(("disconnected", call.id))

    def rejected(self, size: int, error_type: str) -> None:
        self.log.append(("rejected", size, error_type))

    def incomplete(self, requests: int, size: int) -> None:
        self.incomplete_requests += requests
        self.incomplete_bytes += size
        assert self.incomplete_requests >= 0
        assert self.incomplete_bytes >= 0

    def reachable(self, reachable: bool) -> None:
        self.log.append(("reachable", reachable))

    async def settle(self) -> None:
        """Let the answers run until they wait for the peer, and end them."""
        for _ in range(3):
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


class Transport:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.is_aborted = True

    close = abort

    def is_closing(self) -> bool:
        return self.is_aborted

    def get_extra_info(self, _name: str) -> Any:
        return self

    def fileno(self) -> int:
        return -1


def no_handshake() -> Generator[tuple[bytes, int], bytes, bytes]:
    """Let everybody in."""
    return b"peer"
    yield


class NatsWire:
    """Keeps the frames that are published."""

    chunk_bytes = 1 << 18

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []
        self.connection: Any = None

    def now(self) -> float:
        return 0.0

    async def publish(self, subject: str, frame: bytes, reply: str) -> None:
        self.post(subject, frame, reply)

    def post(self, subject: str, frame: bytes, reply: str = "") -> None:
        subject.encode()
        reply.encode()
        self.published.append((subject, frame))

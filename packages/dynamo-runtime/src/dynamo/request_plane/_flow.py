"""Flow control: a sender that is ``WINDOW`` frames ahead of its reader waits.

Each object has one reader or one waiting sender, in one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

WINDOW = 32
"""Frames that a sender may be ahead of its reader."""


class Credits:
    """The number of frames that a sender may still send."""

    __slots__ = ("_closed", "_count", "_waiter")

    def __init__(self, count: int = WINDOW) -> None:
        self._count = count
        self._waiter: asyncio.Future[None] | None = None
        self._closed: Callable[[], Exception] | None = None

    async def take(self) -> None:
        """Use one credit, waiting for it if there is none. Raises the reason of ``close``."""
        while self._closed is None and self._count <= 0:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._closed is not None:
            raise self._closed()
        self._count -= 1

    def add(self, count: int) -> None:
        """Let the sender send ``count`` more frames."""
        self._count += count
        self._wake()

    def close(self, reason: Callable[[], Exception]) -> None:
        """Make ``take`` raise what ``reason`` returns. The first call counts."""
        if self._closed is None:
            self._closed = reason
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Inbox:
    """Items that have arrived for one reader, and how they end."""

    __slots__ = ("_ended", "_error", "_items", "_waiter")

    def __init__(self) -> None:
        self._items: deque[bytes] = deque()
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether the end was reached: no further item is accepted."""
        return self._ended

    def put(self, item: bytes) -> None:
        """Add an item; after the end it is dropped."""
        if not self._ended:
            self._items.append(item)
            self._wake()

    def end(self, error: Exception | None = None) -> None:
        """End with ``error``, if any, after the items that have arrived. The first call counts."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._wake()

    def clear(self) -> None:
        """Drop the items that have arrived, and end."""
        self._items.clear()
        self._ended = True
        self._error = None
        self._wake()

    async def get(self) -> bytes | None:
        """Return the next item, None at the end. Raises the error of ``end`` once."""
        while not self._items:
            if self._ended:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._items.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

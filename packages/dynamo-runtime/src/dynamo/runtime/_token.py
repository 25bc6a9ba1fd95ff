"""A token that is cancelled when the runtime shuts down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakSet


class CancellationToken:
    """Is cancelled once, by ``cancel()`` or along with the token that it is a child of.

    May be used from any thread and any event loop.
    """

    __module__ = "dynamo.runtime"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._children: WeakSet[CancellationToken] = WeakSet()
        self._waiters: set[Callable[[], None]] = set()

    def cancel(self) -> None:
        """Cancel this token and its children."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            children, waiters = list(self._children), list(self._waiters)
        for wake in waiters:
            wake()
        for child in children:
            child.cancel()

    def is_cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    async def cancelled(self) -> None:
        """Wait until it is cancelled."""
        import asyncio

        loop = asyncio.get_running_loop()
        event = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

        with self._lock:
            if self._cancelled:
                return
            self._waiters.add(wake)
        try:
            await event.wait()
        finally:
            with self._lock:
                self._waiters.discard(wake)

    def child_token(self) -> CancellationToken:
        """Return a token that is cancelled with this one, or before."""
        child = CancellationToken()
        with self._lock:
            if not self._cancelled:
                self._children.add(child)
                return child
        child.cancel()
        return child

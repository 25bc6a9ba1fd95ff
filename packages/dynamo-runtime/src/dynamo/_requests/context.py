"""What a handler and its client know of one request."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable


class Context:
    """The identity of a request, and whether it was stopped.

    A handler gets the one of its request. A client may make one, pass it to ``generate`` and stop
    the request with it. A handler that passes its own to further requests has them stopped along
    with its own. To be used from the event loop that the request is in.
    """

    __module__ = "dynamo.runtime"
    __slots__ = ("_id", "_listeners", "_stopped")

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        self._id = id or uuid.uuid4().hex
        self._stopped = False
        self._listeners: dict[Callable[[], None], None] = {}

    def id(self) -> str:
        """Return the request's id, the same for client and worker."""
        return self._id

    def is_stopped(self) -> bool:
        """Whether the request was stopped: its client disconnected or cancelled it."""
        return self._stopped

    def is_killed(self) -> bool:
        """Return the same as ``is_stopped``: stopping and killing do not differ here."""
        return self._stopped

    def stop_generating(self) -> None:
        """Cancel the request. Its handler stops at its next yield."""
        if not self._stopped:
            self._stopped = True
            listeners, self._listeners = self._listeners, {}
            for listener in listeners:
                listener()

    async def async_killed_or_stopped(self) -> bool:
        """Wait until the request is stopped, then return True."""
        stopped = asyncio.Event()
        self.add_listener(stopped.set)
        try:
            return await stopped.wait()
        finally:
            self.remove_listener(stopped.set)

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when the request is stopped: at once if it is."""
        if self._stopped:
            listener()
        else:
            self._listeners[listener] = None

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Stop calling ``listener``."""
        self._listeners.pop(listener, None)

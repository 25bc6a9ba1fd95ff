"""What a handler and its client know of one request."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable


class Context:
    """The identity of a request, and whether it is still wanted.

    A handler gets the one of its request. A client may make one, pass it to ``generate`` and stop
    the request with it; a handler that passes its own to further requests has them stopped along
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
        """Whether nobody wants more of the answer: the client is gone or said so."""
        return self._stopped

    def is_killed(self) -> bool:
        """Return the same as ``is_stopped``: here nothing lies between wanting less and nothing."""
        return self._stopped

    def stop_generating(self) -> None:
        """Want no more of the answer. Stops the handler at its next yield."""
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
        """Call ``listener`` no more."""
        self._listeners.pop(listener, None)

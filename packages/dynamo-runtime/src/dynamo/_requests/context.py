"""What a handler and its client know of one request."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from dynamo._requests.trace import is_traceparent


class Context:
    """The identity of a request, and whether it was stopped.

    A handler gets the one of its request. A client may make one, pass it to ``generate`` and stop
    the request with it. A handler that passes its own to further requests has them stopped along
    with its own. To be used from the event loop that the request is in.

    ``traceparent`` is the trace of the request, as W3C Trace Context writes it. A client that makes
    no context sends the current span of OpenTelemetry, if the program uses that.
    """

    __module__ = "dynamo.runtime"
    __slots__ = ("_id", "_listeners", "_stopped", "_traceparent")

    def __init__(
        self,
        id: str | None = None,  # noqa: A002
        *,
        traceparent: str | None = None,
    ) -> None:
        """Raise ``ValueError`` if ``traceparent`` is not one."""
        if traceparent is not None and not is_traceparent(traceparent):
            raise ValueError(
                f"traceparent={traceparent!r} is not of the form of W3C Trace Context: use "
                "00-<32 hex digits>-<16 hex digits>-<2 hex digits>"
            )
        self._id = id or uuid.uuid4().hex
        self._traceparent = traceparent
        self._stopped = False
        self._listeners: dict[Callable[[], None], None] = {}

    def id(self) -> str:
        """Return the request's id, the same for client and worker."""
        return self._id

    @property
    def trace_id(self) -> str | None:
        """The trace that the request belongs to, 32 hex digits, if its client has said."""
        return self._traceparent.split("-")[1] if self._traceparent else None

    @property
    def span_id(self) -> str | None:
        """The span of the client that has sent the request, 16 hex digits."""
        return self._traceparent.split("-")[2] if self._traceparent else None

    def to_wire(self) -> str:
        """Return the id with the trace, as the request carries it."""
        return f"{self._id} {self._traceparent}" if self._traceparent else self._id

    @classmethod
    def from_wire(cls, carried: str) -> Context:
        """Read what ``to_wire`` wrote. Anything else is an id."""
        request_id, _, traceparent = carried.rpartition(" ")
        if request_id and is_traceparent(traceparent):
            return cls(request_id, traceparent=traceparent)
        return cls(carried)

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


CURRENT: ContextVar[Context | None] = ContextVar("dynamo_request", default=None)
"""The request whose handler is running."""

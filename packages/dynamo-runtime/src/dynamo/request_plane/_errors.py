"""Why a request failed, as its client sees it.

- RequestError
  - NoInstancesError: nobody serves the endpoint
  - UnavailableError: the worker takes no requests, or stopped before this one was done
  - InvalidRequestError: the worker could not read the request
  - EngineError: the worker's handler raised, or yielded what cannot be sent
  - ConnectionLostError: the worker, or the way to it, was lost before the answer was complete
"""

from __future__ import annotations

from typing import Any, ClassVar

_LONGEST = 2_000


class RequestError(Exception):
    """A request that did not get its whole answer. The text is one line."""

    __module__ = "dynamo.runtime"

    code: ClassVar[str] = "request"

    def to_wire(self) -> dict[str, Any]:
        """Return what a worker tells its client of this error."""
        text = str(self)
        return {"code": self.code, "message": text[:_LONGEST]}


class NoInstancesError(RequestError):
    """Nobody serves the endpoint, now."""

    __module__ = "dynamo.runtime"

    code = "no_instances"


class UnavailableError(RequestError):
    """The worker takes no requests, or stopped before this one was done. Another one may do it.

    A handler may raise it too, when it has more to do than it can.
    """

    __module__ = "dynamo.runtime"

    code = "unavailable"


class InvalidRequestError(RequestError, ValueError):
    """The worker could not read the request. It fails again if it is sent again.

    A handler may raise it too, for a request that it cannot make sense of.
    """

    __module__ = "dynamo.runtime"

    code = "invalid_request"


class EngineError(RequestError):
    """The worker's handler raised, or yielded what cannot be sent; ``kind`` names the exception."""

    __module__ = "dynamo.runtime"

    code = "engine"

    def __init__(self, message: str, kind: str = "Exception") -> None:
        super().__init__(message)
        self.kind = kind

    def to_wire(self) -> dict[str, Any]:
        """Return what a worker tells its client of this error."""
        return {**super().to_wire(), "kind": self.kind}


class ConnectionLostError(RequestError, ConnectionError):
    """The worker, or the way to it, was lost before the answer was complete.

    The worker may have done the work, or part of it.
    """

    __module__ = "dynamo.runtime"

    code = "connection_lost"


_BY_CODE: dict[str, type[RequestError]] = {
    kind.code: kind
    for kind in (
        RequestError,
        NoInstancesError,
        UnavailableError,
        InvalidRequestError,
        ConnectionLostError,
    )
}


def from_wire(told: Any) -> RequestError:
    """Return the error that a worker told of, whatever it sent."""
    fields = told if isinstance(told, dict) else {}
    message = str(fields.get("message", "the worker failed and did not say why"))
    if fields.get("code") == EngineError.code:
        return EngineError(message, str(fields.get("kind", "Exception")))
    return _BY_CODE.get(str(fields.get("code")), RequestError)(message)

"""Why a request failed, as its client sees it.

- RequestError
  - NoInstancesError: no worker serves the endpoint
  - UnavailableError: the worker takes no requests, or stopped before it had answered this one
  - InvalidRequestError: the worker could not read the request
  - EngineError: the worker's handler raised, or yielded a value that cannot be sent
  - ConnectionLostError: the connection to the worker was lost before the answer was complete
"""

from __future__ import annotations

from typing import Any, ClassVar

_MAX_MESSAGE_LENGTH = 2_000
"""Characters of an error's text that are sent to the client."""


class RequestError(Exception):
    """A request without a complete answer. The text is one line."""

    __module__ = "dynamo.runtime"

    code: ClassVar[str] = "request"

    def to_wire(self) -> dict[str, Any]:
        """Return the fields that a worker sends to its client."""
        text = str(self)
        return {"code": self.code, "message": text[:_MAX_MESSAGE_LENGTH]}


class NoInstancesError(RequestError):
    """No worker serves the endpoint now."""

    __module__ = "dynamo.runtime"

    code = "no_instances"


class UnavailableError(RequestError):
    """The worker takes no requests, or stopped before it had answered. Another worker may answer.

    A handler may raise it too, when it is overloaded.
    """

    __module__ = "dynamo.runtime"

    code = "unavailable"


class InvalidRequestError(RequestError, ValueError):
    """The worker could not read the request. It fails again if it is sent again.

    A handler may raise it too, for a request that it cannot use.
    """

    __module__ = "dynamo.runtime"

    code = "invalid_request"


class EngineError(RequestError):
    """The handler raised, or yielded a value that cannot be sent; ``kind`` names the exception."""

    __module__ = "dynamo.runtime"

    code = "engine"

    def __init__(self, message: str, kind: str = "Exception") -> None:
        super().__init__(message)
        self.kind = kind

    def to_wire(self) -> dict[str, Any]:
        """Return the fields that a worker sends to its client."""
        return {**super().to_wire(), "kind": self.kind}


class ConnectionLostError(RequestError, ConnectionError):
    """The connection to the worker was lost before the answer was complete.

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


def from_wire(received: Any) -> RequestError:
    """Return the error that a worker sent, whatever that was."""
    fields = received if isinstance(received, dict) else {}
    message = str(fields.get("message", "the worker failed and did not say why"))
    if fields.get("code") == EngineError.code:
        return EngineError(message, str(fields.get("kind", "Exception")))
    return _BY_CODE.get(str(fields.get("code")), RequestError)(message)

"""Every error that a client can get, in OpenAI's form.

- ApiError
  - BadRequestError: 400, and 413 for a body that is too large
  - NotFoundError: 404, no such model or route
  - MethodError: 405
  - OverloadedError: 429, too many requests are in flight
  - UnavailableError: 503, no worker takes the request
  - BackendError: 500, the worker failed
  - TruncatedError: 500, the answer ended too early
  - InternalError: 500, the frontend failed
"""

from __future__ import annotations

from typing import Any, ClassVar

from dynamo import runtime
from dynamo.prometheus_names import frontend_service

_kinds = frontend_service.error_type


class ApiError(Exception):
    """Ends a request: ``status`` is HTTP's, ``error_type`` the label of the metrics."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str | None = None
    error_type: ClassVar[str] = _kinds.INTERNAL
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "error": {
                "message": str(self),
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


class BadRequestError(ApiError):
    """The request cannot be used; ``param`` is the part that is wrong."""

    status = 400
    type = "invalid_request_error"
    error_type = _kinds.VALIDATION


class TooLargeError(BadRequestError):
    """The body has too many bytes."""

    status = 413


class NotFoundError(ApiError):
    """There is no such model, or no such route."""

    status = 404
    type = "invalid_request_error"
    error_type = _kinds.NOT_FOUND

    @classmethod
    def model(cls, name: str, instead: str) -> NotFoundError:
        """Return the error of a model that no worker serves."""
        error = cls(f"the model {name!r} does not exist here: {instead}", "model")
        error.code = "model_not_found"
        return error


class MethodError(ApiError):
    """The route has no such method."""

    status = 405
    type = "invalid_request_error"
    error_type = _kinds.VALIDATION


class OverloadedError(ApiError):
    """The limit of requests in flight is reached."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    error_type = _kinds.OVERLOAD
    headers: ClassVar[dict[str, str]] = {"retry-after": "1"}


class UnavailableError(ApiError):
    """No worker takes the request now."""

    status = 503
    type = "service_unavailable_error"
    code = "service_unavailable"
    error_type = _kinds.UNAVAILABLE
    headers: ClassVar[dict[str, str]] = {"retry-after": "1"}


class BackendError(ApiError):
    """The worker failed."""

    code = "backend_error"
    error_type = _kinds.BACKEND_ERROR


class TruncatedError(ApiError):
    """The worker, or the way to it, was lost in the middle of the answer."""

    code = "truncated_stream"
    error_type = _kinds.TRUNCATED_STREAM


class InternalError(ApiError):
    """The frontend itself failed; its log says why."""

    code = "internal_error"


def from_worker(error: runtime.RequestError, *, begun: bool) -> ApiError:
    """Return what a client gets for the error of a worker; ``begun`` if it has got tokens."""
    if isinstance(error, runtime.InvalidRequestError):
        return BadRequestError(str(error))
    if isinstance(error, runtime.EngineError):
        return BackendError(str(error))
    if begun:
        return TruncatedError(f"the answer is not complete: {error}")
    if isinstance(
        error, (runtime.NoInstancesError, runtime.UnavailableError, runtime.ConnectionLostError)
    ):
        return UnavailableError(str(error))
    return BackendError(str(error))

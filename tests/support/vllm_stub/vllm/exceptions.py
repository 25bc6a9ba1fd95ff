from http import HTTPStatus


class VLLMError(Exception):
    """The root of vLLM's errors, which are no ``ValueError`` and no ``RuntimeError``."""


class VLLMClientError(VLLMError):
    """The request is to blame."""


class VLLMValidationError(VLLMClientError):
    """The request holds what cannot be."""


class GracefulHTTPError(VLLMError):
    """The engine could answer, but not now: a limit of its queue is reached."""

    def __init__(self, message: str, http_status: HTTPStatus) -> None:
        super().__init__(message)
        self.http_status = http_status


class VLLMServerError(VLLMError):
    """The engine is to blame."""

"""What every plane offers. Bodies are JSON; a plane does not look into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dynamo.request_plane._errors import RequestError


class ClientDisconnectedError(Exception):
    """The client no longer reads the answer.

    ``lost`` is True if the connection broke, False if the client cancelled the request.
    """

    def __init__(self, *, lost: bool = False) -> None:
        super().__init__("the connection was lost" if lost else "the client disconnected")
        self.lost = lost


CallerGoneError = ClientDisconnectedError
"""The earlier name of ``ClientDisconnectedError``."""


class Call(Protocol):
    """The worker's end of one request."""

    @property
    def id(self) -> str:
        """The id that the client gave the request."""
        ...

    @property
    def payload(self) -> bytes:
        """The body of the request."""
        ...

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the client disconnects: at once if it has."""
        ...

    async def send(self, item: bytes) -> None:
        """Send one item of the answer, when the client has room for it.

        Raises ``ClientDisconnectedError``.
        """
        ...

    async def finish(self, error: RequestError | None = None) -> None:
        """End the answer, after which the call is over.

        Raises ``ClientDisconnectedError``.
        """
        ...


class Receiver(Protocol):
    """What takes the requests of one endpoint."""

    @property
    def accepting(self) -> bool:
        """Whether new requests are taken; if not, the plane refuses them."""
        ...

    def accept(self, call: Call) -> None:
        """Take a request, without delay: a task of its own answers it."""
        ...

    def rejected(self, size: int, error_type: str) -> None:
        """Count ``size`` bytes that could not be taken as a request.

        ``error_type`` is ``invalid_message`` for bytes that are not a request, ``response_stream``
        if nothing can be sent back (``prometheus_names.work_handler.error_types``).
        """
        ...

    def incomplete(self, requests: int, size: int) -> None:
        """Note how the number of requests without a complete body changes, and their bytes."""
        ...

    def reachable(self, reachable: bool) -> None:
        """Note whether requests can arrive now. At first they can."""
        ...


class Served(Protocol):
    """An endpoint that accepts requests."""

    async def close(self) -> None:
        """Stop accepting requests. Open calls may not learn when their clients disconnect."""
        ...


class Stream(Protocol):
    """The client's end of one request."""

    async def receive(self) -> bytes | None:
        """Return the next item, None after the last one.

        Raises the ``RequestError`` that the answer ended with.
        """
        ...

    def cancel(self) -> None:
        """Cancel the request. After that ``receive`` returns None."""
        ...


class RequestPlane(Protocol):
    """Connects clients and workers. Belongs to one event loop."""

    def address(self, namespace: str, component: str, endpoint: str, instance_id: int) -> str:
        """Return where clients of this plane find an instance of an endpoint."""
        ...

    def reaches(self, address: str) -> bool:
        """Whether requests of this plane arrive at ``address``, the address of such a plane."""
        ...

    async def serve(self, address: str, receiver: Receiver) -> Served:
        """Bring requests for ``address`` to ``receiver``."""
        ...

    async def call(self, address: str, request_id: str, payload: bytes) -> Stream:
        """Send a request to ``address``, and return when the worker has taken it.

        Raises ``UnavailableError`` if no worker takes it there, another ``RequestError`` if the
        worker refuses it or the connection is lost.
        """
        ...

    async def close(self) -> None:
        """Disconnect. Open requests fail."""
        ...

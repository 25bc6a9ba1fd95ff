"""What every plane offers. Bodies are JSON; a plane does not look into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dynamo.request_plane._errors import RequestError


class CallerGoneError(Exception):
    """Nobody waits for the answer any more. ``lost``: not by choice, the connection broke."""

    def __init__(self, *, lost: bool = False) -> None:
        super().__init__("the connection was lost" if lost else "the client went away")
        self.lost = lost


class Call(Protocol):
    """The worker's end of one request."""

    @property
    def id(self) -> str:
        """What the client calls the request."""
        ...

    @property
    def payload(self) -> bytes:
        """The body of the request."""
        ...

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when nobody waits for the answer any more."""
        ...

    async def send(self, item: bytes) -> None:
        """Send one item of the answer, when the client has room for it.

        Raises ``CallerGoneError`` if nobody waits for it.
        """
        ...

    async def finish(self, error: RequestError | None = None) -> None:
        """End the answer, after which the call is over.

        Raises ``CallerGoneError`` if nobody waits for it.
        """
        ...


class Receiver(Protocol):
    """What takes the requests of one endpoint."""

    @property
    def accepting(self) -> bool:
        """Whether new requests are taken; if not, the plane refuses them."""
        ...

    def accept(self, call: Call) -> None:
        """Take a request, without delay: the work is for a task of its own."""
        ...

    def rejected(self, size: int, error_type: str) -> None:
        """Take note of ``size`` bytes that could not be taken as a request.

        ``error_type`` is ``invalid_message`` if they are none, ``response_stream`` if nothing can
        be sent back (``prometheus_names.work_handler.error_types``).
        """
        ...


class Served(Protocol):
    """An endpoint that is reachable."""

    async def close(self) -> None:
        """Be reachable no more. Calls still under way may never hear of their clients again."""
        ...


class Stream(Protocol):
    """The client's end of one request."""

    async def receive(self) -> bytes | None:
        """Return the next item, None after the last one.

        Raises the ``RequestError`` that the answer ended with.
        """
        ...

    def cancel(self) -> None:
        """Tell the worker that nobody waits. Then ``receive`` returns None."""
        ...


class RequestPlane(Protocol):
    """A way between clients and workers, of one event loop."""

    def address(self, namespace: str, component: str, endpoint: str, instance_id: int) -> str:
        """Return where clients of this plane find an instance of an endpoint."""
        ...

    def reaches(self, address: str) -> bool:
        """Whether this plane leads to an address of its kind."""
        ...

    async def serve(self, address: str, receiver: Receiver) -> Served:
        """Bring requests for ``address`` to ``receiver``."""
        ...

    async def call(self, address: str, request_id: str, payload: bytes) -> Stream:
        """Bring a request to ``address``, and return when the worker has taken it.

        Raises ``UnavailableError`` if nobody takes it there, another ``RequestError`` if the worker
        refuses it or the way is lost.
        """
        ...

    async def close(self) -> None:
        """Let go of all that the plane holds. Calls under way are lost."""
        ...

"""The table of planes. Each is imported when it is chosen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dynamo.request_plane._protocol import RequestPlane
from dynamo_metrics import _environment

VARIABLE = "DYN_REQUEST_PLANE"


async def _memory() -> RequestPlane:
    from dynamo.request_plane.memory import MemoryPlane

    return MemoryPlane()


async def _nats() -> RequestPlane:
    from dynamo.request_plane.nats import NatsPlane

    return await NatsPlane.open()


PLANES: dict[str, Callable[[], Awaitable[RequestPlane]]] = {"memory": _memory, "nats": _nats}


def chosen_plane() -> str:
    """Return the name that ``DYN_REQUEST_PLANE`` has, ``memory`` by default.

    Raises ``ValueError`` if there is no such plane.
    """
    return _environment.choice(VARIABLE, "memory", {name: name for name in PLANES})


async def open_plane(name: str) -> RequestPlane:
    """Open the plane of this name, a key of the table."""
    return await PLANES[name]()

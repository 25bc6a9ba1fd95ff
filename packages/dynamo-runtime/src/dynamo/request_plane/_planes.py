"""The table of planes. Each is imported when it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from dynamo._settings import REQUEST_PLANE
from dynamo.request_plane._protocol import RequestPlane

PLANES = {
    "memory": "dynamo.request_plane.memory",
    "nats": "dynamo.request_plane.nats",
}
"""The package of each plane."""


class Backend(Protocol):
    """What the package of a plane has."""

    async def open_plane(self) -> RequestPlane:
        """Open the plane in the running event loop."""
        ...


def chosen_plane() -> str:
    """Return the name that ``DYN_REQUEST_PLANE`` has, ``memory`` by default.

    Raises ``ValueError`` for a name that is not in the table.
    """
    return REQUEST_PLANE.choose(PLANES)


async def open_plane(name: str) -> RequestPlane:
    """Open the plane of this name, a key of the table.

    Raises ``ImportError`` if a package is missing, ``ConnectionError`` if a server cannot be
    reached, ``ValueError`` for a bad setting.
    """
    return await cast(Backend, import_module(PLANES[name])).open_plane()

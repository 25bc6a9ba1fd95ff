"""The table of planes. Each is imported when it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from dynamo._settings import DISCOVERY_BACKEND, REQUEST_PLANE
from dynamo.request_plane._protocol import RequestPlane

PLANES = {
    "tcp": "dynamo.request_plane.tcp",
    "nats": "dynamo.request_plane.nats",
    "memory": "dynamo.request_plane.memory",
}
"""The package of each plane."""
_ELSEWHERE = {"http": "tcp", "mem": "memory"}
"""Planes that Dynamo has or had, and what takes their place here."""


class Backend(Protocol):
    """What the package of a plane has."""

    async def open_plane(self) -> RequestPlane:
        """Open the plane in the running event loop."""
        ...


def chosen_plane() -> str:
    """Return the name that ``DYN_REQUEST_PLANE`` has.

    The default is ``tcp``; with ``DYN_DISCOVERY_BACKEND=memory``, which other processes do not see,
    it is ``memory``.

    Raises ``ValueError`` for a name that is not in the table.
    """
    default = "memory" if DISCOVERY_BACKEND.is_word("memory") else "tcp"
    return REQUEST_PLANE.choose(PLANES, default, _ELSEWHERE)


async def open_plane(name: str) -> RequestPlane:
    """Open the plane of this name, a key of the table.

    Raises ``ImportError`` if a package is missing, ``ConnectionError`` if a server cannot be
    reached, ``ValueError`` for a bad setting.
    """
    return await cast(Backend, import_module(PLANES[name])).open_plane()

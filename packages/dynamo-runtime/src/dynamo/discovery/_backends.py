"""The table of discovery backends. Each is imported when it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from dynamo._settings import DISCOVERY_BACKEND
from dynamo.discovery._protocol import Discovery

BACKENDS = {
    "memory": "dynamo.discovery.memory",
    "nats": "dynamo.discovery.nats",
}
"""The package of each backend."""


class Backend(Protocol):
    """What the package of a backend has."""

    async def open_discovery(self) -> Discovery:
        """Open discovery in the running event loop."""
        ...


def chosen_discovery(request_plane: str) -> str:
    """Return the name that ``DYN_DISCOVERY_BACKEND`` has, by default that of the request plane.

    Raises ``ValueError`` for a name that is not in the table.
    """
    return DISCOVERY_BACKEND.choose(BACKENDS, request_plane)


async def open_discovery(name: str) -> Discovery:
    """Open the backend of this name, a key of the table.

    Raises ``ImportError`` if a package is missing, ``ConnectionError`` if a server cannot be
    reached, ``ValueError`` for a bad setting.
    """
    return await cast(Backend, import_module(BACKENDS[name])).open_discovery()

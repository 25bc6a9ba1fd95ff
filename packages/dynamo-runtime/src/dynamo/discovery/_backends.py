"""The table of discovery backends. Each is imported when it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from dynamo._settings import DISCOVERY_BACKEND
from dynamo.discovery._protocol import Discovery

BACKENDS = {
    "file": "dynamo.discovery.file",
    "nats": "dynamo.discovery.nats",
    "memory": "dynamo.discovery.memory",
}
"""The package of each backend."""
_OF_PLANE = {"tcp": "file"}
"""The default beside a request plane that has no discovery of its name."""
_ELSEWHERE = {
    "mem": "memory",
    "etcd": "file on one host, nats on several",
    "kubernetes": "nats",
}
"""Backends that Dynamo has, and what takes their place here."""


class Backend(Protocol):
    """What the package of a backend has."""

    async def open_discovery(self) -> Discovery:
        """Open discovery in the running event loop."""
        ...


def chosen_discovery(request_plane: str) -> str:
    """Return the name that ``DYN_DISCOVERY_BACKEND`` has.

    The default is ``file`` beside the request plane ``tcp``, and the plane's own name beside any
    other. Raises ``ValueError`` for a name that is not in the table.
    """
    default = _OF_PLANE.get(request_plane, request_plane)
    return DISCOVERY_BACKEND.choose(BACKENDS, default, _ELSEWHERE)


async def open_discovery(name: str) -> Discovery:
    """Open the backend of this name, a key of the table.

    Raises ``ImportError`` if a package is missing, ``ConnectionError`` if a server cannot be
    reached, ``ValueError`` for a bad setting.
    """
    return await cast(Backend, import_module(BACKENDS[name])).open_discovery()

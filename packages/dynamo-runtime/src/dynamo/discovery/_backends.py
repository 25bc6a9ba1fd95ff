"""The table of kinds of discovery. Each is imported when it is chosen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dynamo.discovery._protocol import Discovery
from dynamo_metrics import _environment

VARIABLE = "DYN_DISCOVERY_BACKEND"


async def _memory() -> Discovery:
    from dynamo.discovery.memory import MemoryDiscovery

    return MemoryDiscovery()


async def _nats() -> Discovery:
    from dynamo.discovery.nats import NatsDiscovery

    return await NatsDiscovery.open()


BACKENDS: dict[str, Callable[[], Awaitable[Discovery]]] = {"memory": _memory, "nats": _nats}


def chosen_discovery(request_plane: str) -> str:
    """Return the name that ``DYN_DISCOVERY_BACKEND`` has, by default that of the request plane.

    Raises ``ValueError`` if there is no such kind.
    """
    return _environment.choice(VARIABLE, request_plane, {name: name for name in BACKENDS})


async def open_discovery(name: str) -> Discovery:
    """Open discovery of this name, a key of the table."""
    return await BACKENDS[name]()

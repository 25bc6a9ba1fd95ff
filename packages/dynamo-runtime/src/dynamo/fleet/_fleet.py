"""The targets of a fleet, from a discovery that processes share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from dynamo._settings import DISCOVERY_BACKEND, NATS_SERVER, REQUEST_PLANE
from dynamo.discovery import Discovery, Target, open_discovery
from dynamo.discovery._backends import chosen_discovery
from dynamo.request_plane._planes import chosen_plane

_RETRY_INTERVAL = 1.0
"""Seconds between attempts to open discovery."""

_log = logging.getLogger("dynamo.fleet")


def shared_discovery() -> str:
    """Return the discovery that ``DYN_DISCOVERY_BACKEND`` has, by default that of the runtimes.

    With ``NATS_SERVER`` set, and nothing else, it is ``nats``. Raises ``ValueError`` for an unknown
    one, and for one that knows only its own process.
    """
    only_nats = NATS_SERVER.is_set and not REQUEST_PLANE.is_set
    name = chosen_discovery("nats" if only_nats else chosen_plane())
    if name == "memory":
        raise DISCOVERY_BACKEND.refuse(name, "knows only the process that it is in", "file or nats")
    return name


async def fetch(name: str) -> list[Target]:
    """Return the targets now, sorted.

    Raises ``ConnectionError`` if discovery does not know them, ``ImportError`` or ``ValueError`` as
    ``open_discovery`` does.
    """
    discovery = await open_discovery(name)
    try:
        return _sorted(await discovery.targets())
    finally:
        await discovery.close()


def targets() -> list[tuple[str, str]]:
    """Return the addresses and names of the targets now, for ``dynamo-metrics top``.

    Raises what ``shared_discovery`` and ``fetch`` raise.
    """
    return [
        (target.url, f"{target.address} {_node(target)}".rstrip())
        for target in asyncio.run(fetch(shared_discovery()))
    ]


class Fleet:
    """Asks discovery for its targets on demand, at most every ``refresh`` seconds.

    An unreachable discovery is an error, never an empty list, so that Prometheus keeps its targets.
    """

    def __init__(self, name: str, refresh: float) -> None:
        self._name = name
        self._refresh = refresh
        self._asking = asyncio.Lock()
        self._discovery: Discovery | None = None
        self._answer = _failure(ConnectionError("discovery has not been reached yet"))
        self._kept_until = 0.0

    async def connect(self) -> None:
        """Open discovery, however long it takes.

        Raises ``ImportError`` or ``ValueError`` as ``open_discovery`` does.
        """
        while self._discovery is None:
            try:
                self._discovery = await open_discovery(self._name)
            except ConnectionError as error:
                _log.warning("%s; retrying", error)
                self._answer = _failure(error)
                await asyncio.sleep(_RETRY_INTERVAL)

    async def targets(self) -> list[Target]:
        """Return the targets, sorted. Raises ``ConnectionError`` if they are not known now."""
        async with self._asking:
            if self._discovery is not None and monotonic() >= self._kept_until:
                self._answer = await _ask(self._discovery)
                self._kept_until = monotonic() + self._refresh
        return self._answer()

    async def close(self) -> None:
        """Close discovery."""
        if self._discovery is not None:
            await self._discovery.close()


async def _ask(discovery: Discovery) -> Callable[[], list[Target]]:
    try:
        targets = _sorted(await discovery.targets())
    except ConnectionError as error:
        return _failure(error)
    except Exception as error:  # of any kind: Prometheus must keep its targets
        _log.exception("discovery failed")
        return _failure(ConnectionError(f"discovery failed: {error!r}"))
    return lambda: targets


def _failure(error: ConnectionError) -> Callable[[], list[Target]]:
    def answer() -> list[Target]:
        raise ConnectionError(str(error))

    return answer


def _node(target: Target) -> str:
    """Return ``namespace/component``, as far as the target serves any."""
    return "/".join(filter(None, (target.labels["namespace"], target.labels["component"])))


def _sorted(targets: list[Target]) -> list[Target]:
    """Sort, and keep the first of the processes that share their metrics."""
    by_address = sorted(targets, key=lambda target: (target.address, target.labels["instance"]))
    groups: set[str] = set()
    kept = []
    for target in by_address:
        group = target.labels.get("group")
        if group is None or group not in groups:
            kept.append(target)
        if group is not None:
            groups.add(group)
    return kept

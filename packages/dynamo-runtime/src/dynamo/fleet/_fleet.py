"""The targets of a fleet, from a discovery that processes share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from dynamo.discovery import Discovery, Target, open_discovery
from dynamo.discovery._backends import VARIABLE, chosen_discovery
from dynamo_metrics import _environment

_AGAIN = 1.0
"""Seconds between attempts to reach a discovery that was never reached."""

_log = logging.getLogger("dynamo.fleet")


def shared_discovery() -> str:
    """Return the discovery that ``DYN_DISCOVERY_BACKEND`` has, by default ``nats``.

    Raises ``ValueError`` if there is no such one, or if it knows its own process only.
    """
    name = chosen_discovery("nats")
    if name == "memory":
        raise _environment.bad(VARIABLE, name, "knows only the process that it is in", "nats")
    return name


async def fetch(name: str) -> list[Target]:
    """Return the targets there are now, sorted.

    Raises ``ConnectionError`` if discovery cannot tell, ``ImportError`` or ``ValueError`` as
    ``open_discovery`` does.
    """
    discovery = await open_discovery(name)
    try:
        return _sorted(await discovery.targets())
    finally:
        await discovery.close()


class Fleet:
    """Asks discovery for its targets when somebody wants them, at most every ``refresh`` seconds.

    A discovery that is away is an error, never an empty list: nobody forgets targets because of it.
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
                _log.warning("%s; trying again", error)
                self._answer = _failure(error)
                await asyncio.sleep(_AGAIN)

    async def targets(self) -> list[Target]:
        """Return the targets, sorted. Raises ``ConnectionError`` if discovery cannot tell now."""
        async with self._asking:
            if self._discovery is not None and monotonic() >= self._kept_until:
                self._answer = await _ask(self._discovery)
                self._kept_until = monotonic() + self._refresh
        return self._answer()

    async def close(self) -> None:
        """Let go of discovery."""
        if self._discovery is not None:
            await self._discovery.close()


async def _ask(discovery: Discovery) -> Callable[[], list[Target]]:
    try:
        targets = _sorted(await discovery.targets())
    except ConnectionError as error:
        return _failure(error)
    return lambda: targets


def _failure(error: ConnectionError) -> Callable[[], list[Target]]:
    def answer() -> list[Target]:
        raise ConnectionError(str(error))

    return answer


def _sorted(targets: list[Target]) -> list[Target]:
    return sorted(targets, key=lambda target: (target.address, target.labels["instance"]))

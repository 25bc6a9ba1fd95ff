"""How the endpoints that a runtime serves stop: drain first, then cancel what is in flight."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from dynamo import _tasks
from dynamo._network import signals

_STOP_TIMEOUT = 10.0
"""Seconds that endpoints have to stop once their requests were cancelled."""

_log = logging.getLogger("dynamo.runtime")

Path = tuple[str, ...]
"""Namespace, component and name of an endpoint."""


class Drainable(Protocol):
    """An endpoint being served."""

    path: Path

    @property
    def inflight(self) -> int:
        """The number of running requests."""
        ...

    def drain(self) -> None:
        """Take no new requests."""
        ...

    def cancel_inflight(self) -> None:
        """Stop waiting for the running requests."""
        ...


class Drain:
    """The endpoints that one runtime serves, and their way out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        """Give running requests ``timeout`` seconds, from the beginning of the drain.

        ``on_start`` are called when it begins.
        """
        self._loop = loop
        self._timeout = timeout
        self.on_start: list[Callable[[], None]] = []
        self._endpoints: list[Drainable] = []
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._deadline = 0.0

    @contextmanager
    def serving(self, endpoint: Drainable) -> Iterator[None]:
        """Include an endpoint meanwhile; SIGTERM and SIGINT drain it.

        Raises ``ValueError`` if this runtime serves it already.
        """
        if endpoint.path in self.paths:
            raise ValueError(
                f"endpoint {'/'.join(endpoint.path)} is served by this runtime already: serve it "
                "once, or make another DistributedRuntime"
            )
        if not self._endpoints:
            signals.listen(self._on_signal)
        self._endpoints.append(endpoint)
        self._stopped.clear()
        if self.is_draining:
            endpoint.drain()
        try:
            yield
        finally:
            self._endpoints.remove(endpoint)
            if not self._endpoints:
                signals.unlisten(self._on_signal)
                self._stopped.set()

    @property
    def paths(self) -> list[Path]:
        """The endpoints that are served now."""
        return [endpoint.path for endpoint in self._endpoints]

    @property
    def is_serving(self) -> bool:
        """Whether an endpoint is served now."""
        return bool(self._endpoints)

    @property
    def is_draining(self) -> bool:
        """Whether the drain has begun."""
        return self._started.is_set()

    @property
    def remaining_timeout(self) -> float:
        """Seconds that running requests still have; all of them before the drain begins."""
        return self._deadline - self._loop.time() if self.is_draining else self._timeout

    def start(self) -> None:
        """Take no new requests, and let the running ones finish."""
        if not self.is_draining:
            self._deadline = self._loop.time() + self._timeout
            self._started.set()
            for callback in self.on_start:
                callback()
            if self._endpoints:
                _log.info(
                    "draining %d requests of %s, for at most %g s",
                    sum(endpoint.inflight for endpoint in self._endpoints),
                    ", ".join("/".join(path) for path in self.paths),
                    self._timeout,
                )
            for endpoint in self._endpoints:
                endpoint.drain()

    def force(self) -> None:
        """Drain without waiting for running requests."""
        self.start()
        self._deadline = self._loop.time()
        for endpoint in self._endpoints:
            endpoint.cancel_inflight()

    async def started(self) -> None:
        """Wait until the drain begins."""
        await self._started.wait()

    async def before(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do ``work``, which is cancelled when the drain begins; return whether it was done."""
        beginning = asyncio.ensure_future(self._started.wait())
        try:
            await _tasks.within(None, work, until=beginning)
        except asyncio.TimeoutError:
            if self.is_draining:
                return False
            raise
        finally:
            beginning.cancel()
        return True

    async def stop(self) -> None:
        """Cancel running requests, and wait until all endpoints have stopped."""
        if self._endpoints:
            self.force()
            await _tasks.happens(self._stopped, _STOP_TIMEOUT)

    def _on_signal(self) -> None:
        if self.is_draining:
            self.force()
        else:
            self.start()

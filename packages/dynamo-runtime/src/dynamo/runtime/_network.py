"""What a runtime has open towards others: request plane, discovery, the endpoints it serves."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from dynamo.discovery import Discovery, Instance, Target, open_discovery
from dynamo.discovery._backends import chosen_discovery
from dynamo.request_plane import RequestPlane, open_plane
from dynamo.request_plane._planes import chosen_plane
from dynamo.runtime import _signals
from dynamo.runtime._advertise import advertised
from dynamo_metrics import _environment, _sampling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dynamo.runtime._nodes import Shared

_CLOSED = "this runtime has been shut down: make another DistributedRuntime, and clients of it"

_STOPPED = 10.0
"""Seconds that endpoints have to stop when nobody waits for their requests."""


class Serving(Protocol):
    """An endpoint being served, as the shutdown sees it."""

    path: tuple[str, ...]

    def drain(self) -> None:
        """Take no new requests."""
        ...

    def hurry(self) -> None:
        """Wait no longer for the running ones."""
        ...


class Network:
    """One per runtime, in one event loop. Made when the first endpoint is served or called."""

    def __init__(self, shared: Shared) -> None:
        self.loop = asyncio.get_running_loop()
        self.instance_id = 1 + secrets.randbelow(2**63 - 1)
        self.plane_name = chosen_plane()
        self._discovery_name = chosen_discovery(self.plane_name)
        self._patience = _environment.seconds("DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT", 30.0)
        self._shared = shared
        if shared.native.serves_process_metrics:
            _sampling.watch_loop(self.loop)
        self._opening = asyncio.Lock()
        self._plane: RequestPlane | None = None
        self._discovery: Discovery | None = None
        self._serving: list[Serving] = []
        self._draining = asyncio.Event()
        self._stopped = asyncio.Event()
        self._deadline = 0.0

    @classmethod
    def of(cls, shared: Shared) -> Network:
        """Return the network of a runtime, not necessarily open.

        Raises ``ValueError`` for a bad setting, ``RuntimeError`` if another event loop has it.
        """
        network = shared.network
        loop = asyncio.get_running_loop()
        if network is not None and network.loop is not loop:
            if not network.loop.is_closed():
                raise RuntimeError(
                    "this runtime serves or calls endpoints in another event loop: make a "
                    "DistributedRuntime for each loop"
                )
            network = None
        if network is None:
            network = shared.network = cls(shared)
        return network

    async def open(self) -> None:
        """Connect, once.

        Raises ``ImportError`` if a package is missing, ``ConnectionError`` if a server cannot be
        reached.
        """
        async with self._opening:
            if self._plane is None:
                self._plane = await open_plane(self.plane_name)
            if self._discovery is None:
                self._discovery = await open_discovery(self._discovery_name)
                await self.announce()

    @property
    def plane(self) -> RequestPlane:
        """The open request plane."""
        if self._plane is None:
            raise RuntimeError(_CLOSED)
        return self._plane

    @property
    def discovery(self) -> Discovery:
        """The open discovery."""
        if self._discovery is None:
            raise RuntimeError(_CLOSED)
        return self._discovery

    def instance(self, path: tuple[str, ...]) -> Instance:
        """Return how an endpoint of this runtime is registered."""
        namespace, component, endpoint = path
        address = self.plane.address(namespace, component, endpoint, self.instance_id)
        return Instance(namespace, component, endpoint, self.instance_id, self.plane_name, address)

    async def announce(self) -> None:
        """Register the status server, if there is one, with what is served now."""
        listening = self._shared.native.system_status_address
        if listening is None or listening.startswith("unix:"):
            return  # nothing that another host can scrape
        served = [serving.path for serving in self._serving]
        labels = {
            "namespace": ",".join(sorted({namespace for namespace, _, _ in served})),
            "component": ",".join(sorted({component for _, component, _ in served})),
            "instance": f"{self.instance_id:x}",
        }
        address = await advertised(listening, self.discovery)
        await self.discovery.announce(self.instance_id, Target(address, labels))

    @contextmanager
    def serving(self, endpoint: Serving) -> Iterator[None]:
        """Count an endpoint as served meanwhile: signals stop it.

        Raises ``ValueError`` if this runtime serves it already.
        """
        if any(other.path == endpoint.path for other in self._serving):
            raise ValueError(
                f"endpoint {'/'.join(endpoint.path)} is served by this runtime already: serve it "
                "once, or make another DistributedRuntime"
            )
        if not self._serving:
            _signals.listen(self._on_signal)
        self._serving.append(endpoint)
        self._stopped.clear()
        if self.is_draining:
            endpoint.drain()
        try:
            yield
        finally:
            self._serving.remove(endpoint)
            if not self._serving:
                _signals.unlisten(self._on_signal)
                self._stopped.set()

    @property
    def is_serving(self) -> bool:
        """Whether an endpoint is being served."""
        return bool(self._serving)

    @property
    def is_draining(self) -> bool:
        """Whether the runtime is on its way out."""
        return self._draining.is_set()

    @property
    def rest(self) -> float:
        """Seconds that running requests still have; the whole time as long as nothing drains."""
        return self._deadline - self.loop.time() if self.is_draining else self._patience

    def drain(self) -> None:
        """Take no new requests and let the running ones finish."""
        if not self.is_draining:
            self._deadline = self.loop.time() + self._patience
            self._draining.set()
            for endpoint in self._serving:
                endpoint.drain()

    def hurry(self) -> None:
        """Drain, and do not wait for running requests."""
        self.drain()
        self._deadline = self.loop.time()
        for endpoint in self._serving:
            endpoint.hurry()

    def _on_signal(self) -> None:
        if self.is_draining:
            self.hurry()
        else:
            self.drain()

    async def drained(self) -> None:
        """Wait until ``drain`` is called."""
        await self._draining.wait()

    async def close(self) -> None:
        """Stop what is still served, without waiting for requests, and disconnect."""
        if self._serving:
            self.hurry()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), _STOPPED)
        if self._shared.network is self:
            self._shared.network = None
        discovery, self._discovery = self._discovery, None
        plane, self._plane = self._plane, None
        try:
            if discovery is not None:
                await discovery.close()
        finally:
            if plane is not None:
                await plane.close()

"""The request plane and the discovery of a runtime."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

from dynamo import _tasks
from dynamo._directory import directory_path
from dynamo._network.advertise import advertised
from dynamo._network.drain import Drain, Path
from dynamo._settings import DISCOVERY_BACKEND, GRACEFUL_SHUTDOWN_TIMEOUT, REQUEST_PLANE
from dynamo.discovery import Discovery, Instance, Target, open_discovery
from dynamo.discovery._backends import chosen_discovery
from dynamo.request_plane import RequestPlane, open_plane
from dynamo.request_plane._planes import chosen_plane
from dynamo_metrics import _sampling

if TYPE_CHECKING:
    from dynamo_metrics import _native

CLOSE_TIMEOUT = 0.75
"""Limit of seconds for disconnecting, also from servers and peers that hang."""
_CLOSED = "this runtime has been shut down: make another DistributedRuntime, and clients of it"

_log = logging.getLogger("dynamo.runtime")


class Network:
    """One per runtime, in one event loop. Made when the first endpoint is served or called."""

    def __init__(self, native: _native.Node, instance_id: int) -> None:
        """Read the settings. Raises ``ValueError`` for a bad one."""
        self.loop = asyncio.get_running_loop()
        self.instance_id = instance_id
        self.plane_name = chosen_plane()
        self.discovery_name = chosen_discovery(self.plane_name)
        self.drain = Drain(self.loop, GRACEFUL_SHUTDOWN_TIMEOUT.read())
        self._native = native
        _sampling.watch_loop(self.loop)
        self._opening = asyncio.Lock()
        self._plane: RequestPlane | None = None
        self._discovery: Discovery | None = None

    def __str__(self) -> str:
        """Return which request plane and which discovery this is, by their settings."""
        where = f" in {directory_path()}" if self.discovery_name == "file" else ""
        return (
            f"{REQUEST_PLANE.variable}={self.plane_name}, "
            f"{DISCOVERY_BACKEND.variable}={self.discovery_name}{where}"
        )

    async def open(self) -> None:
        """Connect, once.

        Raises ``ImportError`` if a package is missing, ``ConnectionError`` if a server cannot be
        reached, ``OSError`` if a directory or an address cannot be used.
        """
        async with self._opening:
            if self._plane is None:
                self._plane = await open_plane(self.plane_name)
            if self._discovery is None:
                self._discovery = await open_discovery(self.discovery_name)
                await self.announce()

    @property
    def plane(self) -> RequestPlane:
        """The open request plane. Raises ``RuntimeError`` after ``close``."""
        if self._plane is None:
            raise RuntimeError(_CLOSED)
        return self._plane

    @property
    def discovery(self) -> Discovery:
        """The open discovery. Raises ``RuntimeError`` after ``close``."""
        if self._discovery is None:
            raise RuntimeError(_CLOSED)
        return self._discovery

    def instance(self, path: Path) -> Instance:
        """Return how an endpoint of this runtime is registered."""
        namespace, component, endpoint = path
        address = self.plane.address(namespace, component, endpoint, self.instance_id)
        return Instance(namespace, component, endpoint, self.instance_id, self.plane_name, address)

    async def announce(self) -> None:
        """Register the status server, if there is one, with the endpoints served now."""
        listening = self._native.system_status_address
        if listening is None or listening.startswith("unix:"):
            return  # nothing that another host can scrape
        paths = self.drain.paths
        labels = {
            "namespace": ",".join(sorted({namespace for namespace, _, _ in paths})),
            "component": ",".join(sorted({component for _, component, _ in paths})),
            "instance": f"{self.instance_id:x}",
        }
        if self._native.shared_dir is not None:
            # All processes of a group show the same metrics: Prometheus needs to scrape one.
            labels["group"] = f"{socket.gethostname()}:{self._native.shared_dir}"
        if self._native.system_status_scheme == "https":
            labels["scheme"] = "https"
        address = await advertised(listening, self.discovery)
        await self.discovery.announce(self.instance_id, Target(address, labels))

    async def announce_server(self, listening: str, component: str) -> None:
        """Register a server of this process that shows the metrics on ``/metrics`` itself.

        ``listening`` is its ``host:port``. For a process without a status server.
        """
        instance = f"{self.instance_id:x}"
        labels = {"namespace": "", "component": component, "instance": instance}
        address = await advertised(listening, self.discovery)
        await self.discovery.announce(self.instance_id, Target(address, labels))

    async def close(self) -> None:
        """Disconnect, within ``CLOSE_TIMEOUT``. What is still served must have stopped before."""
        discovery, self._discovery = self._discovery, None
        plane, self._plane = self._plane, None
        try:
            await _tasks.within(CLOSE_TIMEOUT, _close(discovery, plane))
        except asyncio.TimeoutError:
            _log.warning("closing %s timed out; the shutdown goes on without it", self)


async def _close(discovery: Discovery | None, plane: RequestPlane | None) -> None:
    try:
        if discovery is not None:
            await discovery.close()
    finally:
        if plane is not None:
            await plane.close()

"""Serving an endpoint: from the first request to the last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from dynamo.discovery import Instance
from dynamo.request_plane import Call, Served
from dynamo.runtime._canary import Canary, CanarySettings
from dynamo.runtime._handler import prepare_handler
from dynamo.runtime._health import EndpointHealth
from dynamo.runtime._network import Network
from dynamo.runtime._request import Activity, Request
from dynamo.runtime._request_metrics import Labels, RequestMetrics

if TYPE_CHECKING:
    from dynamo.runtime._nodes import Endpoint

_UNREGISTER = 2.0
"""Seconds that discovery has to take an endpoint back; its lease ends anyway."""
_CANCELLED = 5.0
"""Seconds that cancelled handlers have to end; the process does not wait longer for them."""

_log = logging.getLogger("dynamo.runtime")


async def serve(
    endpoint: Endpoint,
    handler: Callable[..., AsyncIterator[Any]],
    graceful_shutdown: bool,
    metrics_labels: Labels | None,
    health_check_payload: Any,
) -> None:
    """Serve an endpoint until the runtime is shut down, or this is cancelled."""
    network = Network.of(endpoint._shared)
    settings = CanarySettings.from_environment()
    served = ServedEndpoint(endpoint, handler, metrics_labels)
    try:
        with network.serving(served):
            try:
                # Endpoints that are started together all get to this point before one is ready.
                served.report_not_ready()
                await asyncio.sleep(0)
                await network.open()
                await served.open(network)
                served.check_health(health_check_payload, settings)
                await network.drained()
                await served.finish(network.rest if graceful_shutdown else 0.0)
            finally:
                await served.close(forget=not network.is_draining)
    finally:
        endpoint._shared.served_no_more()


class ServedEndpoint:
    """Takes the requests of one endpoint and has the handler answer them, each in its own task."""

    def __init__(
        self,
        endpoint: Endpoint,
        handler: Callable[..., AsyncIterator[Any]],
        metrics_labels: Labels | None,
    ) -> None:
        self.path = endpoint._path
        self.accepting = False
        self._where = "/".join(endpoint._path)
        self._handler = prepare_handler(handler)
        self._metrics = RequestMetrics(endpoint, metrics_labels)
        self._health = EndpointHealth(endpoint)
        self._activity = Activity()
        self._running: dict[asyncio.Task[None], Request] = {}
        self._settled = asyncio.Event()
        self._network: Network | None = None
        self._instance: Instance | None = None
        self._reachable: Served | None = None
        self._canary: asyncio.Task[None] | None = None
        self._draining = False

    def report_not_ready(self) -> None:
        """Show on ``/health`` that the endpoint will come."""
        self._health.report(ready=False)

    async def open(self, network: Network) -> None:
        """Be reachable, and let clients know."""
        self._network = network
        instance = network.instance(self.path)
        self.accepting = not self._draining
        self._reachable = await network.plane.serve(instance.address, self)
        if not self._draining:
            self._instance = instance
            await network.announce()
            await network.discovery.register(instance)

    def check_health(self, payload: Any, settings: CanarySettings) -> None:
        """Be ready, at once or, if there are to be canaries, when the first one comes back."""
        if self._draining:
            return
        if payload is None or not settings.enabled:
            self._health.report(ready=True)
            return
        canary = Canary(self._where, self._handler, payload, self._health, settings, self._activity)
        self._canary = asyncio.get_running_loop().create_task(canary.run())

    def accept(self, call: Call) -> None:
        """Answer a request."""
        self._activity.last = monotonic()
        request = Request(self._where, self._handler, self._metrics, self._activity, call)
        task = request.start()
        self._running[task] = request
        task.add_done_callback(self._done)

    def rejected(self, size: int, error_type: str) -> None:
        """Count what could not be taken as a request."""
        self._metrics.rejected(size, error_type)

    def drain(self) -> None:
        """Take no new requests."""
        self._draining = True
        self.accepting = False
        self._stop_canary()
        self._health.report(ready=False)
        if not self._running:
            self._settled.set()

    def hurry(self) -> None:
        """Wait no longer for running requests."""
        self._settled.set()

    async def finish(self, patience: float) -> None:
        """Let running requests finish, for ``patience`` seconds."""
        self.drain()
        await self._unregister()
        if patience > 0:
            try:
                await asyncio.wait_for(self._settled.wait(), patience)
            except asyncio.TimeoutError:
                _log.warning(
                    "%d requests of %s have not finished within the time for it "
                    "(DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT): they are cancelled",
                    len(self._running),
                    self._where,
                )

    async def close(self, *, forget: bool) -> None:
        """Cut short what still runs, and be reachable no more."""
        self.drain()
        canary, self._canary = self._canary, None
        await self._unregister()
        for request in list(self._running.values()):
            request.cut_short()
        tasks = [*self._running, *([canary] if canary else [])]
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=_CANCELLED)
            if stuck:
                _log.error(
                    "%d handlers of %s do not let themselves be cancelled: they are left behind",
                    len(stuck),
                    self._where,
                )
        if self._reachable is not None:
            await self._reachable.close()
        self._health.withdraw(forget=forget)

    async def _unregister(self) -> None:
        instance, self._instance = self._instance, None
        if instance is None or self._network is None:
            return
        try:
            await asyncio.wait_for(self._network.discovery.unregister(instance), _UNREGISTER)
        except (OSError, asyncio.TimeoutError) as error:
            _log.warning("%s could not be taken out of discovery: %s", self._where, error)

    def _stop_canary(self) -> None:
        if self._canary is not None:
            self._canary.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if self._draining and not self._running:
            self._settled.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a request of %s ended badly", self._where, exc_info=task.exception())

"""Takes the requests of an endpoint, until the runtime is drained."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any

import dynamo_metrics
from dynamo import _tasks
from dynamo._network import Network
from dynamo._serving.canary import Canary, CanarySettings
from dynamo._serving.handler import prepare_handler
from dynamo._serving.health import EndpointHealth
from dynamo._serving.metrics import Labels, RequestMetrics
from dynamo._serving.request import Activity, Request
from dynamo._settings import GRACEFUL_SHUTDOWN_TIMEOUT
from dynamo.discovery import Instance
from dynamo.request_plane import Call, Served

_UNREGISTER_TIMEOUT = 2.0
"""Seconds that discovery has to remove an instance; without that its lease ends."""
CLOSE_TIMEOUT = 1.0
"""Seconds that the plane has to stop accepting requests."""
_CANCEL_TIMEOUT = 5.0
"""Seconds that cancelled handlers have to end; the process does not wait longer for them."""

_log = logging.getLogger("dynamo.runtime")


async def serve(
    node: dynamo_metrics.Endpoint,
    path: tuple[str, ...],
    network: Network,
    handler: Callable[..., AsyncIterator[Any]],
    graceful_shutdown: bool,
    metrics_labels: Labels | None,
    health_check_payload: Any,
) -> None:
    """Serve an endpoint until the network is drained, or this is cancelled.

    ``node`` holds its metrics and its health, ``path`` is its namespace, component and name.
    """
    settings = CanarySettings.from_environment()
    served = ServedEndpoint(node, path, network, handler, metrics_labels)
    drain = network.drain
    with drain.serving(served):
        try:
            # Endpoints that are started together all get to this point before one is ready.
            served.report_not_ready()
            await asyncio.sleep(0)
            if await drain.before(served.open(health_check_payload, settings)):
                await drain.started()
            await served.finish(drain.remaining_timeout if graceful_shutdown else 0.0)
        finally:
            await served.close(keep_health=drain.is_draining)


class ServedEndpoint:
    """Takes the requests of one endpoint and has the handler answer them, each in its own task."""

    def __init__(
        self,
        node: dynamo_metrics.Endpoint,
        path: tuple[str, ...],
        network: Network,
        handler: Callable[..., AsyncIterator[Any]],
        metrics_labels: Labels | None,
    ) -> None:
        self.path = path
        self.accepting = False
        self._name = "/".join(path)
        self._network = network
        self._handler = prepare_handler(handler)
        self._metrics = RequestMetrics(node, metrics_labels, network.instance_id)
        self._health = EndpointHealth(node)
        self._activity = Activity()
        self._inflight: dict[asyncio.Task[None], Request] = {}
        self._settled = asyncio.Event()
        self._instance: Instance | None = None
        self._served: Served | None = None
        self._unregistering: asyncio.Task[None] | None = None
        self._canary: asyncio.Task[None] | None = None
        self._draining = False

    @property
    def inflight(self) -> int:
        """The number of running requests."""
        return len(self._inflight)

    def report_not_ready(self) -> None:
        """Show on ``/health`` that the endpoint is about to be served."""
        self._health.report(ready=False)

    async def open(self, health_check_payload: Any, settings: CanarySettings) -> None:
        """Connect, accept requests, let clients find the endpoint, and become ready."""
        network = self._network
        await network.open()
        instance = network.instance(self.path)
        self.accepting = not self._draining
        self._served = await network.plane.serve(instance.address, self)
        if not self._draining:
            self._instance = instance
            await network.announce()
            await network.discovery.register(instance)
        self._check_health(health_check_payload, settings)

    def _check_health(self, payload: Any, settings: CanarySettings) -> None:
        """Become ready: at once or, with canaries, when the first one is answered."""
        if self._draining:
            return
        if payload is None or not settings.enabled:
            self._health.report(ready=True)
            return
        canary = Canary(self._name, self._handler, payload, self._health, settings, self._activity)
        self._canary = asyncio.get_running_loop().create_task(canary.run())

    def accept(self, call: Call) -> None:
        """Answer a request."""
        self._activity.last = monotonic()
        request = Request(self._name, self._handler, self._metrics, self._activity, call)
        task = request.start()
        self._inflight[task] = request
        task.add_done_callback(self._on_done)

    def rejected(self, size: int, error_type: str) -> None:
        """Count bytes that could not be taken as a request."""
        self._metrics.rejected(size, error_type)

    def incomplete(self, requests: int, size: int) -> None:
        """Count requests, and their bytes, whose bodies have not arrived completely."""
        self._metrics.incomplete(requests, size)

    def reachable(self, reachable: bool) -> None:
        """Show on ``/health`` whether requests can arrive."""
        self._health.reach(reachable)

    def drain(self) -> None:
        """Take no new requests."""
        self._draining = True
        self.accepting = False
        if self._canary is not None:
            self._canary.cancel()
        self._health.report(ready=False)
        if not self._inflight:
            self._settled.set()

    def cancel_inflight(self) -> None:
        """Stop waiting for running requests: ``close`` cancels them."""
        self._settled.set()

    async def finish(self, timeout: float) -> None:
        """Drain, and let running requests finish within ``timeout`` seconds."""
        self.drain()
        self._unregister()
        if timeout > 0 and not await _tasks.happens(self._settled, timeout):
            _log.warning(
                "cancelling %d requests of %s that did not finish within %s",
                len(self._inflight),
                self._name,
                GRACEFUL_SHUTDOWN_TIMEOUT.variable,
            )

    async def close(self, *, keep_health: bool) -> None:
        """Cancel the requests in flight, and stop accepting new ones.

        ``keep_health`` leaves the endpoint on ``/health`` as not ready.
        """
        self.drain()
        canary, self._canary = self._canary, None
        self._unregister()
        for request in list(self._inflight.values()):
            request.cancel()
        tasks = [*self._inflight, *([canary] if canary else [])]
        closing = [self._unregistering] if self._unregistering is not None else []
        if self._served is not None:
            closing.append(asyncio.get_running_loop().create_task(self._served.close()))
        closed = asyncio.ensure_future(_tasks.within(CLOSE_TIMEOUT, asyncio.gather(*closing)))
        try:
            if tasks:
                _, stuck = await asyncio.wait(tasks, timeout=_CANCEL_TIMEOUT)
                if stuck:
                    _log.error(
                        "%d handlers of %s did not end within %g s of their cancellation: they go "
                        "on running",
                        len(stuck),
                        self._name,
                        _CANCEL_TIMEOUT,
                    )
        finally:
            try:
                await closed
            except asyncio.TimeoutError:
                _log.warning("closing %s timed out; the shutdown goes on without it", self._name)
            finally:
                self._health.withdraw(keep=keep_health)

    def _unregister(self) -> None:
        """Begin to remove the instance from discovery."""
        instance, self._instance = self._instance, None
        if instance is not None:
            self._unregistering = asyncio.get_running_loop().create_task(
                self._remove_from_discovery(instance)
            )

    async def _remove_from_discovery(self, instance: Instance) -> None:
        try:
            await _tasks.within(_UNREGISTER_TIMEOUT, self._network.discovery.unregister(instance))
        except (OSError, asyncio.TimeoutError) as error:
            reason = str(error) or f"that took longer than {_UNREGISTER_TIMEOUT:g} s"
            _log.warning("%s was not removed from discovery: %s", self._name, reason)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._inflight.pop(task, None)
        if self._draining and not self._inflight:
            self._settled.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a request of %s failed", self._name, exc_info=task.exception())

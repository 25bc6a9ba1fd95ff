"""A request to the handler of an idle endpoint, to see whether it still answers."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic
from typing import Any

from dynamo._requests import Context
from dynamo._serving.handler import Handler, close
from dynamo._serving.health import EndpointHealth
from dynamo._serving.request import Activity
from dynamo._settings import (
    CANARY_WAIT_TIME,
    HEALTH_CHECK_ENABLED,
    HEALTH_CHECK_REQUEST_TIMEOUT,
)

_log = logging.getLogger("dynamo.runtime")


@dataclass(frozen=True)
class CanarySettings:
    """Whether and when canaries run; times in seconds."""

    enabled: bool
    wait: float
    timeout: float

    @classmethod
    def from_environment(cls) -> CanarySettings:
        """Read the settings. Raises ``ValueError`` for a bad one."""
        return cls(
            enabled=HEALTH_CHECK_ENABLED.read(),
            wait=CANARY_WAIT_TIME.read(),
            timeout=HEALTH_CHECK_REQUEST_TIMEOUT.read(),
        )


class Canary:
    """Decides whether an endpoint is ready: from an answered canary to the next failed one.

    The first one runs at once. A canary does not count as a request. While requests make progress
    none is sent; after a failure canaries go on regardless.
    """

    def __init__(
        self,
        endpoint: str,
        handler: Handler,
        payload: Any,
        health: EndpointHealth,
        settings: CanarySettings,
        activity: Activity,
    ) -> None:
        self._endpoint = endpoint
        self._handler = handler
        self._payload = payload
        self._health = health
        self._settings = settings
        self._activity = activity
        self._healthy = False

    async def run(self) -> None:
        """Send canaries until cancelled."""
        while True:
            problem = await self._probe()
            if problem is not None and self._healthy:
                _log.warning("the canary of %s failed: %s", self._endpoint, problem)
            elif problem is None and not self._healthy:
                _log.info("the canary of %s was answered", self._endpoint)
            self._healthy = problem is None
            self._health.report(ready=self._healthy)
            checked = monotonic()
            while (rest := self._last_sign(checked) + self._settings.wait - monotonic()) > 0:
                await asyncio.sleep(rest)

    def _last_sign(self, checked: float) -> float:
        """Return when the handler last showed that it answers."""
        return max(checked, self._activity.last) if self._healthy else checked

    async def _probe(self) -> str | None:
        """Send one canary; return the problem, None if there is none."""
        # Not wait_for(): a handler that resists its cancellation must not block the canary.
        probe = asyncio.get_running_loop().create_task(self._first_item())
        try:
            await asyncio.wait({probe}, timeout=self._settings.timeout)
        finally:
            finished = probe.done()
            if not finished:
                probe.cancel()
                await asyncio.wait({probe}, timeout=self._settings.timeout)
        if not finished:
            return f"no answer within {self._settings.timeout:g} s"
        if probe.cancelled():
            return "it was cancelled"
        error = probe.exception()
        return None if error is None else f"{type(error).__name__}: {error}"

    async def _first_item(self) -> None:
        context = Context()
        items = self._handler(self._payload, context)
        try:
            async for _ in items:
                break
        finally:
            context.stop_generating()
            await close(items)

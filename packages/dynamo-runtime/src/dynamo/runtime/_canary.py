"""A request of our own through the handler of an idle endpoint, to see whether it still answers.

| variable | default | |
|---|---|---|
| ``DYN_HEALTH_CHECK_ENABLED`` | false | run canaries for endpoints that have a payload |
| ``DYN_CANARY_WAIT_TIME`` | 10 | seconds without a request after which one is sent |
| ``DYN_HEALTH_CHECK_REQUEST_TIMEOUT`` | 3 | seconds that the first item may take |
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic
from typing import Any

from dynamo.runtime._context import Context
from dynamo.runtime._handler import Handler, close
from dynamo.runtime._health import EndpointHealth
from dynamo.runtime._request import Activity
from dynamo_metrics import _environment

_log = logging.getLogger("dynamo.runtime")


@dataclass(frozen=True)
class CanarySettings:
    """Whether and when canaries run; times in seconds."""

    enabled: bool
    wait: float
    timeout: float

    @classmethod
    def from_environment(cls) -> CanarySettings:
        """Read the variables. Raises ``ValueError`` for a bad one."""
        return cls(
            enabled=_environment.flag("DYN_HEALTH_CHECK_ENABLED", default=False),
            wait=_environment.seconds("DYN_CANARY_WAIT_TIME", 10.0),
            timeout=_environment.seconds("DYN_HEALTH_CHECK_REQUEST_TIMEOUT", 3.0),
        )


class Canary:
    """Decides whether an endpoint is ready: when a canary came back, until one does not.

    The first one runs at once. A canary does not count as a request. While requests make progress
    none is needed; after a failure canaries go on regardless.
    """

    def __init__(
        self,
        where: str,
        handler: Handler,
        payload: Any,
        health: EndpointHealth,
        settings: CanarySettings,
        activity: Activity,
    ) -> None:
        self._where = where
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
                _log.warning("the canary of %s failed: %s", self._where, problem)
            elif problem is None and not self._healthy:
                _log.info("the canary of %s came back", self._where)
            self._healthy = problem is None
            self._health.report(ready=self._healthy)
            checked = monotonic()
            while (rest := self._last(checked) + self._settings.wait - monotonic()) > 0:
                await asyncio.sleep(rest)

    def _last(self, checked: float) -> float:
        """When there last was a sign that the handler answers."""
        return max(checked, self._activity.last) if self._healthy else checked

    async def _probe(self) -> str | None:
        """Send one; returns what is wrong, None if nothing is."""
        # Not wait_for(): a handler that does not let itself be cancelled must not hold us up.
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

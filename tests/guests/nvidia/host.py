"""A runtime of NVIDIA's Dynamo without servers of any kind, and what its ``/metrics`` shows."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Any

from tests.support.exposition import Family, exposition

OWN = "dynamo_component_uptime_seconds"
"""The family that Dynamo exposes whatever happens."""


def metrics_text(runtime: Any) -> str:
    """What ``/metrics`` of a runtime's status server answers."""
    with urllib.request.urlopen(f"{runtime.system_status_server_url()}/metrics") as answer:
        assert answer.status == 200
        text: str = answer.read().decode()
    return text


def scrape(runtime: Any) -> dict[str, Family]:
    """The families on ``/metrics``, by name; each stands there once, and so does each series."""
    return exposition(metrics_text(runtime))


class Dynamo:
    """A runtime whose handlers run on ``loop``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        from dynamo._core import DistributedRuntime

        self.loop = loop
        self.runtime: Any = DistributedRuntime(loop, "mem", "tcp")

    def endpoint(self, path: str = "ns.comp.ep") -> Any:
        """Dynamo's own endpoint."""
        return self.runtime.endpoint(path)

    def scrape(self) -> dict[str, Family]:
        """What its ``/metrics`` shows."""
        return scrape(self.runtime)

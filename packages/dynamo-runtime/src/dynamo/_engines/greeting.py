"""What a worker says first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamo_metrics._environment import text

if TYPE_CHECKING:
    from dynamo.runtime import DistributedRuntime

_ANY_HOST = ("0.0.0.0", "[::]")


def greet(runtime: DistributedRuntime, *, idle: str | None = None) -> None:
    """Print where the metrics are, and ``idle`` if requests cannot come from other processes."""
    print(f"metrics: {_page(runtime) or 'set DYN_SYSTEM_PORT'}", flush=True)
    if idle and text("DYN_REQUEST_PLANE", "memory") == "memory":
        print(f"requests: {idle}", flush=True)


def _page(runtime: DistributedRuntime) -> str | None:
    """Return where the metrics are, for a browser on this host."""
    address = runtime.system_status_address
    if address is None:
        return None
    if address.startswith("unix:"):
        return address
    host, port = address.rsplit(":", 1)
    return f"http://{'localhost' if host in _ANY_HOST else host}:{port}/metrics"

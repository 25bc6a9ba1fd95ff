"""What a worker prints at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamo.request_plane._planes import chosen_plane

if TYPE_CHECKING:
    from dynamo.runtime import DistributedRuntime

_ANY_HOST = ("0.0.0.0", "[::]")


def greet(runtime: DistributedRuntime, *, idle: str | None = None) -> None:
    """Print where the metrics are, and ``idle`` if no other process can send requests.

    Raises ``ValueError`` for a bad ``DYN_REQUEST_PLANE``.
    """
    print(f"metrics: {_metrics_url(runtime) or 'set DYN_SYSTEM_PORT'}", flush=True)
    if idle and chosen_plane() == "memory":
        print(f"requests: {idle}", flush=True)


def _metrics_url(runtime: DistributedRuntime) -> str | None:
    """Return the URL of the metrics for a browser on this host."""
    address = runtime.system_status_address
    if address is None:
        return None
    if address.startswith("unix:"):
        return address
    host, port = address.rsplit(":", 1)
    return f"http://{'localhost' if host in _ANY_HOST else host}:{port}/metrics"

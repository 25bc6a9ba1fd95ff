"""What a worker prints at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamo.request_plane._planes import chosen_plane
from dynamo_metrics._settings import LIVE_PAGE

if TYPE_CHECKING:
    from dynamo.runtime import DistributedRuntime

_ANY_HOST = ("0.0.0.0", "[::]")


def greet(runtime: DistributedRuntime, *, idle: str | None = None) -> None:
    """Print where the live page and the metrics are; ``idle`` if no other process sends requests.

    Raises ``ValueError`` for a bad ``DYN_REQUEST_PLANE``.
    """
    page = _page_url(runtime)
    if page is not None:
        print(f"live page: {page}", flush=True)
    print(f"metrics: {_metrics_url(runtime) or 'set DYN_SYSTEM_PORT'}", flush=True)
    if idle and chosen_plane() == "memory":
        print(f"requests: {idle}", flush=True)


def _page_url(runtime: DistributedRuntime) -> str | None:
    """Return the URL of the live page for a browser on this host; None if there is none."""
    url = _metrics_url(runtime)
    if url is None or url.startswith("unix:") or not LIVE_PAGE.read():
        return None
    return url.removesuffix("metrics")


def _metrics_url(runtime: DistributedRuntime) -> str | None:
    """Return the URL of the metrics for a browser on this host."""
    address = runtime.system_status_address
    if address is None:
        return None
    if address.startswith("unix:"):
        return address
    host, port = address.rsplit(":", 1)
    scheme = runtime._native.system_status_scheme
    return f"{scheme}://{'localhost' if host in _ANY_HOST else host}:{port}/metrics"

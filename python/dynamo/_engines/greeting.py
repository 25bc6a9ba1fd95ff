"""What a worker says first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamo._environment import text

if TYPE_CHECKING:
    from dynamo.runtime import DistributedRuntime


def greet(runtime: DistributedRuntime, *, idle: str | None = None) -> None:
    """Print where the metrics are, and ``idle`` if requests cannot come from other processes."""
    address = runtime.system_status_address
    print(
        f"metrics: http://{address}/metrics" if address else "metrics: set DYN_SYSTEM_PORT",
        flush=True,
    )
    if idle and text("DYN_REQUEST_PLANE", "memory") == "memory":
        print(f"requests: {idle}", flush=True)

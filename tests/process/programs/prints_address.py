"""A runtime that prints its address."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

runtime = DistributedRuntime()
runtime.metrics.create_counter("m", "help").inc()
print(runtime.system_status_address)
input()

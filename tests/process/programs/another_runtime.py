"""A runtime that takes the port of one that was shut down."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime
from tests.programs.served import runtime

runtime.shutdown()
other = DistributedRuntime()
other.metrics.create_counter("second", "help").inc()
print(other.system_status_address)
input()

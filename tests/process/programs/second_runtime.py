"""Two runtimes on one socket."""

from __future__ import annotations

import tests.programs.served  # noqa: F401
from dynamo.runtime import DistributedRuntime

other = DistributedRuntime()
other.metrics.create_counter("second", "help").inc()
print(other.system_status_address)
input()

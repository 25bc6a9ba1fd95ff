"""Two runtimes of one process."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime
from tests.programs.served import metrics

metrics.create_counter("first", "help").inc()
other = DistributedRuntime()
other.metrics.create_counter("second", "help").inc_by(2)
print(other.system_status_address)
input()

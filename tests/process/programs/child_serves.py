"""A child that serves on a port of its own."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime
from tests.programs.forking import ended, fork


def child():
    own = DistributedRuntime()
    own.metrics.create_counter("own_total", "help").inc()
    print(own.system_status_address)
    input()


pid = fork(child)
print(ended(pid))
input()

"""Two runtimes with the same port."""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

first, second = DistributedRuntime(), DistributedRuntime()
print(first == second)
print(second.system_status_address)
input()

"""Two runtimes of one process: the address of the second."""

from __future__ import annotations

import tests.programs.served  # noqa: F401
from dynamo.runtime import DistributedRuntime

second = DistributedRuntime()
print(second.system_status_address)
input()

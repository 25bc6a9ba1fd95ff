"""Eight runtimes, each with a callback that hangs."""

from __future__ import annotations

import threading

from dynamo.runtime import DistributedRuntime
from tests.programs.served import runtime
from tests.programs.waiting import end_when_told

runtimes = [runtime, *(DistributedRuntime() for _ in range(7))]
print(*(one.system_status_address for one in runtimes))
for one in runtimes:
    one.metrics.register_callback(threading.Event().wait)
end_when_told()

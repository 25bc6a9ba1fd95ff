"""A runtime without a server."""

from __future__ import annotations

import threading

from dynamo.runtime import DistributedRuntime

runtime = DistributedRuntime()
print(threading.active_count())
print("gil_wait" in runtime.metrics.prometheus_expfmt())

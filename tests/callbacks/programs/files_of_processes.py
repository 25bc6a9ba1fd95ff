"""Children whose metrics prometheus_client keeps in files, and what a runtime shows of them."""

from __future__ import annotations

import os
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, multiprocess

requests = Counter("engine_requests", "Requests", ["model"])
level = Gauge("engine_level", "Level", multiprocess_mode="sum")
for number in range(3):
    child = os.fork()
    if child == 0:
        requests.labels("llama").inc(number + 1)
        level.set(number)
        os._exit(0)
    os.waitpid(child, 0)

from dynamo.runtime import DistributedRuntime  # noqa: E402 - as late as a fork would have it

registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
metrics = DistributedRuntime().namespace("ns").metrics
metrics.register_collector(registry, prefixes=["engine_"])
sys.stdout.write(metrics.prometheus_expfmt())

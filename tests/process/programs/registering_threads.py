"""Threads that register callbacks at once."""

from __future__ import annotations

import sys
import threading

from dynamo.runtime import DistributedRuntime

runtime = DistributedRuntime()
sys.setswitchinterval(1e-6)
together = threading.Barrier(16)


def register():
    together.wait()
    runtime.metrics.register_callback(lambda: None)


threads = [threading.Thread(target=register) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(thread.name for thread in threading.enumerate()))

"""A member of a group with a counter at 1 and a gauge at its number.

To import it is to start it; it prints its address when it has counted. As a program it waits until
it is told.
"""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

runtime = DistributedRuntime()
metrics = runtime.namespace("ns").component("comp").endpoint("ep").metrics
counter = metrics.create_intcounter("counted_total", "help")
gauge = metrics.create_gauge("value", "help")
counter.inc()
gauge.set(runtime.process_number)
print(runtime.system_status_address)
if __name__ == "__main__":
    input()

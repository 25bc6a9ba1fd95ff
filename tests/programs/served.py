"""A runtime that serves as the environment says: to import it is to start it.

Its address is the first line of the program.
"""

from __future__ import annotations

from dynamo.runtime import DistributedRuntime

runtime = DistributedRuntime()
endpoint = runtime.namespace("ns").component("comp").endpoint("ep")
metrics = endpoint.metrics
print(runtime.system_status_address)

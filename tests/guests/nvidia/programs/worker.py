"""A worker of NVIDIA's Dynamo with our metrics, which come as the argument says.

Without shutdown() Dynamo 1.6.1 ends with SIGABRT under scrapes, each time.
"""

from __future__ import annotations

import asyncio
import sys

import dynamo_metrics
from dynamo.runtime import DistributedRuntime

attached = sys.argv[1] == "attach"
if not attached:
    dynamo_metrics.install()


async def main():
    runtime = DistributedRuntime(asyncio.get_running_loop(), "mem", "tcp")
    if attached:
        metrics = dynamo_metrics.attach(runtime, "ns")
    else:
        metrics = runtime.endpoint("ns.comp.ep").metrics
    metrics.register_callback(metrics.create_intgauge("m", "help").inc)
    print(runtime.system_status_server_url(), flush=True)
    sys.stdin.readline()


asyncio.run(main())

"""An event loop that a call blocks, each time it is told, until it is told to end."""

from __future__ import annotations

import asyncio
import time

from dynamo.runtime import DistributedRuntime


async def main():
    loop = asyncio.get_running_loop()
    runtime = DistributedRuntime(loop)
    print(runtime.system_status_address)
    while await loop.run_in_executor(None, input) == "stall":
        time.sleep(0.3)  # blocks the event loop
        print("stalled")
    return runtime  # it lives until the end


runtime = asyncio.run(main())

"""A worker with an event loop that Ctrl-C interrupts."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker


@dynamo_worker()
async def main(runtime):
    runtime.metrics.register_callback(asyncio.get_running_loop().time)
    print(runtime.system_status_address)
    await asyncio.sleep(3600)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
    input()

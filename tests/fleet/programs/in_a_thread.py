"""Blocks a thread of its own until a line comes; the event loop goes on."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker


def work(runtime):
    print(runtime.system_status_address, flush=True)
    input()


@dynamo_worker()
async def main(runtime):
    await asyncio.to_thread(work, runtime)


asyncio.run(main())

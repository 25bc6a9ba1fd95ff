"""A worker that prints when it is announced."""

from __future__ import annotations

import asyncio

import tests.programs.patient  # noqa: F401 - it changes time limits
from dynamo.runtime import dynamo_worker


@dynamo_worker()
async def main(runtime):
    print(runtime.system_status_address, flush=True)
    await asyncio.to_thread(input)


asyncio.run(main())

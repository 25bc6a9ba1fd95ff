"""A worker that answers in several ways."""

from __future__ import annotations

import asyncio
import os
import time

from dynamo.runtime import dynamo_worker


async def handler(request):
    yield os.getpid()
    if request == "fork":
        child = os.fork()
        if child == 0:
            time.sleep(600)
        yield child
    if request == "block":
        time.sleep(1)
    if request != "end":
        await asyncio.Event().wait()


@dynamo_worker()
async def main(runtime):
    await runtime.namespace("ns").component("comp").endpoint("generate").serve_endpoint(handler)


asyncio.run(main())

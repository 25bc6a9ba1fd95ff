"""Prints whether the handlers of signals after serving are those from before it."""

from __future__ import annotations

import asyncio
import signal

from dynamo.runtime import DistributedRuntime


async def handler(request):
    yield request


def now():
    return [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]


async def main():
    async with DistributedRuntime() as runtime:
        before = now()
        endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
        serving = asyncio.create_task(endpoint.serve_endpoint(handler))
        await (await endpoint.client()).wait_for_instances()
        during = now()
        runtime.shutdown()
        await serving
        print(before == now(), *(one != other for one, other in zip(before, during, strict=True)))


asyncio.run(main())

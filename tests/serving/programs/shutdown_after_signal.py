"""Gets SIGTERM and then shuts down, while a request is running."""

from __future__ import annotations

import asyncio
import signal

from dynamo.runtime import DistributedRuntime

go_on = asyncio.Event()


async def handler(request):
    yield 1
    await go_on.wait()
    yield 2


async def main():
    async with DistributedRuntime() as runtime:
        endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
        serving = asyncio.create_task(endpoint.serve_endpoint(handler))
        client = await endpoint.client()
        await client.wait_for_instances()
        answer = await client.generate(None)
        await anext(answer)
        signal.raise_signal(signal.SIGTERM)
        await client.wait_for_change()
        runtime.shutdown()
        await asyncio.sleep(0)
        go_on.set()
        print([item async for item in answer])
        await serving


asyncio.run(main())

"""Serves without dynamo_worker and leaves an answer open."""

from __future__ import annotations

import asyncio

from dynamo.runtime import DistributedRuntime


async def handler(request):
    yield request


async def main():
    endpoint = DistributedRuntime().namespace("ns").component("comp").endpoint("generate")
    serving = asyncio.create_task(endpoint.serve_endpoint(handler))
    client = await endpoint.client()
    await client.wait_for_instances()
    answer = await client.generate("left open")
    print(await anext(answer))
    await serving


asyncio.run(main())

"""A worker whose NATS server is stopped."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker

item = "x" * 250_000


async def handler(request):
    yield "started"
    while request == "data":
        yield item
    await asyncio.Event().wait()


@dynamo_worker()
async def main(runtime):
    endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
    await endpoint.serve_endpoint(handler)


asyncio.run(main())

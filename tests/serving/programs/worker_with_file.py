"""A worker of discovery by file."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker


async def handler(request):
    yield request


@dynamo_worker()
async def main(runtime):
    await runtime.namespace("ns").component("comp").endpoint("generate").serve_endpoint(handler)


asyncio.run(main())

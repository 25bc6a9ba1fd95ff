"""Serves, and then blocks its event loop until a line comes."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker


async def handler(request):
    yield request


@dynamo_worker()
async def main(runtime):
    endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
    serving = asyncio.ensure_future(endpoint.serve_endpoint(handler))
    await (await endpoint.client()).wait_for_instances()
    print(runtime.system_status_address, flush=True)
    input()  # nothing else happens in this loop until the test says so
    runtime.shutdown()
    await serving


asyncio.run(main())

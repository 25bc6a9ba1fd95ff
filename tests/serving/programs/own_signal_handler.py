"""Handles the signal that the environment names by itself."""

from __future__ import annotations

import asyncio
import os

from dynamo.runtime import DistributedRuntime


async def handler(request):
    yield request


async def main():
    async with DistributedRuntime() as runtime:

        def stop():
            print("mine")
            runtime.shutdown()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(int(os.environ["NUMBER"]), stop)
        endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
        serving = asyncio.create_task(endpoint.serve_endpoint(handler))
        await (await endpoint.client()).wait_for_instances()
        print("ready")
        await serving


asyncio.run(main())

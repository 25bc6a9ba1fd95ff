#!/usr/bin/env python3
"""Asks the worker for greetings, and prints them as they arrive.

    ./client.py world,sun,moon

With ``DYN_REQUEST_PLANE=memory`` nobody outside this process can be reached: then the worker runs
here too.
"""

from __future__ import annotations

import asyncio
import os
import sys

from dynamo.runtime import DistributedRuntime, RequestError, dynamo_worker
from server import endpoint_of, greet


@dynamo_worker()
async def main(runtime: DistributedRuntime, names: str) -> None:
    """Send one request."""
    endpoint = endpoint_of(runtime)
    worker = None
    if os.environ.get("DYN_REQUEST_PLANE") == "memory":
        worker = asyncio.create_task(endpoint.serve_endpoint(greet))

    client = await endpoint.client()
    await client.wait_for_instances()
    async for greeting in await client.generate(names):
        print(greeting, flush=True)

    if worker is not None:
        runtime.shutdown()
        await worker


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "world,sun,moon,star"))
    except (RequestError, OSError, ValueError, ImportError) as error:
        sys.exit(str(error))

"""A worker that is killed before its first item."""

from __future__ import annotations

import asyncio
import os
import signal

from dynamo.runtime import dynamo_worker, register_model


async def handler(request):
    if request["sampling_options"].get("seed"):
        yield {"token_ids": [1], "text": "a"}
        await asyncio.Event().wait()
    os.kill(os.getpid(), signal.SIGKILL)


@dynamo_worker()
async def main(runtime):
    endpoint = runtime.endpoint("ns.comp.generate")
    await register_model(endpoint, "m")
    await endpoint.serve_endpoint(handler)


asyncio.run(main())

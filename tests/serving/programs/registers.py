"""A worker that registers one endpoint."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker, register_model


@dynamo_worker()
async def main(runtime):
    endpoint = runtime.endpoint("ns.comp.generate")
    await register_model(endpoint, "org/model-8b", context_length=4096)
    print("registered")
    await asyncio.Event().wait()


asyncio.run(main())

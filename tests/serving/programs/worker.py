"""A worker that serves one endpoint."""

from __future__ import annotations

import asyncio

import tests.programs.patient  # noqa: F401 - it changes time limits
from dynamo.runtime import dynamo_worker


async def handler(request):
    yield request
    await asyncio.Event().wait()


@dynamo_worker()
async def main(runtime):
    await runtime.namespace("ns").component("comp").endpoint("generate").serve_endpoint(handler)


asyncio.run(main())

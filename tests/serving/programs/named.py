"""Answers with its name, which the environment gives."""

from __future__ import annotations

import asyncio
import os

import tests.programs.patient  # noqa: F401 - it changes time limits
from dynamo.runtime import dynamo_worker


async def handler(request):
    yield os.environ["NAME"]
    if request == "raise":
        raise ValueError("as asked")
    if request == "wait":
        await asyncio.Event().wait()


@dynamo_worker()
async def main(runtime):
    print(runtime.system_status_address, flush=True)
    endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
    await endpoint.serve_endpoint(handler, metrics_labels=[("model", "llama")])


asyncio.run(main())

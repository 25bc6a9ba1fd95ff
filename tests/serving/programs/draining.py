"""Serves until it is told to stop.

The environment says whether requests may finish, and whether the end waits for NATS and peers.
"""

from __future__ import annotations

import asyncio
import os
import sys

from dynamo.runtime import dynamo_worker

if os.environ["PATIENT"] == "1":
    import tests.programs.patient  # noqa: F401 - it changes time limits

go_on = asyncio.Event()


async def handler(request):
    yield "started"
    if request == "wait":
        await go_on.wait()
    if request == "forever":
        try:
            await asyncio.Event().wait()
        finally:
            print("cancelled", flush=True)
    yield "finished"


@dynamo_worker()
async def main(runtime):
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: (sys.stdin.readline(), go_on.set()))
    print(runtime.system_status_address, flush=True)
    endpoint = runtime.namespace("ns").component("comp").endpoint("generate")
    await endpoint.serve_endpoint(handler, graceful_shutdown=os.environ["GRACEFUL"] == "1")
    print("served", flush=True)
    go_on.clear()
    await go_on.wait()


asyncio.run(main())
print("ended", flush=True)

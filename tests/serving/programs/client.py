"""A client that is ended in the middle of a stream."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker


@dynamo_worker()
async def main(runtime):
    client = await runtime.namespace("ns").component("comp").endpoint("generate").client()
    await client.wait_for_instances()
    answers = [await client.generate(n) for n in range(5)]
    for answer in answers:
        await anext(answer)
    print("reading", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

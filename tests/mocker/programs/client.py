"""A client that sends one request to the mocker."""

from __future__ import annotations

import asyncio

from dynamo.runtime import dynamo_worker


@dynamo_worker()
async def main(runtime):
    endpoint = runtime.namespace("a.b").component("c").endpoint("d")
    client = await endpoint.client()
    await client.wait_for_instances()
    request = {"prompt": "one two", "max_tokens": 10, "ignore_eos": True}
    items = [item async for item in await client.generate(request)]
    print(sum(len(item["token_ids"]) for item in items), items[-1]["finish_reason"])


asyncio.run(main())

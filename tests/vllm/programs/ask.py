"""A client of the worker under test."""

from __future__ import annotations

import asyncio
import json
import sys

from dynamo.runtime import RequestError, dynamo_worker


async def ask(client, request, leaves):
    tokens, reason = 0, None
    try:
        answer = await client.generate(request)
        async for item in answer:
            tokens, reason = tokens + len(item["token_ids"]), item["finish_reason"]
            if leaves:
                await answer.aclose()
                return tokens, "left"
    except RequestError as error:
        reason = f"{type(error).__name__}: {error}"
    return tokens, reason


@dynamo_worker()
async def main(runtime):
    client = await runtime.namespace("dynamo").component("backend").endpoint("generate").client()
    await client.wait_for_instances()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        requests, leaves = json.loads(line)
        answers = asyncio.gather(*(ask(client, request, leaves) for request in requests))
        print("sent")
        print(json.dumps(await answers))


asyncio.run(main())

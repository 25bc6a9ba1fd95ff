"""Serves ``soak/worker/<argument>``; prints what its metrics say at the end."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from dynamo.runtime import DistributedRuntime, dynamo_worker
from tests.support.serving import endpoint_of, request_counts

completed = 0


async def handler(request: dict[str, int]) -> AsyncIterator[Any]:
    global completed
    for number in range(request["items"]):
        yield {"number": number, "text": "x" * request["size"]}
        if number % 8 == 0:
            await asyncio.sleep(0.001)
    completed += 1


@dynamo_worker()
async def main(runtime: DistributedRuntime) -> None:
    name = sys.argv[1]
    await endpoint_of(runtime, f"soak/worker/{name}").serve_endpoint(handler)
    counts = request_counts(runtime, name)
    said = {**counts._asdict(), "succeeded": counts.succeeded, "completed": completed}
    print(json.dumps(said), flush=True)


asyncio.run(main())

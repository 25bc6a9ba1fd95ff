"""A client of vLLM workers, as a process of its own."""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

from tests.support.process import Worker

_SCRIPT = """
import asyncio, json, sys
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
"""


class Ended(NamedTuple):
    """How a request ended."""

    tokens: int
    reason: str
    """The finish reason, ``left``, or the error."""


class Client(Worker):
    """Sends requests to ``dyn://dynamo.backend.generate``."""

    def __init__(self, settings: dict[str, str]) -> None:
        super().__init__([sys.executable, "-c", _SCRIPT], settings)

    def send(self, *requests: dict[str, Any], leaves: bool = False) -> None:
        """Send requests, all at once, and leave each after its first item if it ``leaves``."""
        self.tell(json.dumps([requests, leaves]))
        assert self.line() == "sent"

    def answers(self) -> list[Ended]:
        """How the requests sent have ended, which must happen."""
        return [Ended(*answer) for answer in json.loads(self.line())]

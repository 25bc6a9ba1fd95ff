"""A frontend, workers that the test drives, and the real client of OpenAI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import openai

from dynamo.frontend import parse, serve
from dynamo.runtime import Context, DistributedRuntime, register_model
from tests.support.exposition import Family, exposition
from tests.support.process import free_port
from tests.support.serving import endpoint_of, served, until

Handler = Callable[[Any, Context], AsyncIterator[Any]]

ASKED = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
"""A request for a chat completion."""


class Frontend:
    """A frontend in the test's own process."""

    def __init__(self, runtime: DistributedRuntime, address: str) -> None:
        self.runtime = runtime
        self.address = address
        self.openai = openai.AsyncOpenAI(
            api_key="none", base_url=f"http://{address}/v1", max_retries=0
        )
        self.http = httpx.AsyncClient(base_url=f"http://{address}", timeout=30)

    async def lists(self, *names: str) -> None:
        """Wait until it lists just these models."""

        async def listed() -> bool:
            answer = await self.http.get("/v1/models")
            return [model["id"] for model in answer.json()["data"]] == [*names]

        while not await listed():
            await asyncio.sleep(0.01)

    def families(self) -> dict[str, Family]:
        """What it has measured."""
        return exposition(self.runtime)

    def counts(self, name: str = "requests_total") -> dict[tuple[str, ...], int]:
        """The series of a family that are not 0, by the values of their labels in order."""
        samples = self.families()[f"dynamo_frontend_{name}"].samples
        return {
            tuple(value for _, value in sorted(sample.labels.items()) if value): int(sample.value)
            for sample in samples
            if sample.value
        }

    async def idle(self) -> None:
        """Wait until no request is under way."""
        await until(lambda: None if self.counts("active_requests") else True)

    async def close(self) -> None:
        """Close the clients."""
        await self.openai.close()
        await self.http.aclose()


@asynccontextmanager
async def frontend(*arguments: str) -> AsyncIterator[Frontend]:
    """Runs a frontend meanwhile."""
    port = str(free_port())
    settings = parse(["--http-host", "127.0.0.1", "--http-port", port, *arguments])
    async with DistributedRuntime(port=-1, callback_timeout=60) as runtime:
        serving = asyncio.create_task(serve(runtime, settings))
        front = Frontend(runtime, f"127.0.0.1:{port}")
        try:
            while not serving.done():
                try:
                    await front.http.get("/live")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.01)
            yield front
        finally:
            await front.close()
            serving.cancel()
            await asyncio.wait({serving})
        if not serving.cancelled():
            serving.result()


@asynccontextmanager
async def worker(handler: Handler, model: str = "m", **registered: Any) -> AsyncIterator[int]:
    """Serves a model meanwhile, by a runtime of its own; gives the id of its instance."""
    async with DistributedRuntime() as runtime:
        endpoint = endpoint_of(runtime)
        await register_model(endpoint, model, **registered)
        async with served(endpoint, handler):
            yield endpoint.connection_id()


@asynccontextmanager
async def frontend_and_workers(
    *handlers: Handler, arguments: tuple[str, ...] = (), **registered: Any
) -> AsyncIterator[Frontend]:
    """Runs a frontend that knows these workers of the model ``m``."""
    async with AsyncExitStack() as stack:
        for handler in handlers:
            await stack.enter_async_context(worker(handler, **registered))
        front = await stack.enter_async_context(frontend(*arguments))

        async def workers() -> int:
            return int((await front.http.get("/health")).json()["workers"])

        while await workers() < len(handlers):
            await asyncio.sleep(0.01)
        yield front


def item(
    text: str, tokens: int = 1, reason: str | None = None, usage: dict[str, int] | None = None
) -> dict[str, Any]:
    """An item of an answer."""
    sent: dict[str, Any] = {"token_ids": [*range(tokens)], "text": text, "finish_reason": reason}
    return sent if usage is None else {**sent, "usage": usage}


class Scripted:
    """A handler that answers each request alike, and keeps what it was asked.

    An exception among the items is raised in its place; what a function returns is awaited.
    """

    def __init__(self, *items: Any) -> None:
        self.items = items
        self.asked: list[Any] = []
        self.stopped = asyncio.Event()

    async def __call__(self, request: Any, context: Context) -> AsyncIterator[Any]:
        self.asked.append(request)
        try:
            for one in self.items:
                if isinstance(one, Exception):
                    raise one
                if one is forever:
                    await context.async_killed_or_stopped()
                elif callable(one):
                    await one()
                else:
                    yield one
        finally:
            if context.is_stopped():
                self.stopped.set()


HELLO = (
    item("Hel", 2, usage={"prompt_tokens": 7, "cached_tokens": 4}),
    item("lo é", 1),
    item("", 1, "stop"),
)
"""An answer of four tokens to a prompt of seven."""


async def all_of(stream: Any) -> list[Any]:
    """All chunks of a stream."""
    return [chunk async for chunk in stream]


forever = object()
"""Among the items of an answer: nothing comes until the client disconnects."""

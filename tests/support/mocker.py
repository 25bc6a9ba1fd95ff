"""The mocker, in the test's own process and as one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from dynamo.mocker import parse, serve
from dynamo.runtime import Client, DistributedRuntime
from tests.support.process import Worker
from tests.support.prometheus import Prometheus, scraping
from tests.support.serving import client_of, endpoint_of

OVERLOADED = (
    *("--model", "mock-8b", "--load", "100", "--speedup", "20"),
    *("--num-gpu-blocks", "256", "--max-model-len", "4000"),
)
"""Arguments of one with more to do than it can: requests wait, and are preempted."""

Start = Callable[..., Worker]


@contextlib.asynccontextmanager
async def mocker(
    runtime: DistributedRuntime, *arguments: str, wrap: Any = None
) -> AsyncIterator[Client]:
    """Serves meanwhile, fast unless told otherwise, and has a client."""
    command = ["--model", "m", "--endpoint", "dyn://ns.comp.generate", "--speedup", "1000"]
    serving = asyncio.create_task(serve(runtime, parse([*command, *arguments]), wrap))
    async with runtime:
        client = await client_of(endpoint_of(runtime))
        yield client
        runtime.shutdown()
        await serving


@contextlib.contextmanager
def mockers() -> Iterator[Start]:
    """Starts mockers, with arguments and settings, that end with the block at the latest."""
    with contextlib.ExitStack() as started:

        def start(*arguments: str, **settings: str) -> Worker:
            served = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1", **settings}
            worker = Worker([sys.executable, "-m", "dynamo.mocker", *arguments], served)
            started.callback(worker.close)
            return worker

        yield start


def address_of(worker: Worker) -> str:
    """Where a mocker shows its metrics: the first lines it prints name its live page and them."""
    page = worker.line().removeprefix("live page: http://").removesuffix("/")
    address = worker.line().removeprefix("metrics: http://").removesuffix("/metrics")
    assert page == address
    return address


@contextlib.contextmanager
def scraped_mocker(folder: Path) -> Iterator[Prometheus]:
    """A Prometheus server that scrapes a mocker with more to do than it can."""
    with mockers() as start, scraping(address_of(start(*OVERLOADED)), folder) as server:
        yield server

"""Items through the request planes that connect processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from benchmarks import contenders
from benchmarks._harness import Results, Target
from benchmarks._http import LOOPBACK, free_port
from benchmarks._worker import Worker, worker

TITLE = "Request planes"

NOTES = """\
A worker in one process yields `{"token": 7}`, a client in another one reads, over one stream or 32
at once; what is measured is the time from the first request to the last item, over the number of
items. The NATS server is a third process on the same cores. On an otherwise idle machine with two
cores both sides of `tcp` run at the same time, while with `nats` three processes take turns. Not
shown: several hosts, and answers that are computed.
"""

_ITEMS = 40_000
_STREAMS = (1, 32)
_PLANES = ("tcp", "nats")

TARGETS = tuple(
    Target(
        f"an item, `tcp`, {streams} at once", 1 / 1.5, base=f"an item, `nats`, {streams} at once"
    )
    for streams in _STREAMS
)


def measure(results: Results, rounds: int) -> None:
    """Have both planes take turns."""
    with (
        tempfile.TemporaryDirectory() as directory,
        _nats_server() as url,
        worker() as on_tcp,
        worker() as on_nats,
        worker() as client,
    ):
        settings = {"DYN_FILE_KV": directory, "NATS_SERVER": url}
        for plane, server in zip(_PLANES, (on_tcp, on_nats), strict=True):
            server.call("benchmarks.planes:serve", settings=_with(settings, plane))
        for _ in range(rounds):
            for streams in _STREAMS:
                for plane in _PLANES:
                    taken = _read(client, _with(settings, plane), streams)
                    case = f"an item, `{plane}`, {streams} at once"
                    results.add(case, contenders.OURS, "µs", 1e6 * taken / _ITEMS)


def _with(settings: dict[str, str], plane: str) -> dict[str, str]:
    return {**settings, "DYN_REQUEST_PLANE": plane}


def _read(client: Worker, settings: dict[str, str], streams: int) -> float:
    seconds: float = client.call("benchmarks.planes:read", settings=settings, streams=streams)
    return seconds


@contextmanager
def _nats_server() -> Iterator[str]:
    """Run a NATS server with JetStream; gives its URL."""
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
    with tempfile.TemporaryDirectory() as store:
        port = str(free_port())
        server = subprocess.Popen(
            [program, "-a", LOOPBACK, "-p", port, "-js", "-sd", store, "-l", os.devnull]
        )
        try:
            yield f"nats://{LOOPBACK}:{port}"
        finally:
            server.kill()
            server.wait()


async def _handler(request: int) -> AsyncIterator[dict[str, int]]:
    for _ in range(request):
        yield {"token": 7}


def serve(settings: dict[str, str]) -> None:
    """Serve the endpoint in a thread, in a worker."""
    os.environ.update(settings)
    from dynamo.runtime import DistributedRuntime

    async def main() -> None:
        endpoint = DistributedRuntime().namespace("bench").component("planes").endpoint("items")
        await endpoint.serve_endpoint(_handler)

    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()


def read(settings: dict[str, str], streams: int) -> float:
    """Return the seconds that all items take, in a worker."""
    os.environ.update(settings)
    from dynamo.runtime import DistributedRuntime

    async def main() -> float:
        async with DistributedRuntime() as runtime:
            endpoint = runtime.namespace("bench").component("planes").endpoint("items")
            client = await endpoint.client()
            await client.wait_for_instances(60)

            async def one(items: int) -> None:
                async for _ in await client.generate(items):
                    pass

            await one(1000)
            begun = perf_counter()
            await asyncio.gather(*(one(_ITEMS // streams) for _ in range(streams)))
            return perf_counter() - begun

    return asyncio.run(main())

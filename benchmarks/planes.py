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
from time import perf_counter, process_time

from benchmarks import contenders
from benchmarks._harness import Results, Target
from benchmarks._http import LOOPBACK, free_port
from benchmarks._worker import Worker, worker

TITLE = "Request planes"

NOTES = """\
A worker in one process yields `{"token": 7}`, a client in another one reads, over one stream or 32
at once. The time from the first request to the last item is over the number of items, and so is the
CPU time of client and worker together, which other programs on the machine change less; that of the
NATS server, a third process on the same cores, is not in it. Not shown: several hosts, and answers
that are computed.
"""

_ITEMS = 40_000
_STREAMS = (1, 32)
_PLANES = ("tcp", "nats")

_WHAT = ("an item", "CPU of an item")

TARGETS = tuple(
    Target(f"{what}, `tcp`, {streams} at once", 0.667, base=f"{what}, `nats`, {streams} at once")
    for what in _WHAT
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
        servers = dict(zip(_PLANES, (on_tcp, on_nats), strict=True))
        for plane, server in servers.items():
            server.call("benchmarks.planes:serve", settings=_with(settings, plane))
        for _ in range(rounds):
            for streams in _STREAMS:
                for plane, server in servers.items():
                    taken = _read(client, server, _with(settings, plane), streams)
                    for what, seconds in zip(_WHAT, taken, strict=True):
                        case = f"{what}, `{plane}`, {streams} at once"
                        results.add(case, contenders.OURS, "µs", 1e6 * seconds / _ITEMS)


def _with(settings: dict[str, str], plane: str) -> dict[str, str]:
    return {**settings, "DYN_REQUEST_PLANE": plane}


def _read(
    client: Worker, server: Worker, settings: dict[str, str], streams: int
) -> tuple[float, float]:
    """Return the time that all items take, and the CPU time of both processes."""
    before = server.call("benchmarks.planes:cpu_seconds")
    taken, own = client.call("benchmarks.planes:read", settings=settings, streams=streams)
    return taken, own + server.call("benchmarks.planes:cpu_seconds") - before


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


def cpu_seconds() -> float:
    """Return the CPU time of this process so far."""
    return process_time()


def read(settings: dict[str, str], streams: int) -> tuple[float, float]:
    """Return the seconds that all items take, and those on a core, in a worker."""
    os.environ.update(settings)
    from dynamo.runtime import DistributedRuntime

    async def main() -> tuple[float, float]:
        async with DistributedRuntime() as runtime:
            endpoint = runtime.namespace("bench").component("planes").endpoint("items")
            client = await endpoint.client()
            await client.wait_for_instances(60)

            async def one(items: int) -> None:
                async for _ in await client.generate(items):
                    pass

            await one(1000)
            begun, used = perf_counter(), process_time()
            await asyncio.gather(*(one(_ITEMS // streams) for _ in range(streams)))
            return perf_counter() - begun, process_time() - used

    return asyncio.run(main())

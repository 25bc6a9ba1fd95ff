"""Tokens through the frontend, beside those of a bare worker."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter, process_time
from typing import Any

from benchmarks import contenders
from benchmarks._harness import Results, Target
from benchmarks._http import LOOPBACK, free_port
from benchmarks._worker import Worker, worker

TITLE = "The frontend"

NOTES = """\
A worker yields tokens as fast as it can, each an item of `{"token_ids", "text", "finish_reason"}`.
A client in another process reads them, once by the request plane `tcp` from the bare worker, once
as a streamed completion from `python -m dynamo.frontend` in a third process; over one stream or 32
at once. The time from the first request to the last token is over the number of tokens; so is the
CPU time of the frontend's process alone, which other programs on the machine change less. The
client of the API only looks for the end of the stream, the one of the worker decodes each item. Not
shown: an engine, and the tokens that it gives only every few milliseconds.
"""

_TOKENS = 20_000
_STREAMS = (1, 32)

TARGETS = tuple(
    Target(f"CPU of a token in the frontend, {streams} at once", 25.0) for streams in _STREAMS
)


def measure(results: Results, rounds: int) -> None:
    """Have both ways take turns."""
    with (
        tempfile.TemporaryDirectory() as directory,
        worker() as server,
        worker() as frontend,
        worker() as client,
    ):
        settings = {"DYN_FILE_KV": directory}
        port = free_port()
        server.call("benchmarks.frontend:serve_model", settings=settings)
        frontend.call("benchmarks.frontend:serve_frontend", settings=settings, port=port)
        client.call("benchmarks.frontend:wait", port=port)
        for _ in range(rounds):
            for streams in _STREAMS:
                bare = client.call(
                    "benchmarks.frontend:read_bare", settings=settings, streams=streams
                )
                through, used = _through(client, frontend, port, streams)
                for case, seconds in (
                    ("a token of a bare worker", bare),
                    ("a token through the frontend", through),
                    ("CPU of a token in the frontend", used),
                ):
                    taken = 1e6 * seconds / _TOKENS
                    results.add(f"{case}, {streams} at once", contenders.OURS, "µs", taken)


def _through(client: Worker, frontend: Worker, port: int, streams: int) -> tuple[float, float]:
    """Return the time that all tokens take, and the CPU time of the frontend."""
    before = frontend.call("benchmarks.frontend:cpu_seconds")
    taken = client.call("benchmarks.frontend:read_http", port=port, streams=streams)
    return taken, frontend.call("benchmarks.frontend:cpu_seconds") - before


async def _handler(request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    tokens = request["stop_conditions"]["max_tokens"]
    for number in range(1, tokens + 1):
        reason = "length" if number == tokens else None
        yield {"token_ids": [7], "text": "token ", "finish_reason": reason}


def serve_model(settings: dict[str, str]) -> None:
    """Serve a model in a thread, in a worker."""
    os.environ.update(settings)
    from dynamo.runtime import DistributedRuntime, register_model

    async def main() -> None:
        endpoint = DistributedRuntime().endpoint("bench.frontend.tokens")
        await register_model(endpoint, "bench")
        await endpoint.serve_endpoint(_handler)

    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()


def serve_frontend(settings: dict[str, str], port: int) -> None:
    """Serve the API in a thread, in a worker."""
    os.environ.update(settings)
    from dynamo.frontend import parse, serve
    from dynamo.runtime import DistributedRuntime

    given = parse(["--http-host", LOOPBACK, "--http-port", str(port)])
    main = serve(DistributedRuntime(port=-1), given)
    threading.Thread(target=asyncio.run, args=(main,), daemon=True).start()


def cpu_seconds() -> float:
    """Return the CPU time of this process so far."""
    return process_time()


def wait(port: int) -> None:
    """Return when the frontend has the model, in a worker."""

    async def main() -> None:
        while True:
            try:
                await _ask(port, b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            except (OSError, ValueError):
                await asyncio.sleep(0.05)
            else:
                return

    asyncio.run(main())


def read_bare(settings: dict[str, str], streams: int) -> float:
    """Return the seconds that all tokens take from the worker itself, in a worker."""
    os.environ.update(settings)
    from dynamo.runtime import DistributedRuntime

    async def main() -> float:
        async with DistributedRuntime() as runtime:
            client = await runtime.endpoint("bench.frontend.tokens").client()
            await client.wait_for_instances(60)

            async def one(tokens: int) -> None:
                request = {"prompt": "a", "stop_conditions": {"max_tokens": tokens}}
                async for _ in await client.generate(request, annotated=False):
                    pass

            return await _timed(one, streams)

    return asyncio.run(main())


def read_http(port: int, streams: int) -> float:
    """Return the seconds that all tokens take through the API, in a worker."""

    async def one(tokens: int) -> None:
        body = {"model": "bench", "prompt": "a", "stream": True, "max_tokens": tokens}
        content = json.dumps(body).encode()
        head = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        head += f"Content-Length: {len(content)}\r\n\r\n"
        if b"data: [DONE]" not in await _ask(port, head.encode() + content):
            raise RuntimeError("a stream has failed")

    return asyncio.run(_timed(one, streams))


async def _timed(one: Callable[[int], Awaitable[None]], streams: int) -> float:
    await one(500)
    begun = perf_counter()
    await asyncio.gather(*(one(_TOKENS // streams) for _ in range(streams)))
    return perf_counter() - begun


async def _ask(port: int, request: bytes) -> bytes:
    """Return the last part of an answer; ``ValueError`` if it is not 200."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(request)
        if not (await reader.readline()).startswith(b"HTTP/1.1 200 "):
            raise ValueError("the answer is an error")
        last = b""
        while part := await reader.read(1 << 16):
            last = last[-64:] + part
        return last
    finally:
        writer.close()

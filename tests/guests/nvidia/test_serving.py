"""Scrapes while Dynamo serves an endpoint under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from dynamo import runtime
from tests.guests.nvidia.host import scrape
from tests.support import sample
from tests.support.client import TIMEOUT_SECONDS

REQUESTS = 200
AT_ONCE = 20
SCRAPES = 10


@pytest.mark.usefixtures("installed")
def test_scrapes_are_whole_while_requests_are_served() -> None:
    asyncio.run(asyncio.wait_for(_serve(), TIMEOUT_SECONDS))


async def _serve() -> None:
    drt: Any = runtime.DistributedRuntime()
    endpoint = drt.namespace("ns").component("comp").endpoint("generate")
    metrics = endpoint.metrics
    requests = metrics.create_intcounter("requests_total", "Requests received")
    latency = metrics.create_histogramvec("latency_seconds", "Latency", ["model"])
    level = metrics.create_intgauge("level", "Set by a callback")
    metrics.register_callback(level.inc)
    registry = CollectorRegistry()
    engine = Counter("engine_requests", "Requests", registry=registry)
    metrics.register_collector(registry)

    async def handler(request: Any) -> AsyncIterator[Any]:
        requests.inc()
        engine.inc()
        latency.observe(0.01, {"model": request["model"]})
        yield {"text": "hello"}

    serving = endpoint.serve_endpoint(handler)
    client = await endpoint.client()
    await client.wait_for_instances()

    async def call(number: int) -> None:
        async for _ in await client.generate({"model": f"m{number % 3}"}):
            pass

    async def load() -> None:
        for first in range(0, REQUESTS, AT_ONCE):
            await asyncio.gather(*map(call, range(first, first + AT_ONCE)))

    async def watch() -> None:
        before = 0.0
        for number in range(1, SCRAPES + 1):
            families = await asyncio.to_thread(scrape, drt)
            assert sample(families, level.name()) == number
            now = sample(families, requests.name())
            assert now >= before
            before = now

    await asyncio.gather(load(), watch())
    families = await asyncio.to_thread(scrape, drt)
    assert sample(families, requests.name()) == REQUESTS
    assert sample(families, "engine_requests_total") == REQUESTS
    assert sample(families, "dynamo_component_requests_total") == REQUESTS
    counts = [one.value for one in families[latency.name()].samples if one.name.endswith("_count")]
    assert sum(counts) == REQUESTS
    assert not serving.done()
    serving.cancel()

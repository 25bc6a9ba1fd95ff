"""Endpoints served in the test's own process, and what their metrics count."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import psutil

from dynamo._serving import health
from dynamo.discovery import Discovery, Instance, open_discovery
from dynamo.discovery._backends import chosen_discovery
from dynamo.prometheus_names import work_handler
from dynamo.request_plane import RequestPlane, open_plane
from dynamo.runtime import Client, DistributedRuntime, Endpoint
from tests.support.client import TIMEOUT_SECONDS
from tests.support.exposition import Family, exposition, sample

ERROR_TYPES = [value for name, value in vars(work_handler.error_types).items() if name.isupper()]


def connections() -> list[tuple[Any, Any]]:
    """The two ends of each TCP connection of this process, its own first: ``ip`` and ``port``."""
    open_ones = psutil.Process().net_connections("tcp")
    return [(one.laddr, one.raddr) for one in open_ones if one.raddr]


class RequestCounts(NamedTuple):
    """What an exposition says of the requests of one endpoint."""

    requests: int
    inflight: int
    durations: int
    first_responses: int
    cancelled: int
    request_bytes: int
    response_bytes: int
    errors: dict[str, int]
    """By error type, those that are not 0."""

    @property
    def succeeded(self) -> int:
        """How many requests ended in no other way."""
        return self.requests - self.inflight - self.cancelled - sum(self.errors.values())


def endpoint_of(runtime: DistributedRuntime, path: str = "ns/comp/generate") -> Endpoint:
    """The endpoint of a runtime with this namespace, component and name."""
    namespace, component, name = path.split("/")
    return runtime.namespace(namespace).component(component).endpoint(name)


def request_counts(source: Any, endpoint: str = "generate") -> RequestCounts:
    """What the metrics of an endpoint count, from a runtime or from scraped families."""
    families: dict[str, Family] = source if isinstance(source, dict) else exposition(source)

    def values(name: str, suffix: str = "") -> dict[str, int]:
        full = f"dynamo_component_{name}"
        found = [
            sample
            for sample in families[full].samples
            if sample.name == full + suffix and sample.labels["dynamo_endpoint"] == endpoint
        ]
        return {sample.labels.get("error_type", ""): int(sample.value) for sample in found}

    def value(name: str, suffix: str = "") -> int:
        (only,) = values(name, suffix).values()
        return only

    errors = values("errors_total")
    assert sorted(errors) == sorted(ERROR_TYPES), "every error type must stand there"
    return RequestCounts(
        requests=value("requests_total"),
        inflight=value("inflight_requests"),
        durations=value("request_duration_seconds", "_count"),
        first_responses=value("time_to_first_response_seconds", "_count"),
        cancelled=value("cancellation_total"),
        request_bytes=value("request_bytes_total"),
        response_bytes=value("response_bytes_total"),
        errors={kind: count for kind, count in errors.items() if count},
    )


def incomplete(runtime: DistributedRuntime) -> tuple[float, float]:
    """The requests whose bodies have not arrived completely, and what has arrived of them."""
    families = exposition(runtime)
    number, size = (
        sample(families, f"dynamo_component_incomplete_{name}")
        for name in ("requests", "request_bytes")
    )
    return number, size


async def settled(source: Any, requests: int, endpoint: str = "generate") -> RequestCounts:
    """The counts when so many requests have come and none is under way, which must happen.

    ``source`` is a runtime, or a function that returns the families of an exposition.
    """

    def ready() -> RequestCounts | None:
        now = request_counts(source() if callable(source) else source, endpoint)
        return now if now.requests == requests and now.inflight == 0 else None

    found = await until(ready)
    assert found.durations == found.requests, "every request has a duration"
    return found


async def until(attempt: Callable[[], Any]) -> Any:
    """The first result that is not None, which must come."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (result := attempt()) is None:
        assert time.monotonic() < deadline, f"not within {TIMEOUT_SECONDS} s: {attempt}"
        await asyncio.sleep(0.01)
    return result


@asynccontextmanager
async def discovery_of(name: str) -> AsyncIterator[Discovery]:
    """A discovery beside those of the test's runtimes: it sees what they register.

    ``name`` may be that of a request plane.
    """
    discovery = await open_discovery(chosen_discovery(name))
    try:
        yield discovery
    finally:
        await discovery.close()


@asynccontextmanager
async def plane_of(name: str) -> AsyncIterator[RequestPlane]:
    """A request plane beside those of the test's runtimes: its requests reach them."""
    plane = await open_plane(name)
    try:
        yield plane
    finally:
        await plane.close()


async def instances_of(name: str, path: str = "ns/comp/generate") -> list[Instance]:
    """What a discovery has registered for an endpoint now."""
    async with discovery_of(name) as discovery:
        return list((await discovery.watch(*path.split("/"))).instances.values())


async def without_instances(client: Client) -> None:
    """Waits until the endpoint has no instance."""
    while client.instance_ids():
        await client.wait_for_change()


async def client_of(endpoint: Endpoint) -> Client:
    """A client of an endpoint, as soon as there is somebody who serves it."""
    client = await endpoint.client()
    await client.wait_for_instances()
    return client


class Gated:
    """A handler that yields 1, and 2 once ``go_on`` is set."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, request: Any) -> AsyncIterator[int]:
        yield 1
        await self.go_on.wait()
        yield 2


@asynccontextmanager
async def served(
    endpoint: Endpoint, handler: Callable[..., AsyncIterator[Any]], **options: Any
) -> AsyncIterator[Client]:
    """Serves an endpoint meanwhile, and has a client for it.

    A client may find an endpoint a little before discovery has confirmed that it is registered: an
    endpoint is served when it is ready, or has a canary to answer first.
    """
    serving = asyncio.create_task(endpoint.serve_endpoint(handler, **options))
    try:
        client = await endpoint.client()
        waiting = asyncio.create_task(client.wait_for_instances())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            waiting.cancel()
            await serving
        await waiting
        while not (serving.done() or "health_check_payload" in options or is_ready(endpoint)):
            await asyncio.sleep(0.001)
        yield client
    finally:
        serving.cancel()
        await asyncio.wait({serving})


def is_ready(endpoint: Endpoint) -> bool:
    """Whether all that serve it in this process are ready."""
    return all(health._reports.get(endpoint, {0: False}).values())


async def collect(answer: Any) -> list[Any]:
    """All items of an answer."""
    return [item async for item in answer]

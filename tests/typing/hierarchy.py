"""The nodes, and what code written for earlier Dynamo does with them."""

from __future__ import annotations

import asyncio

from typing_extensions import assert_type

import dynamo._core
import dynamo._prometheus_metrics
from dynamo.prometheus_metrics import IntCounter, RuntimeMetrics
from dynamo.runtime import Component, DistributedRuntime, Endpoint, Namespace, dynamo_worker


def nodes(runtime: DistributedRuntime) -> None:
    namespace = runtime.namespace("a.b")
    assert_type(namespace, Namespace)
    assert_type(namespace.namespace("c"), Namespace)
    component = namespace.component("d")
    assert_type(component, Component)
    endpoint = component.endpoint("e")
    assert_type(endpoint, Endpoint)

    assert_type(runtime.metrics, RuntimeMetrics)
    assert_type(namespace.metrics, RuntimeMetrics)
    assert_type(component.metrics, RuntimeMetrics)
    assert_type(endpoint.metrics, RuntimeMetrics)

    assert_type({runtime: 1, endpoint: 2}[endpoint], int)
    endpoint.set_health_status("ready")
    runtime.set_health_status(status="notready")
    assert_type(runtime.system_status_address, "str | None")


def constructors(loop: asyncio.AbstractEventLoop) -> None:
    DistributedRuntime()
    DistributedRuntime(name_style="component")
    DistributedRuntime(port=8081, host="127.0.0.1", starting_health_status="ready", max_series=10)
    DistributedRuntime().watch_event_loop()
    DistributedRuntime().watch_event_loop(loop)
    DistributedRuntime(loop, "mem", "tcp", False)
    DistributedRuntime(loop, True)
    assert_type(DistributedRuntime(loop).event_loop(), "asyncio.AbstractEventLoop | None")


@dynamo_worker()
async def worker(runtime: DistributedRuntime, name: str) -> int:
    component = runtime.namespace("a").component(name)
    await component.create_service()
    return 1


@dynamo_worker(static=False)
async def worker_without_arguments(runtime: DistributedRuntime) -> None:
    assert_type(runtime, DistributedRuntime)


def workers() -> None:
    assert_type(asyncio.run(worker("a")), int)
    asyncio.run(worker(name="a"))
    asyncio.run(worker_without_arguments())
    worker().close()  # type: ignore[call-arg]
    worker(1).close()  # type: ignore[arg-type]


def old_module_names(
    component: dynamo._core.Component, counter: dynamo._prometheus_metrics.IntCounter
) -> None:
    assert_type(component, Component)
    assert_type(counter, IntCounter)

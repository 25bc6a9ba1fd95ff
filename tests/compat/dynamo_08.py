"""A worker in the style of Dynamo 0.7 and 0.8: what its Python metrics API looked like in use.

Kept as users of those versions wrote it. Nothing here may change for the sake of this project.
"""

import asyncio
from typing import Dict, List, Optional, Tuple  # noqa: UP035

from dynamo._core import Component, DistributedRuntime, Endpoint
from dynamo.prometheus_metrics import (
    Counter,
    CounterVec,
    Gauge,
    GaugeVec,
    Histogram,
    IntCounter,
    IntCounterVec,
    IntGauge,
    IntGaugeVec,
)
from dynamo.runtime import dynamo_worker


class EngineMetrics:
    """All nine types of that API, each with all methods it had."""

    def __init__(
        self,
        endpoint: Endpoint,
        labels: Optional[List[Tuple[str, str]]] = None,  # noqa: UP006, UP045
    ):
        metrics = endpoint.metrics
        self.seconds: Counter = metrics.create_counter(
            "busy_seconds_total", "Seconds at work", labels
        )
        self.requests: IntCounter = metrics.create_intcounter(
            name="requests_total", description="Requests received", labels=labels
        )
        self.load: Gauge = metrics.create_gauge("load", "Share of slots in use", labels)
        self.slots: IntGauge = metrics.create_intgauge("slots", "Slots", labels)
        self.latency: Histogram = metrics.create_histogram("latency_seconds", "Latency", labels)
        self.bytes: CounterVec = metrics.create_countervec(
            "bytes_total", "Bytes by direction", ["direction"], labels
        )
        self.errors: IntCounterVec = metrics.create_intcountervec(
            name="errors_total",
            description="Errors by kind and model",
            label_names=["kind", "model"],
            const_labels=labels,
        )
        self.usage: GaugeVec = metrics.create_gaugevec("usage", "Usage by device", ["device"])
        self.blocks: IntGaugeVec = metrics.create_intgaugevec("blocks", "Blocks", ["state"], [])

    def update(self) -> None:
        self.seconds.inc()
        self.seconds.inc_by(value=0.5)
        self.requests.inc()
        self.requests.inc_by(4)

        self.load.set(0.5)
        self.load.inc()
        self.load.inc_by(2.0)
        self.load.dec()
        self.load.dec_by(value=1.0)
        self.load.add(0.25)
        self.load.sub(0.5)
        self.slots.set(10)
        self.slots.inc()
        self.slots.dec()
        self.slots.add(value=5)
        self.slots.sub(3)
        self.latency.observe(0.3)
        self.latency.observe(value=20.0)

        received: Dict[str, str] = {"direction": "in"}  # noqa: UP006
        self.bytes.inc(received)
        self.bytes.inc_by(received, 99.5)
        self.errors.inc({"kind": "timeout", "model": "llama"})
        self.errors.inc_by({"model": "llama", "kind": "timeout"}, 2)
        self.errors.inc_by(labels={"kind": "timeout", "model": "llama"}, value=3)
        self.errors.inc_by({"kind": "timeout", "model": "llama"}, value=4)

        gpu = {"device": "gpu0"}
        self.usage.set(0.5, gpu)
        self.usage.inc(gpu)
        self.usage.dec(labels=gpu)
        self.usage.add(gpu, 0.25)
        self.usage.sub(labels=gpu, value=0.5)
        self.blocks.set(value=100, labels={"state": "free"})
        self.blocks.add({"state": "free"}, 10)
        self.blocks.sub({"state": "free"}, value=20)
        self.blocks.inc({"state": "used"})
        self.blocks.dec({"state": "used"})


@dynamo_worker()
async def worker(runtime: DistributedRuntime, namespace: str):
    component: Component = runtime.namespace(namespace).component("backend")
    await component.create_service()
    endpoint: Endpoint = component.endpoint("generate")

    metrics = EngineMetrics(endpoint, [("engine", "mock")])
    metrics.update()

    queued = component.metrics.create_intgauge("queued", "Requests that wait")

    def update_queued() -> None:
        queued.inc()

    component.metrics.register_callback(callback=update_queued)
    return runtime, metrics


async def by_hand(*arguments: object):
    runtime = DistributedRuntime(asyncio.get_running_loop(), *arguments)
    endpoint = runtime.namespace("ns").component("backend").endpoint("generate")
    EngineMetrics(endpoint).requests.inc()
    return endpoint

"""The scenario of ``test_otlp.py``: a Dynamo that exports to a receiver of its own process.

Prints, as JSON, what the first export shows that begins after the metrics exist.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
from concurrent import futures
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as messages
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as service

exports: queue.SimpleQueue[Any] = queue.SimpleQueue()


class Receiver(service.MetricsServiceServicer):  # type: ignore[misc]
    """Keeps what is exported."""

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        exports.put(request)
        return messages.ExportMetricsServiceResponse()


def create(metrics: Any) -> Any:
    """Metrics of all kinds; returns the last that is created."""
    metrics.create_intcounter("requests_total", "Requests received").inc_by(3)
    metrics.create_intcountervec("by_model", "By model", ["model"]).inc({"model": "llama"})
    metrics.create_gauge("load_seconds", "Load", unit="seconds").set(1.5)
    latency = metrics.create_histogram("latency", "Latency", buckets=[0.1, 1.0])
    for value in (0.05, 0.5, 5.0):
        latency.observe(value)
    metrics.register_prometheus_expfmt_callback(
        lambda: "# TYPE engine_level gauge\nengine_level 7\n"
    )
    called = metrics.create_intgauge("called", "Set by a callback")
    metrics.register_callback(lambda: called.set(1))
    return called


async def main() -> None:
    """Export until all that was created is there."""
    import dynamo_metrics
    from dynamo.runtime import DistributedRuntime

    drt = DistributedRuntime(asyncio.get_running_loop(), "mem", "tcp")
    metrics = dynamo_metrics.attach(drt.endpoint("ns.comp.ep"), "ns.comp.ep")
    last = create(metrics).name()
    while True:
        export = await asyncio.to_thread(exports.get, timeout=30)
        families = [
            family
            for resource in export.resource_metrics
            for scope in resource.scope_metrics
            for family in scope.metrics
        ]
        if last in [family.name for family in families]:
            print(json.dumps([MessageToDict(family) for family in families]), flush=True)
            return


if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(2))
    service.add_MetricsServiceServicer_to_server(Receiver(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
    asyncio.run(main())
    os._exit(0)

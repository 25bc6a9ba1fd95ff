"""The guide's Python code, and the types that its readers' editors show."""

from __future__ import annotations

import threading
import time

from typing_extensions import assert_type

from dynamo.prometheus_metrics import (
    CallbackHandle,
    Histogram,
    IntCounter,
    IntCounterVec,
    IntGauge,
    IntGaugeVec,
)
from dynamo.runtime import DistributedRuntime, Endpoint


def compute_current_connections() -> int:
    return 42


drt = DistributedRuntime()
endpoint = drt.namespace("my_namespace").component("my_component").endpoint("my_endpoint")
assert_type(endpoint, Endpoint)

# Simple metrics
requests_total = endpoint.metrics.create_intcounter("requests_total", "Total requests")
assert_type(requests_total, IntCounter)

active_connections = endpoint.metrics.create_intgauge("active_connections", "Active connections")
assert_type(active_connections, IntGauge)

latency = endpoint.metrics.create_histogram(
    "latency_seconds", "Request latency", buckets=[0.001, 0.01, 0.1, 1.0, 10.0]
)
assert_type(latency, Histogram)

requests_total.inc()
requests_total.inc_by(5)
active_connections.set(42)
active_connections.inc()
active_connections.dec()
latency.observe(0.023)

# Vector metrics with labels
requests_by_model = endpoint.metrics.create_intcountervec(
    "requests_by_model", "Requests by model", ["model_type", "model_size"]
)
assert_type(requests_by_model, IntCounterVec)

memory_by_gpu = endpoint.metrics.create_intgaugevec(
    "gpu_memory_bytes", "GPU memory by device", ["gpu_id", "memory_type"]
)
assert_type(memory_by_gpu, IntGaugeVec)

requests_by_model.inc({"model_type": "llama", "model_size": "7b"})
memory_by_gpu.set(8192, {"gpu_id": "0", "memory_type": "allocated"})

# Constant labels, introspection
counter = endpoint.metrics.create_intcounter(
    "requests_total", "Total requests", [("region", "us-west"), ("env", "prod")]
)
assert_type(counter, IntCounter)
assert_type(counter.name(), str)
assert_type(counter.const_labels(), dict[str, str])
assert_type(requests_by_model.variable_labels(), list[str])


# Updates by a thread, and before each scrape
def update_loop() -> None:
    while True:
        active_connections.set(compute_current_connections())
        time.sleep(2)


threading.Thread(target=update_loop, daemon=True).start()


def update_metrics() -> None:
    active_connections.set(compute_current_connections())


assert_type(endpoint.metrics.register_callback(update_metrics), CallbackHandle)

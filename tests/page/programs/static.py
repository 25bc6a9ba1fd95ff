"""Metrics of most kinds that do not change."""

from __future__ import annotations

from tests.programs.served import metrics

counter = metrics.create_intcountervec("requests_total", "Requests", ["model"])
counter.inc_by(1234567, {"model": "a"})
counter.inc_by(3, {"model": "b"})
metrics.create_gauge("temperature_celsius", "Temperature").set(-1.25)
metrics.create_gauge("odd", "Odd").set(float("inf"))
memory = metrics.create_intgauge("memory_bytes", "Memory")
memory.set(3 * 2**30)
latency = metrics.create_histogramvec("latency_seconds", "Latency", ["model"], buckets=[0.1, 1])
for model in ("a", "b"):
    latency.observe(0.5, {"model": model})
latency.observe(7, {"model": "b"})
print("there")
input()

"""Metrics of every kind, with values and labels that are easy to get wrong."""

from __future__ import annotations

from tests.process.awkward import AWKWARD
from tests.programs.served import metrics

metrics.create_counter("spent_total", "Spent", {"region": "us-west"}).inc_by(0.1)
metrics.create_counter("spent_total", "Spent", {"env": "prod"}).inc_by(0.2)
metrics.create_intcounter("big_total", AWKWARD).inc_by(2**53)
metrics.create_gauge("infinite", "Infinite").set(float("-inf"))
metrics.create_gauge("undefined", "Undefined").set(float("nan"))
metrics.create_intgauge("below", "Below zero").set(-5)
requests = metrics.create_intcountervec("requests_total", "Requests", ["model"])
requests.inc_by(3, {"model": "llama"})
requests.inc_by(4, {"model": AWKWARD})
waiting = metrics.create_histogram("waiting_seconds", "Waiting", buckets=[0.005, 1, 600, 1e6])
for seconds in (0.001, 0.5, 1, 30, 5e6):
    waiting.observe(seconds)
print("ready")
input()

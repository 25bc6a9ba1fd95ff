"""A counter and a histogram that each scrape moves."""

from __future__ import annotations

from tests.programs.served import metrics

counter = metrics.create_intcounter("steps_total", "Steps")
latency = metrics.create_histogram("step_seconds", "Step", buckets=[0.1, 0.2, 0.4])


def step():
    counter.inc_by(10)
    for _ in range(10):
        latency.observe(0.15)


metrics.register_callback(step)
print("there")
input()

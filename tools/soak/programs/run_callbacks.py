"""Callbacks of every kind until a line comes; at the next line it prints how often each ran."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter

import prometheus_client

from dynamo_metrics import Runtime

HANG_EVERY = 20
"""Calls of the slow callback, of which one is longer than the deadline."""

runtime = Runtime()
metrics = runtime.namespace("soak").component("callbacks").endpoint("ep").metrics
calls: Counter[str] = Counter()
quick_total = metrics.create_intcounter("quick_total", "Calls of the quick callback")
ending = threading.Event()


def slow() -> None:
    calls["slow"] += 1
    if calls["slow"] % HANG_EVERY == 0:
        ending.wait(3)


def raises() -> None:
    calls["raises"] += 1
    raise ValueError("as it is meant to")


def exits() -> None:
    calls["exits"] += 1
    raise SystemExit(1)


def quick() -> None:
    calls["quick"] += 1
    quick_total.inc()


def exposition() -> str:
    calls["exposition"] += 1
    return (
        "# TYPE outside_total counter\n"
        f"outside_total {calls['exposition']}\n"
        "this is no line\n"
        "# TYPE outside_seconds histogram\n"
        'outside_seconds_bucket{le="1"} 2\noutside_seconds_bucket{le="+Inf"} 3\n'
        "outside_seconds_sum 4\noutside_seconds_count 3\n"
        '# TYPE torn_seconds histogram\ntorn_seconds_bucket{le="+Inf"} 3\ntorn_seconds_count 2\n'
    )


registry = prometheus_client.CollectorRegistry()
collected = prometheus_client.Counter("collected_total", "Counted by a thread", registry=registry)


def collect() -> None:
    while not ending.is_set():
        collected.inc()
        calls["collected"] += 1
        time.sleep(0.001)


for callback in (slow, raises, exits, quick):
    metrics.register_callback(callback)
metrics.register_prometheus_expfmt_callback(exposition)
metrics.register_collector(registry)
thread = threading.Thread(target=collect)
thread.start()
print(runtime.system_status_address, flush=True)
sys.stdin.readline()
ending.set()
thread.join()
print("ended", flush=True)
sys.stdin.readline()
print(json.dumps(calls), flush=True)
sys.stdin.readline()

"""Daemon threads that do for ever what the arguments name, while the interpreter ends."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable

from dynamo.runtime import DistributedRuntime
from tests.programs.served import metrics, runtime

counter = metrics.create_counter("counted_total", "help")
vec = metrics.create_intcountervec("vec_total", "help", ["a"])
histogram = metrics.create_histogram("timed_seconds", "help")
numbers = itertools.count()
begun = threading.Semaphore(0)


def update() -> None:
    counter.inc()
    histogram.observe(0.1)
    vec.inc({"a": "x"})
    vec.get({"a": "x"})


def make_children() -> None:
    vec.inc({"a": str(next(numbers))})
    vec.clear()


def measure() -> None:
    with histogram.time():
        pass


WORK: dict[str, Callable[[], object]] = {
    "updates": update,
    "new children": make_children,
    "timers": measure,
    "expositions": metrics.prometheus_expfmt,
    "new metrics": lambda: runtime.namespace("a").metrics.create_counter(
        f"m_{next(numbers)}", "help"
    ),
    "callbacks": lambda: metrics.register_callback(counter.inc).unregister(),
    "runtimes": lambda: DistributedRuntime().shutdown(),
}


def work(step: Callable[[], object]) -> None:
    step()
    begun.release()
    while True:
        step()


for name in sys.argv[1:]:
    threading.Thread(target=work, args=[WORK[name]], daemon=True).start()
for _ in sys.argv[1:]:
    begun.acquire()

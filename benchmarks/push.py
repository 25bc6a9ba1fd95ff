"""OTLP: what an export costs the program."""

from __future__ import annotations

import threading
from time import perf_counter, thread_time

from benchmarks import contenders
from benchmarks._harness import Results, Target
from benchmarks._worker import worker
from benchmarks.pauses import longest_pauses

TITLE = "Push"

NOTES = """\
One export of 100,000 counters of a vec, each with four labels, as OTLP requests: the CPU time of
the thread that encodes, and how long it takes. While exports follow each other without a break,
another Python thread reads the clock, as under "Pauses": "held up" is the median of its longest
pauses in windows of 20 ms, without the time in which it had no core; that is at most how long an
export has the GIL at a time. Not shown: sending, which depends on the receiver.
"""

_SERIES = 100_000
_SECONDS, _WINDOW = 1.0, 0.02
_CPU, _WALL, _HELD_UP = "CPU time", "duration", "held up"

TARGETS = (Target(_CPU, 30), Target(_HELD_UP, 1))


def measure(results: Results, rounds: int) -> None:
    """Encode in a worker."""
    with worker() as process:
        process.call("benchmarks.push:prepare")
        for _ in range(rounds):
            for case, milliseconds in process.call("benchmarks.push:encode").items():
                results.add(case, contenders.OURS, "ms", milliseconds)


_prepared: list[object] = []


def prepare() -> None:
    """Create the series, in a worker."""
    from dynamo_metrics import Runtime, _native

    runtime = Runtime()
    endpoint = runtime.namespace("ns").component("comp").endpoint("ep")
    vec = endpoint.metrics.create_intcountervec("requests_total", "Requests", ["code"])
    for code in range(_SERIES):
        vec.inc({"code": str(code)})
    _prepared[:] = [runtime, _native.OtlpEncoder([("service.name", "bench")], False)]


def encode() -> dict[str, float]:
    """Export once, then until the other thread has looked; return milliseconds."""
    runtime, encoder = _prepared
    node = runtime._native  # type: ignore[attr-defined]
    encoder.encode(node, 0.0)  # type: ignore[attr-defined]
    cpu, wall = thread_time(), perf_counter()
    encoder.encode(node, 0.0)  # type: ignore[attr-defined]
    cpu, wall = thread_time() - cpu, perf_counter() - wall
    looked = threading.Event()

    def export() -> None:
        while not looked.is_set():
            encoder.encode(node, 0.0)  # type: ignore[attr-defined]

    thread = threading.Thread(target=export)
    thread.start()
    held_up = sorted(held for _, held in longest_pauses(_SECONDS, _WINDOW))
    looked.set()
    thread.join()
    return {
        _CPU: 1e3 * cpu,
        _WALL: 1e3 * wall,
        _HELD_UP: held_up[len(held_up) // 2] / 1e6,
    }

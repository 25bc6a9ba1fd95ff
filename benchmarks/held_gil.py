"""What the server answers while a C call holds the GIL."""

from __future__ import annotations

import ctypes
import threading
from contextlib import ExitStack
from time import perf_counter, sleep

from benchmarks import contenders
from benchmarks._harness import Results, Target, workers
from benchmarks._http import free_port
from benchmarks._worker import worker

TITLE = "While the GIL is held"

NOTES = """\
A thread holds the GIL for 3 s inside one C call, `ctypes.PyDLL(None).sleep(3)`, which a second
Python thread confirms: it does not run. Another process asks for `/live` and `/metrics` (1,000
counters, no callback registered) every 10 ms meanwhile; a round has the slowest answer of each.
prometheus_client has no `/live`, and what it does not answer before the call is over is counted
until then.
"""

_COUNTERS = 1_000
_SECONDS = 3
_LIVE, _METRICS = "slowest `/live`", "slowest `/metrics`"
_PATHS = {_LIVE: "/live", _METRICS: "/metrics"}

TARGETS = tuple(Target(case, 50) for case in _PATHS)

_SERVERS = (contenders.OURS, contenders.DYNAMO, contenders.PROMETHEUS_CLIENT)


def measure(results: Results, rounds: int) -> None:
    """Hold the GIL of all servers at once: they sleep, so that none takes time from another."""
    with workers(_SERVERS) as at, ExitStack() as stack:
        probers = {}
        for key in _SERVERS:
            port = free_port()
            at[key].call("benchmarks._http:serve", contender=key, port=port, counters=_COUNTERS)
            for case in _PATHS:
                if (key, case) != (contenders.PROMETHEUS_CLIENT, _LIVE):
                    probers[key, case] = stack.enter_context(worker()), port
        for _ in range(rounds):
            for (_, case), (prober, port) in probers.items():
                prober.start(
                    "benchmarks._http:poll",
                    port=port,
                    path=_PATHS[case],
                    seconds=_SECONDS + 2,
                    interval=0.01,
                )
            # The probers are connected when the call begins.
            sleep(0.5)
            for key in _SERVERS:
                at[key].start("benchmarks.held_gil:hold", seconds=_SECONDS)
            held = {key: at[key].finish() for key in _SERVERS}
            for (key, case), (prober, _) in probers.items():
                begin, end = held[key]
                times = [
                    took for asked, took in prober.finish() if asked < end and asked + took > begin
                ]
                results.add(case, key, "ms", 1e3 * max(times))


def hold(seconds: int) -> tuple[float, float]:
    """Hold the GIL in a C call, in a worker; return when it began and ended.

    Raises ``RuntimeError`` if another thread ran meanwhile.
    """
    ticks = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.001):
            ticks.append(perf_counter())

    ticker = threading.Thread(target=tick)
    ticker.start()
    begin = perf_counter()
    ctypes.PyDLL(None).sleep(seconds)
    end = perf_counter()
    done.set()
    ticker.join()
    # It may wait for the GIL already, and get it as soon as the call is over.
    if any(begin + 0.1 < moment < end - 0.1 for moment in ticks):
        raise RuntimeError("another thread ran: the GIL was not held")
    return begin, end

"""Memory and the creation of many series."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from time import perf_counter

from benchmarks import contenders
from benchmarks._harness import Results, Target, python_of
from benchmarks._worker import worker

TITLE = "Memory and creation"

NOTES = """\
A vec of counters with two variable and three constant labels, in a fresh process each time. Memory
is what the process's resident set grows by, over 100,000 series, each made from a dict and strings
of its own that are dropped afterwards, and each updated once more. Creation is the time of one loop
over 1,000,000 dicts that are at hand, one call for each; the peers' is timed in one round.
"""

_SERIES, _MANY = 100_000, 1_000_000
_MEMORY = "memory of a counter series"
_CREATION = "creation of 1,000,000 series"

TARGETS = (Target(_MEMORY, 400), Target(_CREATION, 1.5))

_CONTENDERS = (contenders.OURS, contenders.DYNAMO, contenders.PROMETHEUS_CLIENT)


def measure(results: Results, rounds: int) -> None:
    """Weigh and time every contender in turn, each time in a new process."""
    for done in range(rounds):
        for key in _CONTENDERS:
            with worker(python_of(key)) as process:
                weight = process.call("benchmarks.memory:weigh", contender=key)
            results.add(_MEMORY, key, "bytes", weight)
            if done and key != contenders.OURS:
                continue
            with worker(python_of(key)) as process:
                seconds = process.call("benchmarks.memory:create", contender=key)
            results.add(_CREATION, key, "s", seconds)


def weigh(contender: str) -> float:
    """Return the bytes a series adds to this process."""
    fill = contenders.load(contender).counters().loop()
    gc.collect()
    before = _resident()
    fill(contenders.label_sets(_SERIES))
    # As series are, once in use: whatever is kept for the next update is there now.
    fill(contenders.label_sets(_SERIES))
    gc.collect()
    return (_resident() - before) / _SERIES


def create(contender: str) -> float:
    """Return the seconds in which all series are created."""
    fill = contenders.load(contender).counters().loop()
    label_sets = list(contenders.label_sets(_MANY))
    started = perf_counter()
    fill(label_sets)
    return perf_counter() - started


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

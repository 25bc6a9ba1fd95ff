"""Many processes that share their metrics."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from benchmarks import contenders
from benchmarks._harness import Results, Target, python_of, workers
from benchmarks._worker import worker

TITLE = "Many processes"

NOTES = """\
Processes that share a directory, here and in prometheus_client's multi-process mode. The updates
are those of the section Updates, bare C as there. A scrape is the text of all processes, rendered
in one of them: 64 forked processes with 1,000 counters each, alone and after 1,000 processes that
had 10 of the counters each and have ended. Joining is the time of `Runtime(shared_dir=...)` beyond
that of `Runtime()`, in a forked process. Memory is the resident set of a process with 10,000
counters, pages of its file included, beside that of one that shares nothing. The directory is on
tmpfs.
"""

_UPDATES = (
    ("`IntCounter.inc()`, shared", "intcounter.inc", "inc", 1.3),
    ("`Gauge.set(float)`, shared", "gauge.set", "set", 1.5),
    ("`Histogram.observe(float)`, shared", "histogram.observe", "set", 1.8),
)
_SCRAPE = "scrape of 64 processes x 1,000 counters"
_AFTER = "the same after 1,000 ended processes"
_JOIN = "joining"
_MEMORY = "memory of a sharing process over that of one alone"

TARGETS = (
    *(Target(case, limit, contenders.BARE) for case, _, _, limit in _UPDATES),
    Target(_SCRAPE, 5),
    Target(_AFTER, 5),
    Target(_JOIN, 5),
    Target(_MEMORY, 1.5),
)

_PROCESSES, _COUNTERS, _ENDED = 64, 1_000, 1_000
_THEIRS = contenders.PROMETHEUS_CLIENT


def measure(results: Results, rounds: int) -> None:
    """Time updates in turn, and the rest in a new process each time."""
    with workers((contenders.BARE, contenders.OURS, _THEIRS)) as at:
        at[contenders.OURS].call("benchmarks.processes:share", contender=contenders.OURS)
        at[_THEIRS].call("benchmarks.processes:share", contender=_THEIRS)
        for _ in range(rounds):
            for case, verb, bare, _ in _UPDATES:
                for key in (contenders.BARE, contenders.OURS, _THEIRS):
                    time = at[key].call(
                        "benchmarks.updates:time",
                        contender=key,
                        verb=bare if key == contenders.BARE else verb,
                    )
                    if time is not None:
                        results.add(case, key, "ns", time)
    for _ in range(rounds):
        for key in (contenders.OURS, _THEIRS):
            with worker(python_of(key)) as process:
                alone, after = process.call("benchmarks.processes:scrapes", contender=key)
            results.add(_SCRAPE, key, "ms", alone)
            results.add(_AFTER, key, "ms", after)
        with worker(python_of(contenders.OURS)) as process:
            results.add(_JOIN, contenders.OURS, "ms", process.call("benchmarks.processes:join"))
        with worker(python_of(contenders.OURS)) as process:
            ratio = process.call("benchmarks.processes:memory")
            results.add(_MEMORY, contenders.OURS, "times", ratio)


def share(contender: str) -> None:
    """Have this process share its metrics from now on."""
    directory = tempfile.mkdtemp(prefix="bench-", dir=_base())
    variables = {
        contenders.OURS: "DYN_METRICS_SHARED_DIR",
        _THEIRS: "PROMETHEUS_MULTIPROC_DIR",
    }
    os.environ[variables[contender]] = directory


def scrapes(contender: str) -> tuple[float, float]:
    """Time scrapes of many processes, without and with ended ones before, in milliseconds."""
    share(contender)
    make, render = {contenders.OURS: _ours, _THEIRS: _theirs}[contender]()
    alone = _scrape(make, render)
    for _ in range(_ENDED):
        os.waitpid(_fork(lambda: make(10), stay=False), 0)
    sleep(2)  # the ended ones are moved into the totals within a second
    return alone, _scrape(make, render)


def _scrape(make: Callable[[int], None], render: Callable[[], object]) -> float:
    pids = [_fork(lambda: make(_COUNTERS), stay=True) for _ in range(_PROCESSES)]
    try:
        sleep(3)
        render()
        times = []
        for _ in range(20):
            started = perf_counter()
            render()
            times.append(perf_counter() - started)
        return 1e3 * min(times)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(work: Callable[[], None], *, stay: bool) -> int:
    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            work()
            if stay:
                sleep(600)
        os._exit(0)
    return pid


def _ours() -> tuple[Callable[[int], None], Callable[[], object]]:
    from dynamo_metrics import Runtime

    def make(count: int) -> None:
        vec = Runtime().namespace("ns").metrics.create_intcountervec("n_total", "Counts", ["l"])
        for number in range(count):
            vec.inc({"l": str(number)})
        kept.append(vec)

    kept: list[Any] = []
    readers: list[Runtime] = []

    def render() -> object:
        if not readers:
            readers.append(Runtime())
        return readers[0].namespace("ns").metrics.prometheus_expfmt()

    return make, render


def _theirs() -> tuple[Callable[[int], None], Callable[[], object]]:
    from prometheus_client import CollectorRegistry, Counter, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    def make(count: int) -> None:
        vec = Counter("n_total", "Counts", ["l"])
        for number in range(count):
            vec.labels(l=str(number)).inc()
        kept.append(vec)

    kept: list[Any] = []

    def render() -> object:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)

    return make, render


def join() -> float:
    """Time joining, in milliseconds."""
    from dynamo_metrics import Runtime

    def time() -> float:
        started = perf_counter()
        Runtime()
        alone = perf_counter() - started
        share(contenders.OURS)
        started = perf_counter()
        Runtime()
        return 1e3 * (perf_counter() - started - alone)

    return min(_in_child(time) for _ in range(20))


def memory() -> float:
    """Return the memory of a process that shares its metrics, in that of one that does not."""
    from dynamo_metrics import Runtime

    def weigh() -> float:
        vec = Runtime().namespace("ns").metrics.create_intcountervec("n_total", "Counts", ["l"])
        for number in range(10_000):
            vec.inc({"l": str(number)})
        return float(Path("/proc/self/statm").read_text().split()[1])

    alone = _in_child(weigh)
    share(contenders.OURS)
    return _in_child(weigh) / alone


def _in_child(work: Callable[[], float]) -> float:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(write, repr(work()).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return float(pipe.read())


def _base() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

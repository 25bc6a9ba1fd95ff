"""The standard ``process_*`` metrics, read from ``/proc``.

They are made once, on a private node, and every runtime exposes them. A runtime with a status
server samples them about once a second, so that a scrape needs no GIL; rendering a runtime in
Python reads them anew.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading

from dynamo_metrics import _native
from dynamo_metrics._runtime_metrics import RuntimeMetrics
from dynamo_metrics.prometheus_names import process

HOME = _native.Node.detached()
"""The node of the metrics that are about the process."""

METRICS = RuntimeMetrics(HOME)

_CPU = METRICS.create_counter(
    process.CPU_SECONDS_TOTAL, "Total user and system CPU time spent in seconds.", full_name=True
)
_VIRTUAL_MEMORY = METRICS.create_gauge(
    process.VIRTUAL_MEMORY_BYTES, "Virtual memory size in bytes.", full_name=True
)
_RESIDENT_MEMORY = METRICS.create_gauge(
    process.RESIDENT_MEMORY_BYTES, "Resident memory size in bytes.", full_name=True
)
_START_TIME = METRICS.create_gauge(
    process.START_TIME_SECONDS,
    "Start time of the process since unix epoch in seconds.",
    full_name=True,
)
_OPEN_FDS = METRICS.create_gauge(
    process.OPEN_FDS, "Number of open file descriptors.", full_name=True
)
_MAX_FDS = METRICS.create_gauge(
    process.MAX_FDS, "Maximum number of open file descriptors.", full_name=True
)

_reading = threading.Lock()
_cpu_seconds = 0.0
"""What the counter has taken over so far."""


def expose_on(node: _native.Node) -> None:
    """Expose the metrics on a runtime as well.

    Raises ``MetricsError`` if a metric of the user has one of the names.
    """
    for metric in (_CPU, _VIRTUAL_MEMORY, _RESIDENT_MEMORY, _START_TIME, _OPEN_FDS, _MAX_FDS):
        node.adopt(HOME, metric)


def refresh() -> None:
    """Read the values anew. What cannot be read keeps its value."""
    # Who finds another thread reading need not wait, and a signal handler must not.
    if _reading.acquire(blocking=False):
        try:
            _read_stat()
            _read_descriptors()
        finally:
            _reading.release()


def _read_stat() -> None:
    global _cpu_seconds
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = _stat_fields(_contents("/proc/self/stat"))
        ticks = os.sysconf("SC_CLK_TCK")
        _VIRTUAL_MEMORY.set(fields[23])
        _RESIDENT_MEMORY.set(fields[24] * os.sysconf("SC_PAGE_SIZE"))
        cpu_seconds = (fields[14] + fields[15]) / ticks
        if cpu_seconds > _cpu_seconds:
            _CPU.inc_by(cpu_seconds - _cpu_seconds)
            _cpu_seconds = cpu_seconds
        if _START_TIME.get() == 0:  # it never changes
            _START_TIME.set(_boot_time() + fields[22] / ticks)


def _read_descriptors() -> None:
    with contextlib.suppress(OSError):
        _OPEN_FDS.set(len(os.listdir("/proc/self/fd")) - 1)  # one of them is the listing itself
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY:
        _MAX_FDS.set(limit)


def _stat_fields(stat: bytes) -> dict[int, int]:
    """Return the numbers of ``/proc/<pid>/stat``, counted from 1 as in proc(5)."""
    # The second field is the program's name in parentheses, and may hold parentheses and blanks.
    words = stat[stat.rindex(b")") + 1 :].split()
    return {number: int(words[number - 3]) for number in (14, 15, 22, 23, 24)}


def _boot_time() -> float:
    """Return when the machine was started, in seconds since 1970."""
    for line in _contents("/proc/stat").splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    raise ValueError("/proc/stat has no btime")


def _contents(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _after_fork_in_child() -> None:
    """Start anew: the CPU time of a child begins at 0, and it has a start time of its own."""
    global _reading, _cpu_seconds
    _reading = threading.Lock()
    _cpu_seconds = 0.0
    _START_TIME.set(0)


os.register_at_fork(after_in_child=_after_fork_in_child)

"""What stalls a Python process, sampled by the thread that runs callbacks.

The thread wakes a few times a second. How long it then waited for the interpreter is observed; it
reads the counts of the garbage collector, and asks each event loop to run a call as soon as it can.
A scrape shows the last samples and waits for none.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from time import monotonic, perf_counter
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dynamo_metrics import _process
from dynamo_metrics._native import Histogram, IntCounterVec
from dynamo_metrics._threads.callbacks import start_sampling
from dynamo_metrics.prometheus_names import name_prefix, python_gc, runtime_metrics

if TYPE_CHECKING:
    import asyncio

    from dynamo_metrics import _native
    from dynamo_metrics._native import IntCounter

INTERVAL = 0.25
"""Seconds between two samples: their cost stays below a thousandth of one CPU."""

_PROCESS_EVERY = 4
"""Samples from one reading of ``process_*`` to the next."""

_STALLS = (
    *(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""From unnoticeable delays to those that stall every stream, in seconds."""


def _stall_histogram(name: str, description: str) -> Histogram:
    full_name = f"{name_prefix.RUNTIME}_{name}"
    return _process.create(Histogram, full_name, description, buckets=list(_STALLS))


_GIL_WAIT = _stall_histogram(
    runtime_metrics.GIL_WAIT_SECONDS,
    "Time that a thread waited for the global interpreter lock, in seconds, sampled",
)
_EVENT_LOOP_LAG = _stall_histogram(
    runtime_metrics.EVENT_LOOP_LAG_SECONDS,
    "Time by which the event loop ran a call later than it was asked to, in seconds, sampled",
)

_GARBAGE = {
    key: _process.create_vec(IntCounterVec, name, description, python_gc.GENERATION_LABEL)
    for key, name, description in (
        # The descriptions are those of prometheus_client.
        (
            "collections",
            python_gc.COLLECTIONS_TOTAL,
            "Number of times this generation was collected",
        ),
        ("collected", python_gc.OBJECTS_COLLECTED_TOTAL, "Objects collected during gc"),
        (
            "uncollectable",
            python_gc.OBJECTS_UNCOLLECTABLE_TOTAL,
            "Uncollectable objects found during GC",
        ),
    )
}
_GENERATIONS = tuple(
    {key: vec.with_label_values([generation]) for key, vec in _GARBAGE.items()}
    for generation in ("0", "1", "2")
)
"""The counters of each generation, by the key that ``gc.get_stats()`` has for them."""

_lock = threading.Lock()
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, bool] = WeakKeyDictionary()
"""The loops that are watched, and whether a call is under way in each."""


class _Sampler:
    """Takes samples every ``INTERVAL`` seconds."""

    def __init__(self) -> None:
        self._next = 0.0
        self._count = 0

    def due_in(self) -> float:
        return max(0.0, self._next - monotonic())

    def woke(self, gil_wait: float) -> None:
        _GIL_WAIT.observe(gil_wait)
        now = monotonic()
        if now >= self._next:
            self._next = now + INTERVAL
            if self._count % _PROCESS_EVERY == 0:
                _process.refresh()
            self._count += 1
            _count_garbage()
            _ask_loops()


def start(node: _native.Node) -> None:
    """Sample from now on, and expose the samples on a runtime.

    Raises ``MetricsError`` if a metric of the user has one of the names.
    """
    for metric in (_GIL_WAIT, _EVENT_LOOP_LAG, *_GARBAGE.values()):
        node.adopt(_process.HOME, metric)
    resume()


def resume() -> None:
    """Sample, also in a forked child, whose threads stayed in the parent."""
    _process.refresh()
    start_sampling(_Sampler())


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Sample how late ``loop`` runs its calls, for as long as it lives.

    Ignores what is not an event loop: users may hand in anything, and some do.
    """
    with _lock, contextlib.suppress(TypeError):  # no weak reference, or no hash
        _loops.setdefault(loop, False)


def _count_garbage() -> None:
    for counters, stats in zip(_GENERATIONS, gc.get_stats(), strict=False):
        for key, counter in counters.items():
            _follow(counter, stats[key])


def _follow(counter: IntCounter, total: int) -> None:
    """Take over a count that is kept elsewhere."""
    new = total - counter.get()
    if new > 0:
        counter.inc_by(new)


def _ask_loops() -> None:
    with _lock:
        idle = [loop for loop, asked in _loops.items() if not asked]
    for loop in idle:
        # A loop is code of the user, and what it raises must not end the thread that is in here.
        try:
            if loop.is_running():
                _note(loop, asked=True)
                loop.call_soon_threadsafe(_run_late, loop, perf_counter())
        except Exception:  # closed meanwhile, for example
            _forget(loop)


def _run_late(loop: asyncio.AbstractEventLoop, asked: float) -> None:
    _EVENT_LOOP_LAG.observe(max(0.0, perf_counter() - asked))
    _note(loop, asked=False)


def _note(loop: asyncio.AbstractEventLoop, *, asked: bool) -> None:
    with _lock:
        _loops[loop] = asked


def _forget(loop: asyncio.AbstractEventLoop) -> None:
    with _lock:
        _loops.pop(loop, None)


def _after_fork_in_child() -> None:
    """Drop the loops: they run in the parent, and a thread of it may have held the lock."""
    global _lock
    _lock = threading.Lock()
    _loops.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)

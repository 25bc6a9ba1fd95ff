"""What stalls a Python process, sampled by the thread that runs callbacks.

The thread wakes a few times a second. How long it then waits for the interpreter is counted in the
native core; here it looks at the garbage collector, and asks each event loop to run a call as soon
as it can. A scrape shows the last samples and waits for none.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from time import perf_counter
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dynamo_metrics import _native

if TYPE_CHECKING:
    import asyncio

INTERVAL = 0.25
"""Seconds between two samples: what they cost stays below a thousandth of one CPU."""

_lock = threading.Lock()
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, bool] = WeakKeyDictionary()
"""The loops that are watched, and whether a call is under way in each."""


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Sample how late ``loop`` runs its calls, for as long as it lives.

    What is no event loop is let pass: users may hand in anything, and some have.
    """
    with _lock, contextlib.suppress(TypeError):  # no weak reference, or no hash
        _loops.setdefault(loop, False)


def sample() -> None:
    """Take one sample of everything but the interpreter's lock."""
    for generation, stats in enumerate(gc.get_stats()):
        _native.count_garbage(
            generation, stats["collections"], stats["collected"], stats["uncollectable"]
        )
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


def after_fork_in_child() -> None:
    """Forget the loops: they run in the parent, and a thread of it may have held the lock."""
    global _lock
    _lock = threading.Lock()
    _loops.clear()


def _run_late(loop: asyncio.AbstractEventLoop, asked: float) -> None:
    _native.observe_event_loop_lag(perf_counter() - asked)
    _note(loop, asked=False)


def _note(loop: asyncio.AbstractEventLoop, *, asked: bool) -> None:
    with _lock:
        _loops[loop] = asked


def _forget(loop: asyncio.AbstractEventLoop) -> None:
    with _lock:
        _loops.pop(loop, None)

"""Functions that run at once, in threads."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.client import TIMEOUT_SECONDS


@contextlib.contextmanager
def hectic() -> Iterator[None]:
    """Threads take turns every few microseconds, and not every few milliseconds."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def all_at_once(
    *work: Callable[[], object], meanwhile: Sequence[Callable[[], object]] = ()
) -> list[Any]:
    """Runs each function in a thread of its own, all from one start; returns what they return.

    Those in ``meanwhile`` are called again and again until the others have finished, once at least;
    each returns a list.
    """
    start = threading.Barrier(len(work) + len(meanwhile), timeout=TIMEOUT_SECONDS)
    finished = threading.Event()

    def once(function: Callable[[], object]) -> object:
        start.wait()
        return function()

    def repeatedly(function: Callable[[], object]) -> list[object]:
        start.wait()
        results = [function()]
        while not finished.is_set():
            results.append(function())
        return results

    with hectic(), ThreadPoolExecutor(len(work) + len(meanwhile)) as pool:
        working = [pool.submit(once, function) for function in work]
        repeating = [pool.submit(repeatedly, function) for function in meanwhile]
        try:
            results = [thread.result() for thread in working]
        finally:
            finished.set()
        return results + [thread.result() for thread in repeating]

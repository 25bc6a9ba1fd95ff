"""One Python object for each metric: creating an identical metric again returns it."""

from __future__ import annotations

import os
import threading
from typing import TypeVar
from weakref import WeakValueDictionary

_M = TypeVar("_M")

_living: WeakValueDictionary[int, object] = WeakValueDictionary()
"""The objects that live, by the ids that the native core gives their metrics."""

# Reentrant: a finaliser may create a metric while this thread holds the lock.
_lock = threading.RLock()


def only_object(metric_id: int, handle: _M) -> _M:
    """Return the living object of the metric with this id, or else ``handle``, from now on."""
    # The native id of a handle belongs to no other metric while either handle lives, so an object
    # found here is of the same class.
    with _lock:
        return _living.setdefault(metric_id, handle)  # type: ignore[return-value]


def _after_fork_in_child() -> None:
    """Replace the lock, which a thread of the parent may have held."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork_in_child)

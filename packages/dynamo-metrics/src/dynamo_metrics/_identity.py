"""One Python object for each metric: creating an identical metric again returns it.

The weak references have no callbacks, as those of a ``WeakValueDictionary`` have: a callback runs
inside the native deallocation of the object, and CPython before 3.14 may end a daemon thread there
while it finalises, which with a native frame below aborts the process.
"""

from __future__ import annotations

import os
import threading
from typing import TypeVar
from weakref import ref

_M = TypeVar("_M")

_FEW = 64

_objects: dict[int, ref[object]] = {}
"""The objects, by the ids that the native core gives their metrics. Some are dead."""

_limit = _FEW
"""The dead ones are removed when there are so many entries."""

# Reentrant: a finaliser may create a metric while this thread holds the lock.
_lock = threading.RLock()


def only_object(metric_id: int, handle: _M) -> _M:
    """Return the living object of the metric with this id, or else ``handle``, from now on."""
    # The native id of a handle belongs to no other metric while either handle lives, so an object
    # found here is of the same class.
    with _lock:
        known = _objects.get(metric_id)
        found = None if known is None else known()
        if found is not None:
            return found  # type: ignore[return-value]
        _objects[metric_id] = ref(handle)
        if len(_objects) >= _limit:
            _remove_dead()
        return handle


def _remove_dead() -> None:
    """Remove dead entries. The limit doubles the living ones, so that a creation costs little."""
    global _limit
    for metric_id, known in list(_objects.items()):
        if known() is None:
            _objects.pop(metric_id, None)  # a finaliser that ran in between may have removed it
    _limit = max(_FEW, 2 * len(_objects))


def _after_fork_in_child() -> None:
    """Replace the lock, which a thread of the parent may have held."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork_in_child)

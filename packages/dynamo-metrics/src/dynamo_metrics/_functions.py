"""Gauges that show the time, or what a function returns."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from dynamo_metrics import _arguments, _native
from dynamo_metrics._native import CallbackHandle, Gauge, IntGauge
from dynamo_metrics._refusals import names_call
from dynamo_metrics._threads.callbacks import start_callbacks

if TYPE_CHECKING:
    from dynamo_metrics._types import Float, Int


class _Function:
    """The callback that sets a gauge to what a function returns."""

    __slots__ = ("__weakref__", "_function", "_gauge", "handle")

    handle: CallbackHandle

    def __init__(self, gauge: Any, function: Callable[[], Any]) -> None:
        self._gauge = gauge
        self._function = function

    def __call__(self) -> None:
        self._gauge.set(self._function())


_registered: WeakValueDictionary[int, _Function] = WeakValueDictionary()
"""The function of each gauge that has one, by the id of its series, which the callback holds."""

# Reentrant: a finaliser may set a function while this thread holds the lock.
_lock = threading.RLock()


@names_call
def set_function(self: Gauge | IntGauge, function: Callable[[], Float | Int]) -> CallbackHandle:
    """Set the gauge to what function returns, before each scrape that shows it.

    function is a callback; see register_callback(). It takes the place of an earlier function
    of the gauge. unregister() of the handle leaves the gauge as it is.

    Raises TypeError if function cannot be called or is an async function.
    """
    name = f"set_function({_arguments.callback_name(function)}) of {self.name()}"
    start_callbacks()
    callback = _Function(self, function)
    with _lock:
        series = _native.series_id(self)
        before = _registered.get(series)
        callback.handle = _native.register_gauge_callback(self, name, callback)
        _registered[series] = callback
    if before is not None:
        before.handle.unregister()
    return callback.handle


@names_call
def set_to_current_time(self: Gauge | IntGauge) -> None:
    """Set the gauge to the seconds since 1970, UTC."""
    now = time.time()
    if isinstance(self, Gauge):
        self.set(now)
    else:
        self.set(int(now))


for _method in (set_function, set_to_current_time):
    for _kind in (Gauge, IntGauge):
        setattr(_kind, _method.__name__, _method)


def _after_fork_in_child() -> None:
    """Replace the lock, which a thread of the parent may have held."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork_in_child)

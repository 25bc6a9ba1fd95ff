"""Callbacks known by their names: a module that is reloaded registers them again."""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections.abc import Callable
from types import FunctionType
from weakref import WeakValueDictionary

from dynamo_metrics._native import CallbackHandle
from dynamo_metrics._threads.log import LOGGER, log

Key = tuple[object, ...]
"""The tree, the node and the method by which a callback is registered."""


class _Named:
    """A callback that a later one of the same name replaces."""

    __slots__ = ("__weakref__", "code", "function", "handle")

    handle: CallbackHandle

    def __init__(self, function: Callable[[], object], code: object) -> None:
        self.function = function
        self.code = code

    def __call__(self) -> object:
        return self.function()


_registered: WeakValueDictionary[Key, _Named] = WeakValueDictionary()

# Reentrant: a finaliser may register a callback while this thread holds the lock.
_lock = threading.RLock()


def register(
    key: Key,
    name: str,
    callback: Callable[[], object],
    register: Callable[[Callable[[], object]], CallbackHandle],
) -> CallbackHandle:
    """Register a callback in place of an earlier definition of the same function.

    A function defined in a module, not inside another function, is the same if module and name are,
    and another definition if its code is another object. One definition registered twice, by a loop
    for example, runs twice.
    """
    code = _code_of(callback)
    if code is None:
        return register(callback)
    named = _Named(callback, code)
    key = (*key, name)
    with _lock:
        before = _registered.get(key)
        named.handle = register(named)
        _registered[key] = named
    if before is not None and before.code is not code and before.handle.unregister():
        log(
            logging.getLogger(LOGGER),
            logging.INFO,
            f"metrics callback {name} replaces an earlier definition of the same name",
        )
    return named.handle


def _code_of(callback: object) -> object | None:
    """Return the code of a function of a module; None for what has no name of its own."""
    if not isinstance(callback, FunctionType) or "<" in callback.__qualname__:
        return None
    function = inspect.unwrap(callback)
    return getattr(function, "__code__", None)


def _after_fork_in_child() -> None:
    """Replace the lock, which a thread of the parent may have held."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork_in_child)

"""Proxies of results that end later: context managers, and awaitables that are no coroutines.

A proxy has the attributes and special methods of its result. Being awaited, entered or, for an
awaitable, iterated is measured until its end.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynamo_metrics._around import Measure

_OF_THE_PROXY = {
    *("__class__", "__del__", "__getattr__", "__getattribute__", "__init__", "__new__"),
    *("__class_getitem__", "__init_subclass__", "__subclasshook__"),
}
"""Special methods that are not forwarded: those of the proxy's own life and of classes."""


class _Use:
    """A result and the measuring of each use of it, as a context manager."""

    def __init__(self, result: Any, measure: Measure, carried: float) -> None:
        self.result = result
        self.measure = measure
        self._carried = carried
        self._begun: list[Any] = []
        self.driven: Generator[Any, Any, Any] | None = None
        """What awaits the result for a task, which drives coroutines by their methods."""

    def __enter__(self) -> Any:
        self._begun.append(self.measure.begin(self._carried))
        self._carried = 0.0
        return self.result

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.end(error)

    def begun_or_result(self) -> Any:
        """Return what a task drives; before its first step that is the result itself."""
        return self.result if self.driven is None else self.driven

    def end(self, error: BaseException | None) -> None:
        self.measure.end(self._begun.pop(), error)


class _Proxy:
    __slots__ = ("__weakref__", "_dynamo_use")

    _dynamo_use: _Use

    def __init__(self, result: Any, measure: Measure, carried: float) -> None:
        object.__setattr__(self, "_dynamo_use", _Use(result, measure, carried))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamo_use.result, name)


@functools.lru_cache(maxsize=1024)
def proxy_of(kind: type) -> type[_Proxy]:
    """Return the class of proxies of the instances of ``kind``."""
    special = [name for name in dir(kind) if name[:2] == name[-2:] == "__"]
    namespace: dict[str, Any] = {
        name: _forwarded(kind, name)
        for name in special
        if name not in _OF_THE_PROXY and callable(getattr(kind, name, None))
    }
    namespace.update((name, method) for name, method in _MEASURED.items() if name in namespace)
    if {"__await__", "__aiter__"} <= namespace.keys() and "__aexit__" not in namespace:
        namespace["__aiter__"] = _iterate
    if issubclass(kind, Coroutine):
        namespace.update({"send": _send, "throw": _throw, "close": _close})
    if "__call__" in namespace and hasattr(kind, "_recreate_cm"):
        # contextlib's managers as decorators enter a manager of their own in each call.
        namespace.update({"__call__": kind.__call__, "_recreate_cm": _recreate})
    namespace.update(
        {
            "__class__": property(lambda self: self._dynamo_use.result.__class__),
            "__doc__": kind.__doc__,
            "__module__": kind.__module__,
            "__slots__": (),
        }
    )
    return type(kind.__name__, (_Proxy,), namespace)


def _forwarded(kind: type, name: str) -> Callable[..., Any]:
    """Return a method that calls the result's. An operator asks the other operand as well."""
    method = vars(operator).get(name, getattr(kind, name))

    def forward(self: _Proxy, *args: Any, **kwargs: Any) -> Any:
        return method(self._dynamo_use.result, *args, **kwargs)

    return forward


# What is measured. Each is a method of a proxy.


def _await(self: _Proxy) -> Generator[Any, Any, Any]:
    with self._dynamo_use as result:
        return (yield from result.__await__())


def _send(self: _Proxy, value: Any, /) -> Any:
    use = self._dynamo_use
    if use.driven is None:
        use.driven = _await(self)
    return use.driven.send(value)


def _throw(self: _Proxy, *exception: Any) -> Any:
    return self._dynamo_use.begun_or_result().throw(*exception)


def _close(self: _Proxy) -> None:
    self._dynamo_use.begun_or_result().close()


async def _iterate(self: _Proxy) -> AsyncIterator[Any]:
    with self._dynamo_use as result:
        async for item in result:
            yield item


def _enter(self: _Proxy) -> Any:
    use = self._dynamo_use
    result = use.__enter__()
    try:
        return result.__enter__()
    except BaseException as error:
        use.end(error)
        raise


def _exit(self: _Proxy, kind: object, error: BaseException | None, traceback: object, /) -> Any:
    use = self._dynamo_use
    try:
        swallows = use.result.__exit__(kind, error, traceback)
    except BaseException as another:
        use.end(another)
        raise
    use.end(error)
    return swallows


async def _async_enter(self: _Proxy) -> Any:
    use = self._dynamo_use
    result = use.__enter__()
    try:
        return await result.__aenter__()
    except BaseException as error:
        use.end(error)
        raise


async def _async_exit(
    self: _Proxy, kind: object, error: BaseException | None, traceback: object, /
) -> Any:
    use = self._dynamo_use
    try:
        swallows = await use.result.__aexit__(kind, error, traceback)
    except BaseException as another:
        use.end(another)
        raise
    use.end(error)
    return swallows


def _recreate(self: _Proxy) -> _Proxy:
    use = self._dynamo_use
    return type(self)(use.result._recreate_cm(), use.measure, 0.0)


_MEASURED = {
    "__await__": _await,
    "__enter__": _enter,
    "__exit__": _exit,
    "__aenter__": _async_enter,
    "__aexit__": _async_exit,
}

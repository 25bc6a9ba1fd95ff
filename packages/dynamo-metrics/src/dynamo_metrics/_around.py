"""Decorators that measure a call until what it returns has ended.

A call of an ``async def`` function, of a generator function or of a context manager's function
only creates an object: what counts is when that object has ended. What a call returns is told by
the object, not by the function, so that ``functools.partial``, wrappers and objects with an async
``__call__`` are measured alike.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, TypeVar, cast

from dynamo_metrics._proxies import proxy_of

_F = TypeVar("_F", bound=Callable[..., Any])

_ASSIGNED = (*functools.WRAPPER_ASSIGNMENTS, "cache_info", "cache_clear")
"""What a wrapper has of its function; the last two are those of ``functools.lru_cache``."""


class Measure(Protocol):
    """What is measured. One of these serves any number of calls at the same time."""

    def begin(self, carried: float = 0.0) -> Any:
        """Begin, or go on after ``carried`` seconds. Returns what the other methods are given."""
        ...

    def pause(self, begun: Any) -> float:
        """Stop until what the call returned begins. Returns the seconds measured so far."""
        ...

    def end(self, begun: Any, error: BaseException | None) -> None:
        """End, with the exception that ended it, if any."""


def around(function: _F, measure: Measure) -> _F:
    """Return ``function`` with every call measured until its end, by an exception too.

    Raises ``TypeError`` for what cannot be called.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return cast("_F", type(function)(around(function.__func__, measure)))
    if not callable(function):
        raise TypeError(
            f"the decorated object must be callable, not {type(function).__name__}: decorate the "
            "function before it is wrapped"
        )
    if _is(inspect.iscoroutinefunction, function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return await _coroutine(function(*args, **kwargs), measure, 0.0)

        return coroutine  # type: ignore[return-value]
    if _is(inspect.isasyncgenfunction, function):
        return cast("_F", _async_generator_function(function, measure))
    if _is(inspect.isgeneratorfunction, function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            return (yield from _plain_generator(function(*args, **kwargs), measure, 0.0))

        if _is(_has_types_coroutine, function):
            return cast("_F", types.coroutine(generator))
        return generator  # type: ignore[return-value]
    begin, end = measure.begin, measure.end

    @functools.wraps(function, _ASSIGNED)
    def call(*args: Any, **kwargs: Any) -> Any:
        begun = begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            end(begun, error)
            raise
        kind: Any = type(result)
        follow = _follower_of(kind)
        if follow is None:
            end(begun, None)
            return result
        if follow is _future:
            return _future(result, measure, begun)
        return follow(result, measure, measure.pause(begun))

    return call  # type: ignore[return-value]


def _is(test: Callable[[object], bool], function: object) -> bool:
    """Whether a call runs such a function: the object itself, or the ``__call__`` of its class."""
    return test(function) or test(getattr(type(function), "__call__", None))  # noqa: B004


def _has_types_coroutine(function: object) -> bool:
    """Whether a generator function was decorated with ``types.coroutine``."""
    while isinstance(function, functools.partial):
        function = function.func
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & inspect.CO_ITERABLE_COROUTINE)


# What follows a result until its end. Each is given the result, the measure and the seconds so far.


_Follower = Callable[[Any, Measure, Any], Any]


@functools.lru_cache(maxsize=1024)
def _follower_of(kind: Any) -> _Follower | None:
    """Return what follows the results of a class; None if they are complete at once."""
    if hasattr(kind, "__await__"):
        if hasattr(kind, "add_done_callback"):
            return _future
        if issubclass(kind, Awaitable) and hasattr(kind, "cr_await"):
            return _generator if issubclass(kind, Generator) else _coroutine
        return proxy_of(kind)
    if issubclass(kind, AsyncGenerator):
        return _async_generator
    if issubclass(kind, Generator):
        return _generator
    if _is_only_a_manager(kind):
        return proxy_of(kind)
    return None


async def _coroutine(result: Any, measure: Measure, carried: float) -> Any:
    begun = measure.begin(carried)
    try:
        value = await result
    except BaseException as error:
        measure.end(begun, error)
        raise
    measure.end(begun, None)
    return value


def _future(result: Any, measure: Measure, begun: Any) -> Any:
    """Follow a future or task, which runs already, and stays the object that it is."""
    try:
        result.add_done_callback(lambda future: measure.end(begun, _error_of(future)))
    except NotImplementedError:  # as of calls of grpc.aio with an interceptor
        kind: Any = type(result)
        return proxy_of(kind)(result, measure, measure.pause(begun))
    return result


def _error_of(future: Any) -> BaseException | None:
    """Return the exception of a future that is done, and leave it unretrieved for asyncio."""
    try:
        if future.cancelled():
            from asyncio import CancelledError

            return CancelledError()
        # exception() would mark it as retrieved.
        error = future._exception if hasattr(future, "_exception") else future.exception()
    except Exception:  # it has no such methods
        return None
    return error if isinstance(error, BaseException) else None


def _generator(result: Any, measure: Measure, carried: float) -> Any:
    follow = _awaitable_generator if inspect.isawaitable(result) else _plain_generator
    return follow(result, measure, carried)


@types.coroutine
def _awaitable_generator(result: Any, measure: Measure, carried: float) -> Any:
    return (yield from _plain_generator(result, measure, carried))


def _plain_generator(result: Any, measure: Measure, carried: float) -> Any:
    begun = measure.begin(carried)
    try:
        value = yield from result
    except BaseException as error:
        measure.end(begun, error)
        raise
    measure.end(begun, None)
    return value


def _async_generator_function(function: Any, measure: Measure, carried: float = 0.0) -> Any:
    """Return an async generator function that passes everything on, in both directions."""

    @functools.wraps(function)
    async def async_generator(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        begun = measure.begin(carried)
        try:
            item = await result.__anext__()
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    await result.aclose()
                    raise
                except BaseException as thrown:
                    item = await result.athrow(thrown)
                else:
                    item = await result.asend(sent)
        except StopAsyncIteration:
            measure.end(begun, None)
        except BaseException as error:
            measure.end(begun, error)
            raise

    return async_generator


def _async_generator(result: Any, measure: Measure, carried: float) -> Any:
    return _async_generator_function(lambda: result, measure, carried)()


def _is_only_a_manager(kind: type) -> bool:
    """Whether a class is a context manager by trade: made with contextlib, or nothing else at all.

    Files, connections, locks, paths and processes can be used in a ``with`` statement too, but they
    are results that may live on.
    """
    if not (hasattr(kind, "__exit__") or hasattr(kind, "__aexit__")):
        return False
    if {AbstractContextManager, AbstractAsyncContextManager} & {*kind.__mro__}:
        return True
    return all(name.startswith("_") for name in dir(kind))

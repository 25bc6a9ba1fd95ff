"""Timing with a histogram."""

from __future__ import annotations

import functools
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar, final

from dynamo_metrics._native import Histogram

if TYPE_CHECKING:
    from types import TracebackType

_F = TypeVar("_F", bound=Callable[..., Any])


@final
class Timer:
    """Observes seconds: of a ``with`` block, or of each call of what it decorates.

    Observed on every way out, exceptions included. An async function is timed until its
    coroutine has finished; a generator function raises ``TypeError``, since a call only creates
    the generator. One timer can decorate any number of functions; as a context manager it may be
    nested and entered again, but each thread and task needs its own.
    """

    __module__ = "dynamo_metrics"
    __slots__ = ("_observe", "_started")

    def __init__(self, histogram: Histogram) -> None:
        self._observe = histogram.observe
        self._started: list[float] = []

    def __enter__(self) -> Timer:
        self._started.append(perf_counter())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._observe(perf_counter() - self._started.pop())

    def __call__(self, function: _F) -> _F:
        import inspect

        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"time() cannot decorate the generator function {function.__qualname__}: a call "
                "only creates the generator; put a with block into its body"
            )
        observe = self._observe
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def timed_coroutine(*args: Any, **kwargs: Any) -> Any:
                started = perf_counter()
                try:
                    return await function(*args, **kwargs)
                finally:
                    observe(perf_counter() - started)

            return timed_coroutine  # type: ignore[return-value]

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                observe(perf_counter() - started)

        return timed  # type: ignore[return-value]


def time(self: Histogram) -> Timer:
    """Return a timer: of a with block, or of each call of the function it decorates.

    It observes seconds, on every way out, exceptions included.
    """
    return Timer(self)


time.__qualname__ = "Histogram.time"
setattr(Histogram, "time", time)  # noqa: B010 - type checkers refuse to assign a method

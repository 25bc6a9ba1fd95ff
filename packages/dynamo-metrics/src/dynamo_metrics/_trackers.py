"""Counting exceptions with a counter, and what is in progress with a gauge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, final

from dynamo_metrics._arguments import wrong_type
from dynamo_metrics._around import around
from dynamo_metrics._native import Counter, Gauge, IntCounter, IntGauge
from dynamo_metrics._refusals import names_call

if TYPE_CHECKING:
    from types import TracebackType

    from dynamo_metrics._types import Exceptions

_F = TypeVar("_F", bound=Callable[..., Any])


@final
class ExceptionCounter:
    """Counts the exceptions of a ``with`` block, or of each call of what it decorates.

    The exceptions go on. A call lasts until what it returns has ended, as with ``Timer``.
    """

    __module__ = "dynamo_metrics"
    __slots__ = ("_counted", "_inc")

    def __init__(self, counter: Counter | IntCounter, counted: Exceptions) -> None:
        self._inc = counter.inc
        self._counted = counted

    def __enter__(self) -> ExceptionCounter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end(None, error)

    def __call__(self, function: _F) -> _F:
        return around(function, self)

    # What ``around`` asks for.

    def begin(self, carried: float = 0.0) -> None:
        """Begin a call."""

    def pause(self, begun: None) -> float:
        """Wait for what the call returned to begin."""
        return 0.0

    def end(self, begun: None, error: BaseException | None) -> None:
        """Count the exception, if it is one of those to count."""
        if isinstance(error, self._counted):
            self._inc()


@final
class InProgress:
    """Adds 1 to a gauge during a ``with`` block, or during each call of what it decorates.

    A call lasts until what it returns has ended, as with ``Timer``.
    """

    __module__ = "dynamo_metrics"
    __slots__ = ("_gauge",)

    def __init__(self, gauge: Gauge | IntGauge) -> None:
        self._gauge = gauge

    def __enter__(self) -> InProgress:
        self._gauge.inc()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._gauge.dec()

    def __call__(self, function: _F) -> _F:
        return around(function, self)

    # What ``around`` asks for.

    def begin(self, carried: float = 0.0) -> None:
        """Begin a call."""
        self._gauge.inc()

    def pause(self, begun: None) -> float:
        """Wait for what the call returned to begin."""
        self._gauge.dec()
        return 0.0

    def end(self, begun: None, error: BaseException | None) -> None:
        """End the call."""
        self._gauge.dec()


@names_call
def count_exceptions(
    self: Counter | IntCounter, exception: Exceptions = Exception
) -> ExceptionCounter:
    """Return a context manager and decorator that counts exceptions, which go on.

    exception is a class of exceptions or a tuple of classes. A call lasts until what it
    returns has ended: an awaitable, an async generator, a generator or a context manager.

    Raises TypeError for anything else.
    """
    kinds = exception if isinstance(exception, tuple) else (exception,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            expected = "a class of exceptions or a tuple of classes"
            raise wrong_type(kind, "exception", expected)
    return ExceptionCounter(self, kinds)


@names_call
def track_inprogress(self: Gauge | IntGauge) -> InProgress:
    """Return a context manager and decorator that adds 1 to the gauge meanwhile.

    A call lasts until what it returns has ended: an awaitable, an async generator, a generator
    or a context manager.
    """
    return InProgress(self)


for _function, _kinds in (
    (count_exceptions, (Counter, IntCounter)),
    (track_inprogress, (Gauge, IntGauge)),
):
    for _kind in _kinds:
        setattr(_kind, _function.__name__, _function)

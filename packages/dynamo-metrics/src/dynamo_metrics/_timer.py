"""Timing with a histogram or a summary."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar, final

from dynamo_metrics._arguments import quoted, wrong_type
from dynamo_metrics._around import around
from dynamo_metrics._native import Histogram, HistogramVec, Summary, SummaryVec
from dynamo_metrics._refusals import names_call, refused

if TYPE_CHECKING:
    from types import TracebackType

    from dynamo_metrics._types import LabelDict, LabelValues

_F = TypeVar("_F", bound=Callable[..., Any])


class _Seconds:
    """Observes seconds; what ``around`` asks for."""

    __slots__ = ("_observe",)

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe

    def begin(self, carried: float = 0.0) -> float:
        return perf_counter() - carried

    def pause(self, begun: float) -> float:
        return perf_counter() - begun

    def end(self, begun: float, error: BaseException | None) -> None:
        self._observe(perf_counter() - begun)


@final
class Timer:
    """Observes seconds: of a ``with`` block, or of each call of what it decorates.

    Observed on every way out, exceptions included. A call is timed until what it returns has ended:
    an awaitable, an async generator, a generator or a context manager. Of an iterator that is not
    a generator, only the call is timed. One timer can decorate any number of functions; as a
    context manager it may be nested and entered again, but each thread and task needs its own.
    """

    __module__ = "dynamo_metrics"
    __slots__ = ("_observe", "_started")

    def __init__(self, metric: Histogram | Summary) -> None:
        self._observe = metric.observe
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
        return around(function, _Seconds(self._observe))


@final
class VecTimer:
    """A ``Timer`` of a vec, whose series may be chosen at the end of the block.

    The labels are those that it was made with and those of ``labels()``, which win. If the block
    raises and labels are missing or refused, nothing is observed and the exception goes on.
    """

    __module__ = "dynamo_metrics"
    __slots__ = ("_begun", "_given", "_vec")

    def __init__(self, vec: HistogramVec | SummaryVec, labels: dict[str, LabelValues]) -> None:
        self._vec = vec
        self._given = labels
        self._begun: list[tuple[float, dict[str, LabelValues]]] = []

    def labels(self, /, **labels: LabelValues) -> None:
        """Set labels of the block that runs; ``RuntimeError`` outside of one."""
        if not self._begun:
            raise RuntimeError(
                f"{self._vec.name()}.time(): labels() of a timer works only inside its with "
                "block: give the labels to time()"
            )
        self._begun[-1][1].update(labels)

    def __enter__(self) -> VecTimer:
        self._begun.append((perf_counter(), dict(self._given)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        begun, labels = self._begun.pop()
        seconds = perf_counter() - begun
        try:
            self._vec.observe(seconds, labels)
        except Exception:
            if error is None:
                raise

    def __call__(self, function: _F) -> _F:
        """Time each call; ``ValueError`` unless ``time()`` was given all labels."""
        vec, labels = self._vec, dict(self._given)
        names = vec.variable_labels()
        if missing := [name for name in names if name not in labels]:
            error = ValueError(
                f"label {quoted(missing[0])} is missing: a decorator needs all labels"
            )
            raise refused(error, vec.name(), "time", ["labels"], names, (labels,), {}, True)
        vec.get_sample_count(labels)  # raises for others
        return around(function, _Seconds(lambda seconds: vec.observe(seconds, labels)))


def time(self: Histogram | Summary) -> Timer:
    """Return a timer: of a with block, or of each call of the function it decorates.

    It observes seconds, on every way out, exceptions included. A call is timed until what it
    returns has ended: an awaitable, an async generator, a generator or a context manager.
    """
    return Timer(self)


def vec_time(self: HistogramVec | SummaryVec, labels: LabelDict | None = None) -> VecTimer:
    """Return a timer of the series with these labels.

    In a with block labels can be left out, and are set before its end by labels() of the timer.
    See time() of a single series.
    """
    try:
        given = {} if labels is None else {**labels}
    except TypeError:
        raise wrong_type(labels, "labels", "a dict of label names and values") from None
    return VecTimer(self, given)


vec_time.__name__ = vec_time.__qualname__ = "time"
_any_time, _any_vec_time = names_call(time), names_call(vec_time)


# A valid call skips ``names_call``: timers are made for each measurement.


@wraps(time)
def _time(self: Histogram | Summary, /, *args: Any, **kwargs: Any) -> Timer:
    return _any_time(self, *args, **kwargs) if args or kwargs else Timer(self)


@wraps(vec_time)
def _vec_time(
    self: HistogramVec | SummaryVec, labels: Any = None, /, *args: Any, **kwargs: Any
) -> VecTimer:
    if args or kwargs or not (labels is None or isinstance(labels, dict)):
        given = args if labels is None else (labels, *args)
        return _any_vec_time(self, *given, **kwargs)
    return VecTimer(self, {**labels} if labels else {})


for _kind, _method in (
    (Histogram, _time),
    (Summary, _time),
    (HistogramVec, _vec_time),
    (SummaryVec, _vec_time),
):
    setattr(_kind, "time", _method)  # noqa: B010 - type checkers refuse to assign a method

"""Bounds of histogram buckets: prepared lists, in seconds, and functions that make lists."""

from __future__ import annotations

import itertools
import math
import operator
from typing import TYPE_CHECKING

from dynamo_metrics._arguments import number
from dynamo_metrics._errors import MetricsError

if TYPE_CHECKING:
    from dynamo_metrics._types import Float, Int

__all__ = [
    "DEFAULT_BUCKETS",
    "ITL_BUCKETS",
    "REQUEST_DURATION_BUCKETS",
    "TTFT_BUCKETS",
    "exponential_buckets",
    "linear_buckets",
]

DEFAULT_BUCKETS: tuple[float, ...] = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0),
)
"""The upper bounds that the clients of Prometheus use by default, in seconds."""

TTFT_BUCKETS: tuple[float, ...] = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0),
)
"""Time to first token, in seconds: from a cached prefix on an idle worker to minutes in a queue."""

ITL_BUCKETS: tuple[float, ...] = (
    *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0),
)
"""Inter-token latency, in seconds: dense between 5 and 100 ms, and up to a stalled decode."""

REQUEST_DURATION_BUCKETS: tuple[float, ...] = (
    *DEFAULT_BUCKETS,
    *(20.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)
"""A whole request, in seconds, up to ten minutes: generations outlast the default 10 s by far."""

_MOST = 10_000
"""Every series of a histogram has all its buckets: a larger count is a mistake."""


def linear_buckets(start: Float, width: Float, count: Int) -> list[float]:
    """Return ``count`` bucket bounds from ``start``, ``width`` apart.

    Raises ``MetricsError`` if ``count`` is not in 1 to 10000, ``width`` is not above 0, or a bound
    is not finite; ``TypeError`` for what is not a number.
    """
    function = "linear_buckets"
    first, step, count = number(start, "start"), number(width, "width"), operator.index(count)
    _require_count(function, count)
    _require(function, "width", step, step > 0, "give a width above 0")
    return _checked([first + step * index for index in range(count)])


def exponential_buckets(start: Float, factor: Float, count: Int) -> list[float]:
    """Return ``count`` bucket bounds from ``start``, each ``factor`` times the one before.

    Raises ``MetricsError`` if ``count`` is not in 1 to 10000, ``start`` is not above 0, ``factor``
    is not above 1, or a bound is not finite; ``TypeError`` for what is not a number.
    """
    function = "exponential_buckets"
    bound, ratio, count = number(start, "start"), number(factor, "factor"), operator.index(count)
    _require_count(function, count)
    _require(function, "start", bound, bound > 0, "give a start above 0")
    _require(function, "factor", ratio, ratio > 1, "give a factor above 1")
    bounds = []
    for _ in range(count):
        bounds.append(bound)
        bound *= ratio
    return _checked(bounds)


def _require_count(function: str, count: int) -> None:
    _require(function, "count", count, 1 <= count <= _MOST, f"give 1 to {_MOST}")


def _require(function: str, argument: str, value: float, holds: bool, rule: str) -> None:
    if not holds:
        raise _refused(f"{function}: {argument}={_shown(value)} is out of range: {rule}")


def _checked(bounds: list[float]) -> list[float]:
    for position, bound in enumerate(bounds):
        if not math.isfinite(bound):
            raise _refused(
                f"bucket bound {_shown(bound)} at position {position} is not a finite number: give "
                "finite bounds, +Inf is added by itself"
            )
    for position, (previous, bound) in enumerate(itertools.pairwise(bounds), start=1):
        if bound <= previous:
            raise _refused(
                f"bucket bound {_shown(bound)} at position {position} does not exceed the one "
                f"before it, {_shown(previous)}: bounds must be strictly increasing"
            )
    return bounds


def _refused(message: str) -> MetricsError:
    return MetricsError(message, reason="bad_buckets")


def _shown(value: float) -> str:
    """Return a number as the native core writes it in messages."""
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)

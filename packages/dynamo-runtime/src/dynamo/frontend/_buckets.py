"""The buckets of the histograms: spaced evenly on a logarithmic scale, set by the environment."""

from __future__ import annotations

import math

from dynamo._settings import HistogramBounds

__all__ = ["buckets"]


def buckets(bounds: HistogramBounds) -> list[float]:
    """Return the bounds that the variables ask for: 0, and numbers from MIN to MAX.

    There are COUNT of them, each rounded to two digits; what is equal then is there once.

    Raises ``ValueError`` for a bad variable.
    """
    lowest, highest, count = bounds.read()
    steps = count - 2
    ratio = highest / lowest
    found = {_rounded(lowest * ratio ** (step / steps)) for step in range(steps + 1)}
    return [0.0, *sorted(found)]


def _rounded(value: float) -> float:
    digits = 1 - math.floor(math.log10(value))
    return round(value, digits)

"""Rates and quantiles over some scrapes, as PromQL's ``rate()`` and ``histogram_quantile()``.

The live page computes the same: ``crates/dynamo-runtime/page/rates.js``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

Series: TypeAlias = Mapping[tuple[tuple[str, str], ...], float]
"""Values by labels."""
Point: TypeAlias = "tuple[float, Series]"
"""A time in seconds, and what a scrape had then."""


def increase(points: Sequence[Point], labels: tuple[tuple[str, str], ...]) -> float | None:
    """Return how much a counter grew; None unless two scrapes have it.

    A value below the one before it is a reset: the counter began at zero in between.
    """
    values = [series[labels] for _, series in points if labels in series]
    if len(values) < 2:
        return None
    return sum(after - before if after >= before else after for before, after in pairwise(values))


def rate(points: Sequence[Point]) -> float | None:
    """Return the growth per second of all counters together; None unless two scrapes have one."""
    if len(points) < 2:
        return None
    grown = []
    for labels in points[-1][1]:
        times = [time for time, series in points if labels in series]
        more = increase(points, labels)
        if more is not None and times[-1] > times[0]:
            grown.append(more / (times[-1] - times[0]))
    return sum(grown) if grown else None


def quantile(share: float, points: Sequence[Point]) -> float | None:
    """Return a quantile of what histograms observed meanwhile, from their buckets.

    ``labels`` of the points have ``le``; those of all series are added. None without observations.
    """
    counts: dict[float, float] = {}
    if len(points) < 2:
        return None
    for labels in points[-1][1]:
        bound = _bound(labels)
        if bound is not None:
            counts[bound] = counts.get(bound, 0) + (increase(points, labels) or 0)
    return of_buckets(share, sorted(counts.items()))


def of_buckets(share: float, buckets: Sequence[tuple[float, float]]) -> float | None:
    """Return a quantile of cumulative buckets, by their upper bounds, ascending.

    Linear inside of a bucket; the highest finite bound above that.
    """
    if not buckets or buckets[-1][0] != math.inf:
        return None
    rank = share * buckets[-1][1]
    if not rank > 0:
        return None
    lower, below = 0.0, 0.0
    for index, (upper, count) in enumerate(buckets):
        if count >= rank:
            if upper == math.inf:
                return buckets[index - 1][0] if index else None
            if index == 0 and upper <= 0:
                return upper
            return lower + (upper - lower) * (rank - below) / (count - below)
        lower, below = upper, max(below, count)
    return None


def total(values: Iterable[float]) -> float | None:
    """Return the sum without NaN; None if nothing is left."""
    numbers = [value for value in values if value == value]
    return sum(numbers) if numbers else None


def _bound(labels: tuple[tuple[str, str], ...]) -> float | None:
    for name, value in labels:
        if name == "le":
            try:
                return float(value)
            except ValueError:
                return None
    return None

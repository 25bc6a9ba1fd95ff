"""The largest families of an exposition, and the labels that make them large."""

from __future__ import annotations

from typing import NamedTuple

from dynamo_metrics.scrape import Exposition, Family

LARGEST = 10
"""Families that are listed."""


class Size(NamedTuple):
    """How many series a family has."""

    metric: str
    series: int
    """Those that Prometheus stores: each bucket is one."""
    label: str
    """The label with the most values; empty if the family has no labels."""
    values: int


def largest(exposition: Exposition) -> list[Size]:
    """Return the largest families, the largest first."""
    sizes = [_size(family) for family in exposition.shown()]
    return sorted(sizes, key=lambda size: -size.series)[:LARGEST]


def _size(family: Family) -> Size:
    values: dict[str, set[str]] = {}
    for sample in family.samples:
        for label, value in sample.labels:
            values.setdefault(label, set()).add(value)
    label = max(values, key=lambda name: len(values[name]), default="")
    return Size(family.name, len(family.samples), label, len(values.get(label, ())))

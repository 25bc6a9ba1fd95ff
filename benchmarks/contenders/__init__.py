"""Who is measured: one file each, with one class ``Contender`` of one shape.

A contender says with which statements a user of it does a thing. The statements run unwrapped, so
that nobody pays for a common interface.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

# The keys of the files, in the order of the tables' columns.
BARE = "bare"
OURS = "ours"
DYNAMO = "dynamo_0_8"
PROMETHEUS_CLIENT = "prometheus_client"
OPENTELEMETRY = "opentelemetry"

# The three constant labels and the two variable ones that all contenders give their series.
PLACE = {
    "dynamo_namespace": "ns",
    "dynamo_component": "comp",
    "dynamo_endpoint": "ep",
}
FIRST, SECOND = "model", "worker"

# Eleven, as all contenders have by default or can be told to.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Statement:
    """One call, and the names it uses. In calls with labels, ``labels`` is the dict at hand."""

    source: str
    names: dict[str, object]

    def loop(self) -> Callable[[Iterable[dict[str, str]]], None]:
        """Return a function that makes the call for each dict of labels."""
        scope: dict[str, Callable[..., None]] = {}
        arguments = ", ".join(("each", *self.names))
        exec(f"def loop({arguments}):\n    for labels in each:\n        {self.source}", {}, scope)
        return lambda each: scope["loop"](each, *self.names.values())


class Contender(Protocol):
    """What topics ask of a contender; a contender leaves out what it cannot do."""

    def __init__(self, port: int | None = None) -> None:
        """Set up; with ``port``, serve ``/metrics`` on the loopback interface."""

    def updates(self) -> dict[str, Statement]:
        """Return updates of one series, by verb: ``intcounter.inc``, ``gauge.set`` and so on."""

    def vec_updates(self, label_sets: Sequence[dict[str, str]]) -> dict[str, Statement]:
        """Return updates of a vec that has a series for each of these label sets, by verb."""

    def counters(self) -> Statement:
        """Return what creates or increments the series that ``labels`` names in a vec."""

    def count(self, counts: Iterable[tuple[dict[str, str], int]]) -> None:
        """Set the counters of that vec, each named by its labels, to these counts."""


def load(key: str, port: int | None = None) -> Contender:
    """Return this process's one contender of that key; a port counts only when it is set up."""
    return _load(key, port) if port is not None else _load(key)


@cache
def _load(key: str, port: int | None = None) -> Contender:
    return importlib.import_module(f"{__name__}.{key}").Contender(port)


def label_sets(count: int) -> Iterator[dict[str, str]]:
    """Yield values of the two variable labels, all different, in strings of their own."""
    for index in range(count):
        yield {FIRST: f"m-{index // 100:04}", SECOND: f"w-{index % 100:03}"}


def counts(series: int) -> Iterator[tuple[dict[str, str], int]]:
    """Yield so many sets of labels, each with a count of one to six digits."""
    for index, labels in enumerate(label_sets(series)):
        yield labels, 1 + index * 2_654_435_761 % 999_999

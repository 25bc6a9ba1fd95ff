"""What reading an exposition gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One sample: a line of a text format, or a part of a protobuf message."""

    name: str
    """With the suffix: ``_bucket``, ``_total``."""
    labels: Labels
    """As written; ``le`` and ``quantile`` are among them."""
    value: float
    line: int
    timestamp: float | None = None
    """In seconds."""

    def label(self, name: str) -> str | None:
        """Return the value of a label."""
        return next((value for label, value in self.labels if label == name), None)

    def without(self, name: str) -> Labels:
        """Return the labels that are not empty, sorted, without one: the series' identity."""
        return tuple(sorted(pair for pair in self.labels if pair[0] != name and pair[1]))


@dataclass
class Family:
    """The samples under one name."""

    name: str
    """As Prometheus stores it: an OpenMetrics counter has its ``_total``."""
    line: int
    """Where it begins."""
    type: str = "unknown"
    help: str | None = None
    """None if there is no HELP."""
    unit: str = ""
    is_typed: bool = False
    """Whether the exposition says the type."""
    samples: list[Sample] = field(default_factory=list)


class Problem(NamedTuple):
    """Something that is wrong with an exposition."""

    line: int
    """From 1; of protobuf, the number of the message. 0 if it is about the whole."""
    metric: str
    """The family, sample or label; empty if unknown."""
    rule: str
    """A short name, to ignore all of its kind."""
    problem: str
    remedy: str
    is_note: bool = False
    """Whether it is a remark only, which fails nothing."""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        metric = f"{self.metric}: " if self.metric else ""
        note = "note: " if self.is_note else ""
        return f"{place}{metric}{note}{self.problem}: {self.remedy} [{self.rule}]"


@dataclass
class Exposition:
    """A whole exposition, as far as it can be read."""

    format: str
    """The name of its format."""
    families: dict[str, Family] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def shown(self) -> list[Family]:
        """Return the families that have samples, in their order."""
        return [family for family in self.families.values() if family.samples]

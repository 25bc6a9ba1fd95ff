"""The families of a node as Python objects, for hosts that take no text.

They are read from our own OpenMetrics 1 exposition, which is written without the GIL. Names and
labels of a series are parsed when it is first seen; afterwards a line costs a look-up and a float.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dynamo_metrics import RuntimeMetrics

_ACCEPT = "application/openmetrics-text; version=1.0.0"

_LABELS = r'\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}'
_LINE = re.compile(
    rf"([^\s{{]+)(?:{_LABELS})? (\S+)(?: ([^\s#]\S*))?(?: # {_LABELS} (\S+)(?: (\S+))?)?"
)
_LABEL = re.compile(r'([^=,"]+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")

Labels = tuple[tuple[str, str], ...]


class Exemplar(NamedTuple):
    """An example of what a sample counts."""

    labels: Labels
    value: float
    timestamp: float | None


class Sample(NamedTuple):
    """One line of an exposition."""

    name: str
    labels: Labels
    value: float
    timestamp: float | None = None
    """In seconds, if the line has one."""
    exemplar: Exemplar | None = None


class Family(NamedTuple):
    """What has one name, type and description.

    As OpenMetrics 1 has it: the name of a counter is without ``_total``; a counter whose samples do
    not end so is of type ``unknown``.
    """

    name: str
    type: str
    description: str
    unit: str
    samples: list[Sample]

    @property
    def exposed_name(self) -> str:
        """The name in the text format, which is what ``name()`` returns."""
        return f"{self.name}_total" if self.type == "counter" else self.name


class Reader:
    """Reads the families of one node again and again. Any thread may, several at a time."""

    def __init__(self, metrics: RuntimeMetrics) -> None:
        self._metrics = metrics
        # What stands before the value of a line: the name and the labels of the series.
        self._series: dict[str, tuple[str, Labels]] = {}

    def read(self) -> list[Family]:
        """Run the callbacks, as a scrape does, and return the families that have series."""
        _, _, body = self._metrics.exposition(_ACCEPT)
        return self._parse(body.decode())

    def _parse(self, text: str) -> list[Family]:
        families: list[Family] = []
        before, seen = self._series, {}
        for line in text.split("\n"):
            if line[:2] == "# ":
                _describe(families, line)
                continue
            key, _, value = line.rpartition(" ")
            known = before.get(key)
            if known is not None:
                seen[key] = known
                families[-1].samples.append(Sample(*known, float(value)))
            elif key:
                key, sample = _sample(line)
                seen[key] = sample.name, sample.labels
                families[-1].samples.append(sample)
        self._series = seen  # without the series that are gone
        return families


def _describe(families: list[Family], line: str) -> None:
    _, word, *rest = line.split(" ", 3)
    if word == "TYPE":
        families.append(Family(rest[0], rest[1], "", "", []))
    elif word == "UNIT":
        families[-1] = families[-1]._replace(unit=rest[1])
    elif word == "HELP":
        families[-1] = families[-1]._replace(description=_unescape(rest[1]))


def _sample(line: str) -> tuple[str, Sample]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a line of OpenMetrics: {line!r}")
    name, labels, value, timestamp, *exemplar = found.groups()
    sample = Sample(
        name,
        _labels(labels),
        float(value),
        _seconds(timestamp),
        Exemplar(_labels(exemplar[0]), float(exemplar[1]), _seconds(exemplar[2]))
        if exemplar[1]
        else None,
    )
    return line[: found.start(3) - 1], sample


def _labels(text: str | None) -> Labels:
    pairs = _LABEL.findall(text or "")
    return tuple((name, _unescape(value)) for name, value in pairs)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _seconds(text: str | None) -> float | None:
    return float(text) if text else None

"""An exposition, read by the parser of ``prometheus_client``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

_TYPE_LINE = re.compile(r'^# TYPE ([^"\s]+|"(?:[^"\\]|\\.)+") \w+$', re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)")


class Sample(NamedTuple):
    """One line of an exposition."""

    name: str
    labels: dict[str, str]
    value: float
    timestamp: float | None = None
    """In seconds, if the line has one."""


class Family(NamedTuple):
    """One family, with its samples in the order of the exposition."""

    name: str
    type: str
    help: str
    samples: list[Sample]


def exposition(source: Any) -> dict[str, Family]:
    """Families by name, in the order of the exposition, of a node or of text.

    The parser gives counters OpenMetrics' names, with or without ``_total`` as the case may be.
    Here all names are those in the exposition.
    """
    text = source if isinstance(source, str) else source.metrics.prometheus_expfmt()
    parsed = text_string_to_metric_families(text)
    names = [_plain(name) for name in _TYPE_LINE.findall(text)]
    families = [_as_on_the_page(name, family) for name, family in zip(names, parsed, strict=True)]
    by_name = {family.name: family for family in families}
    assert len(by_name) == len(families), f"a family stands twice: {names}"
    _check_that_nothing_is_ambiguous(by_name)
    return by_name


def sample(families: dict[str, Family], name: str, **labels: str) -> float:
    """The value of the only sample with this name and these labels among its labels."""
    found = [
        sample
        for sample in _samples(families)
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, f"{len(found)} samples are {name} {labels}"
    return found[0].value


def series(families: dict[str, Family], name: str, *labels: str) -> dict[Any, float]:
    """The values of a family without buckets, by the values of these labels, in order.

    One label gives plain keys, several give tuples.
    """
    values = {}
    for sample in families[name].samples:
        key = tuple(sample.labels[label] for label in labels)
        values[key if len(labels) > 1 else key[0]] = sample.value
    assert len(values) == len(families[name].samples), f"{labels} do not tell the series apart"
    return values


def buckets(families: dict[str, Family], name: str, **labels: str) -> dict[str, float]:
    """The cumulative counts of a histogram's buckets by ``le``, in the order of the exposition."""
    return {
        sample.labels["le"]: sample.value
        for sample in families[name].samples
        if sample.name == f"{name}_bucket" and labels.items() <= sample.labels.items()
    }


def _samples(families: dict[str, Family]) -> Iterator[Sample]:
    for family in families.values():
        yield from family.samples


def _plain(name: str) -> str:
    """A name without the quotes that those of any characters have."""
    if not name.startswith('"'):
        return name
    return _ESCAPED.sub(lambda found: {"n": "\n"}.get(found[1], found[1]), name[1:-1])


def _as_on_the_page(name: str, family: Any) -> Family:
    samples = [
        Sample(
            name if family.type == "counter" else sample.name,
            sample.labels,
            sample.value,
            sample.timestamp,
        )
        for sample in family.samples
    ]
    return Family(name, family.type, family.documentation, samples)


def _check_that_nothing_is_ambiguous(families: dict[str, Family]) -> None:
    owners: dict[str, str] = {}
    seen = set()
    for family in families.values():
        for sample in family.samples:
            owner = owners.setdefault(sample.name, family.name)
            assert owner == family.name, f"{owner} and {family.name} both have {sample.name}"
            identity = (sample.name, frozenset(sample.labels.items()))
            assert identity not in seen, f"a series stands twice: {sample}"
            seen.add(identity)

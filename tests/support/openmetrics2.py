"""A reader of OpenMetrics 2.0, by the grammar of its specification.

No library reads the format yet; see https://prometheus.io/docs/specs/om/open_metrics_spec_2_0/.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TEXT = r'"(?:[^"\\\n]|\\.)*"'
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = rf"(?:[a-zA-Z_][a-zA-Z0-9_]*|{_TEXT})={_TEXT}"
_REAL = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_NUMBER = rf"(?:{_REAL}|[+-]?inf(?:inity)?|nan)"
_PAIRS = rf"(?:{_NUMBER}:{_NUMBER}(?:,{_NUMBER}:{_NUMBER})*)?"
_SIDE = (
    r",{0}_spans:\[(?P<{0}_spans>[+-]?\d+:\d+(?:,\d+:\d+)*)\]"
    r",{0}_buckets:\[(?P<{0}_buckets>\d+(?:,\d+)*)\]"
)

_METADATA = re.compile(rf'# (TYPE|UNIT|HELP) ({_NAME}|{_TEXT}) ((?:[^"\\\n]|\\.)*)')
_SAMPLE = re.compile(
    rf"(?:(?P<name>{_NAME})(?:{{(?P<labels>(?:{_LABEL}(?:,{_LABEL})*)?)}})?"
    rf"|{{(?P<quoted>{_TEXT})(?P<others>(?:,{_LABEL})*)}})"
    rf" (?:(?P<number>{_NUMBER})|{{(?P<composite>[^{{}}]*)}})"
    rf"(?: (?P<timestamp>{_REAL}))?(?: st@(?P<start>{_REAL}))?"
    rf"(?P<exemplars>(?: # {{(?:{_LABEL}(?:,{_LABEL})*)?}} {_NUMBER} {_REAL})*)",
    re.IGNORECASE,
)
_HISTOGRAM = re.compile(
    rf"count:(?P<count>{_NUMBER}),sum:(?P<sum>{_NUMBER})"
    rf"(?:,schema:(?P<schema>-?\d+),zero_threshold:(?P<zero_threshold>{_REAL})"
    rf",zero_count:(?P<zero_count>\d+)(?:{_SIDE.format('negative')})?(?:{_SIDE.format('positive')})?)?"
    rf"(?:,bucket:\[(?P<bucket>{_PAIRS})\])?",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    rf"count:(?P<count>{_NUMBER}),sum:(?P<sum>{_NUMBER}),quantile:\[(?P<quantile>{_PAIRS})\]",
    re.IGNORECASE,
)
_ONE_LABEL = re.compile(rf"([a-zA-Z_][a-zA-Z0-9_]*|{_TEXT})=({_TEXT})")
_EXEMPLAR = re.compile(
    rf" # {{((?:{_LABEL}(?:,{_LABEL})*)?)}} ({_NUMBER}) ({_REAL})", re.IGNORECASE
)


@dataclass
class Sample:
    """One line: a series."""

    labels: dict[str, str]
    number: float | None
    """None if the value is composite."""
    composite: dict[str, str]
    """The parts of a composite value that are there, as text."""
    timestamp: float | None
    start: float | None
    exemplars: list[tuple[dict[str, str], float, float]]
    """Labels, value, timestamp."""


@dataclass
class Family:
    """One family."""

    metadata: dict[str, str] = field(default_factory=dict)
    """``TYPE``, ``UNIT`` and ``HELP`` as far as they are there."""
    samples: list[Sample] = field(default_factory=list)


def read(exposition: str) -> dict[str, Family]:
    """The families of an exposition by name; a line that the grammar does not know is an error."""
    assert exposition.endswith("# EOF\n")
    families: dict[str, Family] = {}
    current = ""
    # Not splitlines(): a label value may hold other characters that it takes for the end of a line.
    for line in exposition.removesuffix("# EOF\n").split("\n")[:-1]:
        metadata = _METADATA.fullmatch(line)
        if metadata:
            kind, name, text = metadata.groups()
            name = _plain(name)
            family = families.setdefault(name, Family())
            assert name == current or not family.metadata, f"{name} is interleaved"
            assert kind not in family.metadata
            assert not family.samples
            family.metadata[kind] = _unescaped(text)
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, f"not a line of OpenMetrics 2.0: {line!r}"
            name = found["name"] or _plain(found["quoted"])
            assert name == current, f"{name} stands outside its family"
            families[name].samples.append(_sample(found, families[name].metadata["TYPE"]))
        current = name
    return families


def pairs(text: str) -> list[tuple[str, float]]:
    """``0.5:1,+Inf:2`` as pairs of text and number."""
    split = (one.split(":") for one in text.split(",") if one)
    return [(name, float(value)) for name, value in split]


def _sample(found: re.Match[str], kind: str) -> Sample:
    composite: dict[str, str] = {}
    if found["composite"] is not None:
        grammar = {"histogram": _HISTOGRAM, "summary": _SUMMARY}[kind]
        parts = grammar.fullmatch(found["composite"])
        assert parts, f"not the value of a {kind}: {found['composite']}"
        composite = {name: text for name, text in parts.groupdict().items() if text is not None}
    exemplars = [
        (_labels(labels), float(value), float(time))
        for labels, value, time in _EXEMPLAR.findall(found["exemplars"])
    ]
    number, timestamp, start = (
        None if found[name] is None else float(found[name])
        for name in ("number", "timestamp", "start")
    )
    labels = _labels(found["labels"] or found["others"] or "")
    return Sample(labels, number, composite, timestamp, start, exemplars)


def _labels(text: str) -> dict[str, str]:
    found = _ONE_LABEL.findall(text)
    labels = {_plain(name): _plain(value) for name, value in found}
    assert len(labels) == len(found), f"a label stands twice: {text}"
    return labels


def _plain(text: str) -> str:
    """A name or value without its quotes, if it has any."""
    return _unescaped(text[1:-1]) if text.startswith('"') else text


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)

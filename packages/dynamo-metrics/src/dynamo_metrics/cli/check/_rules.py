"""The rules about names, types, units and HELP: those of Prometheus' ``promlint``, and a few more.

A rule takes a family and gives what is wrong with it and what to do. To add one, write a function
and a line in ``RULES``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from dynamo_metrics.cli.check._units import ABBREVIATIONS, unit_of
from dynamo_metrics.scrape import Family, Problem

_Found: TypeAlias = Iterator[tuple[str, str]]
"""Problems and remedies."""

OVERFLOW = "__overflow__"
"""The label value of series beyond a vec's limit."""

_TYPES = ("counter", "gauge", "histogram", "summary", "gauge_histogram")
_CAMEL_CASE = re.compile(r"[a-z][A-Z]")


class Rule(NamedTuple):
    """One rule."""

    name: str
    check: Callable[[Family], _Found]
    is_note: bool = False
    """Whether it only remarks."""
    is_about_names: bool = True
    """Whether it only concerns names of an engine, ``vllm:...``, which users cannot change."""


def _help(family: Family) -> _Found:
    if not family.help:
        yield "no HELP text", "say in one sentence what the metric measures, and in which unit"


def _total(family: Family) -> _Found:
    name = family.name
    if family.type == "counter" and not name.endswith("_total"):
        yield "a counter does not end in _total", f"name it {name}_total, or make it a gauge"
    if family.type not in ("counter", "unknown") and name.endswith("_total"):
        yield (
            f"a {family.type} ends in _total",
            f"make it a counter, or name it {name.removesuffix('_total')}",
        )


def _unit(family: Family) -> _Found:
    found = unit_of(family.name)
    if found is not None and found[0] != found[1]:
        unit, base = found
        yield f"the unit {unit} is not a base unit", f"measure in {base}, and name it so"


def _abbreviation(family: Family) -> _Found:
    words = family.name.lower().split("_")[1:]
    for word in words:
        if word in ABBREVIATIONS:
            base = ABBREVIATIONS[word]
            yield f"the unit {word} is abbreviated", f"measure in {base}, and write the word"
            return


def _type_in_name(family: Family) -> _Found:
    name = f"{family.name.lower()}_"
    if family.type == "unknown":
        return
    for word in _TYPES:
        if f"_{word}_" in name:
            yield f"the type {word} is in the name", "leave it out: TYPE says it"


def _reserved_suffix(family: Family) -> _Found:
    if family.type == "unknown":
        return
    has_buckets = family.type in ("histogram", "gaugehistogram")
    reserved = {
        "_bucket": has_buckets,
        "_count": has_buckets or family.type == "summary",
        "_sum": has_buckets or family.type == "summary",
    }
    for suffix, is_allowed in reserved.items():
        if family.name.endswith(suffix) and not is_allowed:
            yield (
                f"a {family.type} ends in {suffix}, which histograms and summaries add",
                f"name it {family.name.removesuffix(suffix)}",
            )


def _reserved_label(family: Family) -> _Found:
    if family.type == "unknown":
        return
    names = {label for sample in family.samples for label, _ in sample.labels}
    if "le" in names and family.type not in ("histogram", "gaugehistogram"):
        yield f"a {family.type} has the label le, which is for buckets", "name the label otherwise"
    if "quantile" in names and family.type != "summary":
        yield (
            f"a {family.type} has the label quantile, which is for summaries",
            "name the label otherwise",
        )


def _camel_case(family: Family) -> _Found:
    if _CAMEL_CASE.search(family.name):
        yield "the name is in camelCase", f"name it {_snake(family.name)}"
    labels = {label for sample in family.samples for label, _ in sample.labels}
    for label in sorted(labels):
        if _CAMEL_CASE.search(label):
            yield f"label {label} is in camelCase", f"name the label {_snake(label)}"


def _snake(name: str) -> str:
    return _CAMEL_CASE.sub(lambda found: f"{found[0][0]}_{found[0][1]}", name).lower()


def _colon(family: Family) -> _Found:
    if ":" in family.name:
        yield (
            "':' in a name is for recording rules",
            "use _ in new names; an engine's own names, such as vllm:..., stay",
        )


def _type(family: Family) -> _Found:
    if not family.is_typed:
        yield "no TYPE", "write # TYPE, so that tools know how to query it"


def _overflow(family: Family) -> _Found:
    labels = {
        label for sample in family.samples for label, value in sample.labels if value == OVERFLOW
    }
    for label in sorted(labels):
        yield (
            f"label {label} has more values than the vec may have series",
            "give the label fewer values, or raise max_series or DYN_METRICS_MAX_SERIES",
        )


RULES = (
    Rule("help", _help, is_about_names=False),
    Rule("total", _total),
    Rule("unit", _unit),
    Rule("abbreviation", _abbreviation),
    Rule("type-in-name", _type_in_name),
    Rule("reserved-suffix", _reserved_suffix),
    Rule("reserved-label", _reserved_label),
    Rule("camel-case", _camel_case),
    Rule("overflow", _overflow, is_about_names=False),
    Rule("colon", _colon, is_note=True),
    Rule("type", _type, is_note=True),
)


def lint(family: Family) -> list[Problem]:
    """Apply all rules to a family that has samples."""
    is_engines = ":" in family.name
    return [
        Problem(
            family.line,
            family.name,
            rule.name,
            problem,
            remedy,
            rule.is_note or (is_engines and rule.is_about_names),
        )
        for rule in RULES
        for problem, remedy in rule.check(family)
    ]

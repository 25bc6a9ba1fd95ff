"""Writes ``docs/benchmarks.md`` from what was measured last."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from benchmarks import _machine
from benchmarks._harness import TITLES, Results, Target

_INTRODUCTION = """\
# Benchmarks

Written by `make bench`, which builds and installs all contenders, measures, and takes some ten
minutes on an otherwise idle machine; `make bench ONLY=vecs` measures one topic and keeps what is
known of the others. The code is in `benchmarks/`, one file for each section.

All contenders take turns, round after round, and every figure is the median over the rounds.
Ratios are taken within a round, of two sides measured one right after the other, and the median is
that of the ratios. Every case has been run before it is timed. What a section does not show it
says.
"""


def write(topics: dict[str, ModuleType], directory: Path, page: Path) -> None:
    """Write the page, with a section for each topic that has results in ``directory``."""
    sections = []
    summary = []
    for name, topic in topics.items():
        path = directory / f"{name}.jsonl"
        if not path.exists():
            continue
        results = Results.load(path)
        sections.append(_section(topic, results))
        reached = [target.reached(results) for target in topic.TARGETS]
        if reached:
            summary.append((topic.TITLE, f"{sum(reached)} of {len(reached)}"))
    parts = [
        _INTRODUCTION,
        _table(("", ""), _machine.describe().items()),
        _table(("section", "targets reached"), summary),
        *sections,
    ]
    page.parent.mkdir(exist_ok=True)
    page.write_text("\n".join(parts))


def _section(topic: ModuleType, results: Results) -> str:
    columns = results.contenders()
    header = ("", "target", "measured", "reached", *(TITLES[key] for key in columns))
    rows = []
    for target in topic.TARGETS:
        figures = (_wanted(target, results), _measured(target, results))
        reached = "yes" if target.reached(results) else "**no**"
        cells = (_cell(results, target.case, key) for key in columns)
        rows.append((target.case, *figures, reached, *cells))
    for case in results.units:
        if case not in {target.case for target in topic.TARGETS}:
            cells = (_cell(results, case, key) for key in columns)
            rows.append((case, "", "", "", *cells))
    when = "Measured {date} at {commit}, {rounds} rounds, load average {load} before.\n".format(
        **results.moment
    )
    return "\n".join((f"## {topic.TITLE}\n", topic.NOTES, when, _table(header, rows)))


def _wanted(target: Target, results: Results) -> str:
    if target.base:
        return f"≤ {target.limit:g} times {target.base}"
    if target.faster:
        return f"≥ {target.limit:g} times faster than {TITLES[target.against]}"
    if target.against:
        return f"≤ {target.limit:g} times {TITLES[target.against]}"
    return f"≤ {target.limit:g} {results.units[target.case]}"


def _measured(target: Target, results: Results) -> str:
    measured = target.measured(results)
    if measured is None:
        return "not measured"
    unit = "times" if target.against or target.base else results.units[target.case]
    return _quantity(measured, unit)


def _cell(results: Results, case: str, key: str) -> str:
    values = results.values(case, key)
    return _quantity(statistics.median(values), results.units[case]) if values else ""


def _quantity(value: float, unit: str) -> str:
    """Three significant digits, thousands set apart."""
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, digits):,.{max(0, digits)}f} {unit}"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

"""Writes ``docs/benchmarks.md`` from what was measured last."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from benchmarks import _machine, contenders
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
        verdicts = [target.measured(results) for target in topic.TARGETS]
        reached = sum(
            measured is not None and target.reached(measured)
            for target, measured in zip(topic.TARGETS, verdicts, strict=True)
        )
        if topic.TARGETS:
            summary.append((topic.TITLE, str(len(topic.TARGETS)), str(reached)))
    parts = [
        _INTRODUCTION,
        _table(("", ""), _machine.describe().items()),
        _table(("section", "targets", "reached"), summary),
        *sections,
    ]
    page.parent.mkdir(exist_ok=True)
    page.write_text("\n".join(parts))


def _section(topic: ModuleType, results: Results) -> str:
    columns = results.contenders()
    header = ("", "target", "measured", "reached", *(TITLES[key] for key in columns))
    rows = []
    shown = set()
    for target in topic.TARGETS:
        shown |= {target.case, target.base}
        measured = target.measured(results)
        verdict = (
            ("not measured", "no") if measured is None else _verdict(target, measured, results)
        )
        cells = (_cell(results, target, key) for key in columns)
        rows.append((target.case, _wanted(target, results), *verdict, *cells))
    for case in results.units:
        if case not in shown:
            cells = (_cell(results, Target(case, 0), key) for key in columns)
            rows.append((case, "", "", "", *cells))
    moment = results.moment
    when = f"Measured {moment['date']} at {moment['commit']}, load average {moment['load']}, "
    rounds = max(len(results.values(target.case, contenders.OURS)) for target in topic.TARGETS)
    return "\n".join(
        (f"## {topic.TITLE}\n", topic.NOTES, f"{when}{rounds} rounds.\n", _table(header, rows))
    )


def _wanted(target: Target, results: Results) -> str:
    if target.against is None:
        return f"≤ {_quantity(target.limit, results.units[target.case])}"
    other = target.base if target.against == contenders.OURS else TITLES[target.against]
    if target.faster:
        return f"≥ {target.limit:g} times faster than {other}"
    return f"≤ {target.limit:g} times {other}"


def _verdict(target: Target, measured: float, results: Results) -> tuple[str, str]:
    if target.against is None:
        figure = _quantity(measured, results.units[target.case])
    else:
        figure = f"{measured:.2f} times" if measured < 10 else f"{measured:.0f} times"
    return figure, "yes" if target.reached(measured) else "**no**"


def _cell(results: Results, target: Target, key: str) -> str:
    case = target.base if target.base and key == target.against != contenders.OURS else target.case
    values = results.values(case, key)
    return _quantity(statistics.median(values), results.units[case]) if values else ""


def _quantity(value: float, unit: str) -> str:
    """Three significant digits, thousands set apart."""
    magnitude = abs(value)
    digits = 2 if magnitude < 10 else 1 if magnitude < 100 else 0
    return f"{value:,.{digits}f} {unit}"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

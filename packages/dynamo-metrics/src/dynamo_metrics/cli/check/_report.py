"""The whole check of an exposition, and how it is printed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from dynamo_metrics.cli.check._cardinality import Size, largest
from dynamo_metrics.cli.check._rules import lint
from dynamo_metrics.scrape import Body, Problem, read


@dataclass(frozen=True)
class Report:
    """What a check found."""

    format: str
    families: int
    series: int
    problems: list[Problem]
    """By line; notes are among them."""
    largest: list[Size]

    @property
    def is_good(self) -> bool:
        """Whether there are notes at most."""
        return all(problem.is_note for problem in self.problems)


def check(body: Body, ignored: Collection[str] = ()) -> Report:
    """Check an exposition, apart from some rules."""
    exposition = read(body.data, body.content_type)
    families = exposition.shown()
    if not families:  # each line has the same problem: it is not an exposition
        del exposition.problems[1:]
    problems = [*exposition.problems, *(found for family in families for found in lint(family))]
    if not families and not problems:
        problems = [Problem(0, "", "empty", "there are no metrics", "check the address")]
    return Report(
        exposition.format,
        len(families),
        sum(len(family.samples) for family in families),
        sorted(
            (problem for problem in problems if problem.rule not in ignored),
            key=lambda problem: problem.line,
        ),
        largest(exposition),
    )


def print_report(report: Report, shows_cardinality: bool = True) -> None:
    """Print a report for people: a line for each problem, then the largest families.

    Of the notes of a rule it prints the first, and how many there are: an engine has the same one
    for each of its metrics.
    """
    notes = Counter(problem.rule for problem in report.problems if problem.is_note)
    for problem in report.problems:
        if not problem.is_note:
            print(problem)
        elif (count := notes.pop(problem.rule, 0)) > 0:
            print(
                problem,
                f"and {count - 1:,} more" if count > 1 else "",
                sep=" " if count > 1 else "",
            )
    if not shows_cardinality or not report.largest:
        return
    if report.problems:
        print()
    print(
        f"{report.series:,} series in {report.families:,} families, in {report.format}; "
        "the largest:"
    )
    width = max(len(f"{size.series:,}") for size in report.largest)
    for size in report.largest:
        label = f", label {size.label}: {size.values:,} values" if size.label else ""
        print(f"  {size.series:>{width},} {size.metric}{label}")


def as_json(report: Report) -> str:
    """Return a report for scripts."""
    return json.dumps(
        {
            "format": report.format,
            "families": report.families,
            "series": report.series,
            "problems": [
                {
                    "line": one.line,
                    "metric": one.metric,
                    "rule": one.rule,
                    "level": "note" if one.is_note else "problem",
                    "problem": one.problem,
                    "remedy": one.remedy,
                }
                for one in report.problems
            ],
            "largest": [size._asdict() for size in report.largest],
        },
        indent=2,
    )

"""What all topics share: results, targets, and who runs where."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import contenders
from benchmarks._worker import DYNAMO_ENVIRONMENT, HERE, Worker, worker

# What tables call the contenders, in the order of their columns.
TITLES = {
    contenders.OURS: "dynamo-runtime",
    contenders.BARE: "bare C",
    contenders.DYNAMO: "Dynamo 0.8.1",
    contenders.PROMETHEUS_CLIENT: "prometheus_client",
    contenders.OPENTELEMETRY: "OpenTelemetry",
    "prometheus": "`prometheus` crate",
    "measured": "`measured` crate",
}


@dataclass(frozen=True)
class Target:
    """What a case is to reach.

    ``limit`` is in the case's unit or, with ``against``, a ratio to another contender's result of
    the same case: ours over theirs, at most; or, where ``faster``, theirs over ours, at least. With
    ``base``, it is a ratio to another case of ours, at most.
    """

    case: str
    limit: float
    against: str | None = None
    faster: bool = False
    base: str | None = None

    def measured(self, results: Results) -> float | None:
        """Return the figure to compare with the limit; None if one of the two was not measured."""
        ours = results.values(self.case, contenders.OURS)
        if self.against is None and self.base is None:
            return statistics.median(ours) if ours else None
        theirs = results.values(self.base or self.case, self.against or contenders.OURS)
        # Of each round, since both sides of one were measured back to back.
        ratios = [
            theirs / ours if self.faster else ours / theirs
            for ours, theirs in zip(ours, theirs, strict=False)
        ]
        return statistics.median(ratios) if ratios else None

    def reached(self, results: Results) -> bool:
        """Whether that figure is there and within the limit."""
        measured = self.measured(results)
        if measured is None:
            return False
        return measured >= self.limit if self.faster else measured <= self.limit


@dataclass
class Results:
    """The results of one topic: a value per round for each case and contender."""

    moment: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    _values: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, case: str, contender: str, unit: str, *values: float) -> None:
        """Add what a round measured."""
        self.units[case] = unit
        self._values.setdefault((case, contender), []).extend(values)

    def values(self, case: str, contender: str) -> list[float]:
        """Return the values of all rounds, in order."""
        return self._values.get((case, contender), [])

    def contenders(self) -> list[str]:
        """Those that have results, in the order of ``TITLES``."""
        found = {contender for _, contender in self._values}
        return [contender for contender in TITLES if contender in found]

    def save(self, path: Path) -> None:
        """Write lines of JSON: when it was, then one for each case and contender."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            print(json.dumps(self.moment), file=file)
            for (case, contender), values in self._values.items():
                unit = self.units[case]
                line = {"case": case, "contender": contender, "unit": unit, "values": values}
                print(json.dumps(line), file=file)

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what ``save()`` wrote."""
        moment, *lines = map(json.loads, path.read_text().splitlines())
        results = cls(moment)
        for one in lines:
            results.add(one["case"], one["contender"], one["unit"], *one["values"])
        return results


@contextmanager
def workers(keys: Iterable[str]) -> Iterator[dict[str, Worker]]:
    """Start a worker for each contender; the bare methods and ours share one."""
    with ExitStack() as stack:
        started: dict[str, Worker] = {}
        for key in keys:
            shared = contenders.OURS if key == contenders.BARE else key
            if shared not in started:
                started[shared] = stack.enter_context(worker(python_of(key)))
            started[key] = started[shared]
        yield started


def python_of(key: str) -> Path:
    """Return the interpreter of the environment that a contender is installed in."""
    return DYNAMO_ENVIRONMENT if key == contenders.DYNAMO else HERE

"""Updates of one series, from Python."""

from __future__ import annotations

from functools import cache

from benchmarks import contenders
from benchmarks._harness import Results, Target, workers
from benchmarks._timing import Timer, timer

TITLE = "Updates"

NOTES = """\
One call on a metric or a child that the caller keeps, its argument a constant, in nanoseconds; the
histogram has 11 buckets and its value falls in the seventh. Bare C is a method of a C extension
under the same limited API that parses the same argument and does one relaxed atomic operation:
`inc()` for the counters, `set(float)` for `Gauge.set` and `Histogram.observe`, `set(int)` for
`IntGauge.set`. What a call costs the interpreter (some 8 ns of each figure here) is in all
figures, and in both sides of the ratios. Not shown: two threads at once, and values that are not
at hand.
"""

# The case, its verb, the bare method beside it, and the limit of their ratio.
_CASES = (
    ("`IntCounter.inc()`", "intcounter.inc", "inc", 1.5),
    ("`Counter.inc()`", "counter.inc", "inc", 1.5),
    ("child `inc()`", "child.inc", "inc", 1.5),
    ("`Gauge.set(float)`", "gauge.set", "set", 1.5),
    ("`IntGauge.set(int)`", "intgauge.set", "set_int", 1.5),
    ("`Histogram.observe(float)`", "histogram.observe", "set", 1.7),
)

TARGETS = tuple(Target(case, limit, contenders.BARE) for case, _, _, limit in _CASES)

_PEERS = (contenders.DYNAMO, contenders.PROMETHEUS_CLIENT, contenders.OPENTELEMETRY)


def measure(results: Results, rounds: int) -> None:
    """Time all cases, every contender in turn."""
    with workers((contenders.BARE, contenders.OURS, *_PEERS)) as at:
        for _ in range(rounds):
            for case, verb, bare, _ in _CASES:
                for key in (contenders.BARE, contenders.OURS, *_PEERS):
                    time = at[key].call(
                        "benchmarks.updates:time",
                        contender=key,
                        verb=bare if key == contenders.BARE else verb,
                    )
                    if time is not None:
                        results.add(case, key, "ns", time)


def time(contender: str, verb: str) -> float | None:
    """Time one verb, in a worker, in nanoseconds; None if the contender does not have it."""
    found = _timer(contender, verb)
    return found and found()


@cache
def _timer(contender: str, verb: str) -> Timer | None:
    statement = _statements(contender).get(verb)
    return statement and timer(statement)


@cache
def _statements(contender: str) -> dict[str, contenders.Statement]:
    return contenders.load(contender).updates()

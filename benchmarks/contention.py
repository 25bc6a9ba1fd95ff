"""Two threads that update one series, from Rust."""

from __future__ import annotations

from benchmarks import _criterion
from benchmarks._harness import Results, Target

TITLE = "Contention"

NOTES = """\
Two threads that do nothing but update one series, by Criterion, in nanoseconds per update of each
thread. "Loss" is what each thread loses of the speed it has alone.
"""

_LOSS = "loss, "
_CASES = (
    "IntCounter.inc()",
    "Counter.inc()",
    "Histogram.observe(f64)",
    "IntCounter.inc() and 100 ns of work",
)

TARGETS = tuple(Target(f"{_LOSS}`{case}`", 30) for case in _CASES)


def measure(results: Results, rounds: int) -> None:
    """Run the bench once a round; it takes contenders in turn."""
    for _ in range(rounds):
        times: dict[tuple[str, str], dict[str, float]] = {}
        for case, contender, nanoseconds in _criterion.run("contention"):
            update, threads = case.rsplit(", ", 1)
            results.add(f"`{update}`, {threads}", contender, "ns", nanoseconds)
            times.setdefault((update, contender), {})[threads] = nanoseconds
        for (update, contender), of in times.items():
            loss = 1 - of["one thread"] / of["two threads"]
            results.add(f"{_LOSS}`{update}`", contender, "%", 100 * loss)

"""Two threads that update one series, from Rust."""

from __future__ import annotations

from benchmarks import _criterion
from benchmarks._harness import Results, Target

TITLE = "Contention"

NOTES = """\
Two threads that update one series from Rust, by Criterion, in nanoseconds per update of each; only
runs count in which each thread had a core throughout and both began together. "Loss" is what each
thread loses of its speed without contention. "Every 100 ns" has some 100 ns of other work between
updates.

Counters are not sharded. Threads that do nothing but count lose most of their speed to the cache
line they share, as with every counter that is one word; with 100 ns of other work between updates,
which is less than what serves one token, little or nothing of the loss is left. A shard for each
core would cost every series a cache line for each, 64 bytes times the cores, and every scrape as
many reads; and updates from Python take turns by the GIL as it is. A program that must count faster
than that from several threads counts in a variable of each thread and adds it up with `inc_by`.
"""

# The bench's names, and those of the table.
_CASES = {
    "IntCounter.inc()": "`IntCounter.inc()`",
    "Counter.inc()": "`Counter.inc()`",
    "Histogram.observe(f64)": "`Histogram.observe(f64)`",
    "IntCounter.inc() every 100 ns": "`IntCounter.inc()` every 100 ns",
    "Counter.inc() every 100 ns": "`Counter.inc()` every 100 ns",
}

TARGETS = tuple(Target(f"loss, {case}", 30) for case in _CASES.values())


def measure(results: Results, rounds: int) -> None:
    """Run the bench once a round; it takes contenders in turn."""
    for _ in range(rounds):
        times: dict[tuple[str, str], dict[str, float]] = {}
        for name, contender, nanoseconds in _criterion.run("contention"):
            update, threads = name.rsplit(", ", 1)
            case = _CASES[update]
            results.add(f"{case}, {threads}", contender, "ns", nanoseconds)
            times.setdefault((case, contender), {})[threads] = nanoseconds
        for (case, contender), of in times.items():
            loss = 1 - of["one thread"] / of["two threads"]
            results.add(f"loss, {case}", contender, "%", 100 * loss)

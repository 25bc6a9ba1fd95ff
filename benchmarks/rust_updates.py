"""Updates from Rust, beside other crates."""

from __future__ import annotations

from benchmarks import _criterion
from benchmarks._harness import Results, Target

TITLE = "Updates from Rust"

NOTES = """\
By Criterion, one thread. `measured` knows its label names when it is compiled, and its label
values are interned; ours and the `prometheus` crate's `with_label_values` return a handle, which
is used once.
"""

TARGETS: tuple[Target, ...] = ()


def measure(results: Results, rounds: int) -> None:
    """Run the bench once a round; it takes contenders in turn."""
    for _ in range(rounds):
        for case, contender, nanoseconds in _criterion.run("updates"):
            results.add(f"`{case}`", contender, "ns", nanoseconds)

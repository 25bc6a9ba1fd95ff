"""Expositions as text, from Rust."""

from __future__ import annotations

from benchmarks import _criterion
from benchmarks._harness import Results, Target

TITLE = "Rendering"

NOTES = """\
The exposition of an endpoint as text, gather included, by Criterion: counters of floats that hold
whole numbers of one to six digits, and histograms of 12 buckets, each series with two variable and
three constant labels. All contenders write the same lines, which the bench checks, into memory they
allocate anew. A histogram has 15 lines here, so that 10,000 of them are in proportion at 15 ms. "A
series of" an exposition is its time over its number of series. The `prometheus` crate is built
without its protobuf feature, which is its faster form; `measured` counts in integers.

Why a series costs more where there are more of them: 1,000 series and their exposition stay in the
cache, 1,000,000 and theirs do not. A plain copy of as much memory to a fresh place, `bytes(page)`
in Python, takes 0.003 ms for the 131 kB of 1,000 series and 100 ms or more for the 131 MB of
1,000,000, page faults included: rendering costs about as much as the memory it fills. Series are
fetched in batches and the buffer has the right size from the start; an exposition that is sent
while it is written would need less memory, but scrapes that wait for it could not share it.
"""

_COUNTERS = "100,000 counters"
_HISTOGRAMS = "10,000 histograms"
_SMALL, _LARGE = "a series of 1,000", "a series of 1,000,000"

TARGETS = (
    Target(_COUNTERS, 10),
    Target(_COUNTERS, 5, "prometheus", faster=True),
    Target(_HISTOGRAMS, 15),
    Target(_LARGE, 1.2, base=_SMALL),
)


def measure(results: Results, rounds: int) -> None:
    """Run the bench once a round; it takes contenders in turn."""
    for _ in range(rounds):
        for case, contender, nanoseconds in _criterion.run("render"):
            size, kind = case.split()
            results.add(f"{int(size):,} {kind}", contender, "ms", nanoseconds / 1e6)
            if kind == "counters":
                per_series = nanoseconds / int(size)
                results.add(f"a series of {int(size):,}", contender, "ns", per_series)

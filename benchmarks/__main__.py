"""Runs topics and writes the page: ``python -m benchmarks [topic ...]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from time import monotonic

from benchmarks import _machine, _report
from benchmarks._harness import Results
from benchmarks._worker import ROOT

# In the order of the page's sections.
TOPICS = (
    "updates",
    "vecs",
    "render",
    "scrape",
    "formats",
    "push",
    "pauses",
    "held_gil",
    "floods",
    "memory",
    "startup",
    "processes",
    "contention",
    "planes",
    "frontend",
    "rust_updates",
)
_RESULTS = ROOT / ".cache" / "benchmarks"
_PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> None:
    """Measure the topics named, or all; the others keep what they measured last."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("topics", nargs="*", help=f"of {', '.join(TOPICS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="per case (default: 5)")
    arguments = parser.parse_args()
    for topic in arguments.topics:
        if topic not in TOPICS:
            parser.error(f"{topic!r} is no topic: name one of {', '.join(TOPICS)}")
    topics = {name: importlib.import_module(f"benchmarks.{name}") for name in TOPICS}
    for name in arguments.topics or TOPICS:
        results = Results({**_machine.moment(), "rounds": str(arguments.rounds)})
        started = monotonic()
        topics[name].measure(results, arguments.rounds)
        results.save(_RESULTS / f"{name}.jsonl")
        print(f"{name}: measured in {monotonic() - started:.0f} s", file=sys.stderr)
    _report.write(topics, _RESULTS, _PAGE)
    print(_PAGE.read_text())


if __name__ == "__main__":
    main()

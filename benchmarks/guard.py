"""Counts the instructions of the calls in token loops: ``make guard``.

Time depends on the machine and on what else it does; the number of instructions does not. Each
count is divided by that of the bare C method of the same kind in the same run, so that one set of
limits holds for all versions and builds of Python.

``guard.json`` has the highest ratio of each call that was measured, over Python 3.10 to 3.13; a
ratio may exceed it by ``_MARGIN``, which covers other compilers and builds. Python 3.10 takes twice
the instructions of later versions for the loop and the bare call, so its ratios are lower, and a
rise there shows later. ``make guard UPDATE=1 PYTHON=python3.12`` writes the ratios that exceed
those of ``guard.json``. To lower the limits, empty the file to ``{}`` and run that once for each
Python.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import contenders
from benchmarks._worker import ROOT, clean_environment

_HIGHEST = Path(__file__).with_name("guard.json")
# How far a ratio may exceed the highest one measured: for builds of Python that were not. Counts of
# one build repeat within 0.2 %; the ratios of two builds of Python 3.11 differ by up to 5 %.
_MARGIN = 0.03

# Calls that are counted, as many rounds over so many series; fewer warm up.
_ROUNDS, _SERIES, _WARM_UP = 100, 10, 20
# Each call is counted with label values at so many sets of addresses, and the lowest count is kept:
# a vec takes 50 instructions more where two of its children collide in its cache.
_LAYOUTS = 5

# Our calls, and the bare method beside each.
_UPDATES = {
    "intcounter.inc": "inc",
    "counter.inc": "inc",
    "child.inc": "inc",
    "gauge.set": "set",
    "intgauge.set": "set_int",
    "histogram.observe": "set",
}
_VEC_UPDATES = {"vec.inc": "look_up", "vec.set": "look_up", "vec.observe": "look_up"}
_PAIRS = {**_UPDATES, **_VEC_UPDATES}

# All that is counted, in this order: contender and call.
_CALLS = (
    *((contenders.BARE, call) for call in dict.fromkeys(_PAIRS.values())),
    *((contenders.OURS, call) for call in _PAIRS),
)


def main() -> None:
    """Compare with the committed ratios, and raise them first with ``--update``."""
    parser = argparse.ArgumentParser(prog="make guard", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write ratios that exceed guard.json")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return _call_all()
    if shutil.which("valgrind") is None:
        missing = "the guard counts with valgrind, which is not here: apt-get install valgrind"
        if os.environ.get("CI") == "true":
            sys.exit(missing)
        return print(f"skipped: {missing}")
    counts = _count()
    ratios = {call: _ratio(counts, call) for call in _PAIRS}
    highest = json.loads(_HIGHEST.read_text())
    if arguments.update:
        highest = {call: max(ratio, highest.get(call, 0)) for call, ratio in ratios.items()}
        _HIGHEST.write_text(json.dumps(highest, indent=2) + "\n")
    if highest.keys() != ratios.keys():
        sys.exit("the calls in guard.json are not those that are counted: make guard UPDATE=1")
    limits = {call: ratio * (1 + _MARGIN) for call, ratio in highest.items()}
    _print(counts, limits)
    exceeded = [call for call in _PAIRS if ratios[call] > limits[call]]
    if exceeded:
        sys.exit(
            f"more instructions than guard.json allows: {', '.join(exceeded)}: find what takes "
            "them or, if it is worth them, make guard UPDATE=1"
        )
    return None


def _ratio(counts: dict[tuple[str, str], float], call: str) -> float:
    bare = counts[contenders.BARE, _PAIRS[call]]
    return round(counts[contenders.OURS, call] / bare, 3)


def _print(counts: dict[tuple[str, str], float], limits: dict[str, float]) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"{f'instructions, Python {version}':<30}ours  bare C  ratio  limit")
    for call, bare in _PAIRS.items():
        ours, floor = counts[contenders.OURS, call], counts[contenders.BARE, bare]
        ratio, limit = _ratio(counts, call), limits[call]
        print(f"{call:<28}{ours:>6.0f}{floor:>8.0f}{ratio:>7.2f}{limit:>7.2f}")


def _count() -> dict[tuple[str, str], float]:
    """Return the instructions of each call, with its loop, from a run under valgrind."""
    with tempfile.TemporaryDirectory() as directory:
        command = [
            "valgrind",
            "--tool=callgrind",
            "--quiet",
            f"--callgrind-out-file={directory}/counts",
            "--zero-before=bare_begin_counting",
            "--dump-before=bare_end_counting",
            *(sys.executable, "-m", "benchmarks.guard", "--inside"),
        ]
        environment = {**clean_environment(), "PYTHONHASHSEED": "0"}
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        # One file for each pair of marks, from .1 on; the one without a number is the rest.
        totals = [
            int(re.search(r"^summary: (\d+)", path.read_text(), re.MULTILINE)[1])
            for path in sorted(
                Path(directory).glob("counts.*"), key=lambda path: int(path.suffix[1:])
            )
        ]
    runs = [totals[first : first + _LAYOUTS] for first in range(0, len(totals), _LAYOUTS)]
    return {call: min(run) / (_ROUNDS * _SERIES) for call, run in zip(_CALLS, runs, strict=True)}


def _call_all() -> None:
    """Make all calls, each between two marks, in the process that valgrind runs."""
    from bare import begin_counting, end_counting

    label_sets = list(contenders.label_sets(_SERIES))
    statements = {}
    for key in (contenders.BARE, contenders.OURS):
        contender = contenders.load(key)
        for call, statement in contender.updates().items():
            statements[key, call] = statement
        for call, statement in contender.vec_updates(label_sets).items():
            # Verbs of a vec are those of one series, but for the bare ones.
            statements[key, call if key == contenders.BARE else f"vec.{call}"] = statement
    gc.disable()
    layouts = [list(contenders.label_sets(_SERIES)) for _ in range(_LAYOUTS)]
    for call in _CALLS:
        loop = statements[call].loop()
        for layout in layouts:
            loop(layout * _WARM_UP)
            counted = layout * _ROUNDS
            begin_counting()
            loop(counted)
            end_counting()


if __name__ == "__main__":
    main()

"""Counts the instructions of the calls in token loops: ``make guard``.

Time depends on the machine and on what else it does; the number of instructions does not. What is
compared with ``guard.json`` is how many a call takes beyond the bare C method of the same kind: the
loop and most of the interpreter cancel out. What is left of the interpreter, its longer way to a
method that may be given keywords, differs from version to version: each has counts of its own,
which ``make guard UPDATE=1 PYTHON=python3.12`` takes.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import contenders
from benchmarks._worker import ROOT, clean_environment

_BASELINE = Path(__file__).with_name("guard.json")
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# A rise that fails: a tenth, and no less than another version of a compiler may add.
_SHARE, _SLACK = 0.10, 4

# Calls that are counted, as many rounds over so many series; fewer warm up.
_ROUNDS, _SERIES, _WARM_UP = 100, 10, 20

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
    """Compare with the committed counts, or take those of today instead."""
    parser = argparse.ArgumentParser(prog="make guard", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the counts to guard.json")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return _call_all()
    if shutil.which("valgrind") is None:
        sys.exit("the guard counts with valgrind, which is not here: apt-get install valgrind")
    counts = _count()
    baselines = json.loads(_BASELINE.read_text())
    if arguments.update:
        baselines[_VERSION] = counts
        _BASELINE.write_text(json.dumps(baselines, indent=2, sort_keys=True) + "\n")
    if baselines.get(_VERSION, {}).keys() != counts.keys():
        sys.exit(f"guard.json has not all counts for Python {_VERSION}: make guard UPDATE=1")
    risen = _compare(counts, baselines[_VERSION])
    if risen:
        sys.exit(
            f"over a tenth more instructions than in guard.json: {', '.join(risen)}: find what "
            "takes them or, if it is worth them, make guard UPDATE=1"
        )
    return None


def _compare(counts: dict[str, int], baseline: dict[str, int]) -> list[str]:
    """Print all counts; return the calls whose count has risen too far."""
    print("instructions beyond bare C    now  guard.json")
    risen = []
    for call, count in counts.items():
        known = baseline[call]
        tolerance = max(known * _SHARE, _SLACK)
        # What fell may rise again unseen until it is taken down.
        remark = "  fallen: make guard UPDATE=1" if count < known - tolerance else ""
        print(f"{call:<28}{count:>5}  {known:>10}{remark}")
        if count > known + tolerance:
            risen.append(call)
    return risen


def _count() -> dict[str, int]:
    """Return the instructions of each call beyond its bare one, from a run under valgrind."""
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
    counts = [round(total / (_ROUNDS * _SERIES)) for total in totals]
    per_call = dict(zip(_CALLS, counts, strict=True))
    return {
        call: per_call[contenders.OURS, call] - per_call[contenders.BARE, bare]
        for call, bare in _PAIRS.items()
    }


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
    for call in _CALLS:
        loop = statements[call].loop()
        loop(label_sets * _WARM_UP)
        counted = label_sets * _ROUNDS
        begin_counting()
        loop(counted)
        end_counting()


if __name__ == "__main__":
    main()

"""Runs the benches of ``benchmarks/rust``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmarks._worker import ROOT, clean_environment

_CRATE = ROOT / "benchmarks" / "rust"
_TARGET = ROOT / "target" / "benchmarks"
# Short, since every round runs all contenders once more.
_OPTIONS = ("--noplot", "--sample-size=10", "--warm-up-time=0.3", "--measurement-time=0.5")


def run(bench: str) -> Iterator[tuple[str, str, float]]:
    """Run a bench once; yield case, contender and Criterion's median in nanoseconds."""
    found = _TARGET / "criterion"
    shutil.rmtree(found, ignore_errors=True)
    _done(_built(bench), "--bench", *_OPTIONS, CRITERION_HOME=os.fspath(found))
    for path in sorted(found.glob(f"{bench}/*/*/new/benchmark.json")):
        name = json.loads(path.read_text())
        estimates = json.loads(path.with_name("estimates.json").read_text())
        yield name["value_str"], name["function_id"], estimates["median"]["point_estimate"]


@cache
def _built(bench: str) -> Path:
    """Build a bench, once, so that all rounds run the same code; return its program."""
    said = _done(
        *("cargo", "bench", "--no-run", "--message-format=json", "--bench", bench),
        CARGO_TARGET_DIR=os.fspath(_TARGET),
    )
    artifacts = map(json.loads, said.splitlines())
    program = next(one["executable"] for one in artifacts if one.get("executable"))
    return Path(program)


def _done(*command: str | Path, **settings: str) -> str:
    """Run a command and return what it printed; ``RuntimeError`` with its errors if it failed."""
    done = subprocess.run(
        command,
        cwd=_CRATE,
        env={**clean_environment(), **settings},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr}")
    return done.stdout

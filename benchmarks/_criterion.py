"""Runs the benches of ``benchmarks/rust``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator

from benchmarks._worker import ROOT, clean_environment

_TARGET = ROOT / "target" / "benchmarks"
# Short, since every round runs all contenders once more.
_OPTIONS = ("--noplot", "--sample-size=10", "--warm-up-time=0.3", "--measurement-time=0.5")


def run(bench: str) -> Iterator[tuple[str, str, float]]:
    """Run a bench once; yield case, contender and Criterion's median in nanoseconds."""
    found = _TARGET / "criterion" / bench
    shutil.rmtree(found, ignore_errors=True)
    command = ("cargo", "bench", "--quiet", "--bench", bench, "--", *_OPTIONS)
    done = subprocess.run(
        command,
        cwd=ROOT / "benchmarks" / "rust",
        env={**clean_environment(), "CARGO_TARGET_DIR": os.fspath(_TARGET)},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    for path in sorted(found.glob("*/*/new/benchmark.json")):
        name = json.loads(path.read_text())
        estimates = json.loads(path.with_name("estimates.json").read_text())
        yield name["value_str"], name["function_id"], estimates["median"]["point_estimate"]

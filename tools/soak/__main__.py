"""Run everything at once, and exit with 1 if something does not agree at the end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from pathlib import Path

from tests.support.process import workers
from tools.soak import callbacks, counting, serving
from tools.soak.checks import Checks
from tools.soak.scraping import scraping

SERVED = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1"}


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak")
    parser.add_argument("--seconds", type=float, default=600)
    seconds = parser.parse_args().seconds
    logging.disable()  # NATS that is away, and workers that are killed, are meant so
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder, workers(Path(__file__)) as start:
        counts = start("count_in_a_group.py", DYN_METRICS_SHARED_DIR=f"{folder}/group", **SERVED)
        calls = start("run_callbacks.py", **SERVED)
        counts.address, calls.address = counts.line(), calls.line()
        directory = Path(folder, "discovery")
        directory.mkdir(mode=0o700)
        with scraping([counts.address, calls.address], checks):
            asyncio.run(serving.run(seconds, start, str(directory), checks))
        counting.finish(counts, checks)
        callbacks.finish(calls, checks)
    return checks.report()


raise SystemExit(main())

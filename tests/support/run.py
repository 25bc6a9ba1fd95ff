"""What ``make run`` runs, on a free port of the loopback."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.documents import ROOT
from tests.support.mocker import address_of
from tests.support.process import Worker


@contextlib.contextmanager
def make_run() -> Iterator[Worker]:
    """Runs it, with the python of the tests, until the block ends."""
    worker = Worker(["sh", "-c", _recipe()], {"DYN_SYSTEM_HOST": "127.0.0.1"}, cwd=ROOT)
    try:
        worker.address = address_of(worker)
        yield worker
    finally:
        worker.close()


def _recipe() -> str:
    """The command itself, without what builds the environment for it."""
    settings = ("PORT=0", f"BIN={Path(sys.executable).parent}")
    command = ["make", "--dry-run", "--no-print-directory", "run", *settings]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    _, start, recipe = printed.stdout.rpartition("DYN_SYSTEM_PORT=")
    return start + recipe

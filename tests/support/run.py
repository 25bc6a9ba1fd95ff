"""What users start: the examples, and ``make run``."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.documents import ROOT
from tests.support.mocker import address_of
from tests.support.process import Worker

BIN = Path(sys.executable).parent

Start = Callable[..., Worker]


class Run(Worker):
    """``make run``."""

    frontend: str
    """The address of the API."""

    def end(self) -> None:
        """End what it has started, which is not in its group, and then itself."""
        self.interrupt()
        with contextlib.suppress(AssertionError):
            self.exit_code()
        self.close()


@contextlib.contextmanager
def examples() -> Iterator[Start]:
    """Starts examples, by their paths in ``examples/``, with arguments and settings.

    They find the python of the tests first, and end with the block at the latest.
    """
    with contextlib.ExitStack() as started:

        def start(example: str, *arguments: str, **settings: str) -> Worker:
            program = ROOT / "examples" / example
            path = os.pathsep.join([str(BIN), os.environ["PATH"]])
            command = [f"./{program.name}", *arguments]
            worker = Worker(command, {"PATH": path, **settings}, cwd=program.parent)
            started.callback(worker.close)
            return worker

        yield start


@contextlib.contextmanager
def make_run() -> Iterator[Run]:
    """Runs what ``make run`` runs, on free ports of the loopback, until the block ends.

    Its ``address`` is that of the worker's metrics, its ``frontend`` that of the API.
    """
    with tempfile.TemporaryDirectory() as discovery:
        worker = Run(
            ["sh", "-c", _recipe()],
            {
                "DYN_SYSTEM_HOST": "127.0.0.1",
                "DYN_HTTP_HOST": "127.0.0.1",
                "DYN_FILE_KV": f"{discovery}/dynamo",
            },
            cwd=ROOT,
        )
        try:
            worker.frontend = worker.line().removeprefix("frontend: http://").removesuffix("/v1")
            assert worker.line() == f"metrics: http://{worker.frontend}/metrics"
            worker.address = address_of(worker)
            yield worker
        finally:
            worker.end()


def _recipe() -> str:
    """The command itself, without what builds the environment for it."""
    settings = ("PORT=0", "HTTP_PORT=0", f"BIN={BIN}")
    command = ["make", "--dry-run", "--no-print-directory", "run", *settings]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    _, start, recipe = printed.stdout.rpartition("DYN_SYSTEM_PORT=")
    return start + recipe

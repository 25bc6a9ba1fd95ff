"""Worker processes: a contender lives in one, and does there what it is told.

A request is one line of JSON on standard input, ``{"function": "module:name", "arguments": {}}``;
its answer is one line of JSON on what was standard output when the process began.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# The interpreters: this one, and the environment that only Dynamo's own bindings live in.
HERE = Path(sys.executable)
DYNAMO_ENVIRONMENT = ROOT / ".venv-bench-dynamo" / "bin" / "python"

# What the environment could say to a contender.
_SETTINGS = ("DYN_", "OTEL_", "PROMETHEUS_", "PYTHON")


class Worker:
    """One process, until ``end()``."""

    def __init__(self, python: Path = HERE) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks._worker"],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, function: str, **arguments: object) -> None:
        """Have ``function`` (``"module:name"``) called; ``finish()`` waits for it."""
        request = json.dumps({"function": function, "arguments": arguments})
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()

    def finish(self) -> Any:
        """Return what the function returned; ``RuntimeError`` if it raised."""
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"in the worker: {answer['error']}")
        return answer["result"]

    def call(self, function: str, **arguments: object) -> Any:
        """Call ``function`` and return what it returned."""
        self.start(function, **arguments)
        return self.finish()

    def end(self) -> None:
        """Kill the process: there is nothing to save, and some contenders shut down slowly."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


@contextmanager
def worker(python: Path = HERE) -> Iterator[Worker]:
    """Run a worker for as long as the context."""
    started = Worker(python)
    try:
        yield started
    finally:
        started.end()


def clean_environment() -> dict[str, str]:
    """Return this environment without what would change how a contender works."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    # Dynamo's bindings log at every start.
    return {**kept, "DYN_LOG": "error"}


def _serve() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # What contenders print goes where it disturbs nobody.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        module, name = request["function"].split(":")
        try:
            function = getattr(importlib.import_module(module), name)
            answer = {"result": function(**request["arguments"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _serve()

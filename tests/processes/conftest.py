from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.client import TIMEOUT_SECONDS
from tests.support.process import Start, workers

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "processes"


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts workers that end with the test: ``start(program, *arguments, **settings)``."""
    with workers(request.path) as start:
        yield start


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory for a group; it does not exist yet."""
    return tmp_path / "group"


@pytest.fixture
def run(directory: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program that serves on ``port``; it and all its children end with the test."""
    with contextlib.ExitStack() as programs:

        def start(port: int, *command: str) -> subprocess.Popen[str]:
            environment = {name: os.environ[name] for name in os.environ if name[:4] != "DYN_"}
            program = subprocess.Popen(
                [sys.executable, "-W", "ignore", *command],
                cwd=EXAMPLES,
                env={
                    **environment,
                    "DYN_METRICS_SHARED_DIR": str(directory),
                    "DYN_SYSTEM_PORT": str(port),
                },
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            programs.callback(program.wait)
            programs.callback(_kill_group, program.pid)
            return program

        yield start


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def get(port: int, path: str = "/metrics", **headers: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        return response.read().decode()


def eventually(check: Callable[[], object], timeout: float = TIMEOUT_SECONDS) -> None:
    """Wait until ``check`` returns without an error."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            check()
            return
        except (AssertionError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def value(text: str, name: str, **labels: str) -> float:
    """Return the sum of the series of a name that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    found = [
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.partition("{")[0].partition(" ")[0] == name and all(w in line for w in wanted)
    ]
    assert found, f"no {name} {labels} in\n{text}"
    return sum(found)

"""The guard ends what was started in its block, and nothing keeps it from that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.support.process import Worker
from tests.support.waiting import eventually

Run = Callable[[str], Worker]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs scripts that have ``guarded`` and ``sleep``, which starts a process that sleeps."""
    started = []

    def run(script: str) -> Worker:
        worker = Worker([sys.executable, "-c", _SETUP + script], {})
        started.append(worker)
        return worker

    yield run
    for worker in started:
        worker.close()


_SETUP = """
import os, signal, subprocess, sys
from dynamo.vllm._guard import guarded

def sleep():
    return start("import time; time.sleep(600)")

def start(script):
    return subprocess.Popen([sys.executable, "-c", script]).pid
"""


def test_a_process_ends_with_the_block(run: Run) -> None:
    worker = run("with guarded(): print(sleep())\nprint('out')\ninput()")
    sleeper = int(worker.line())
    assert worker.line() == "out"
    eventually(lambda: has_ended(sleeper))


def test_a_process_that_was_forked_does_not_hold_the_block_up(run: Run) -> None:
    worker = run(
        """
with guarded():
    child = os.fork()
    if child == 0:
        signal.pause()
print('out')
os.kill(child, signal.SIGKILL)
"""
    )
    assert worker.line() == "out"


def test_a_guard_in_a_guarded_process_does_its_work_when_that_is_ended(run: Run) -> None:
    inner = "with guarded():\n print(sleep(), flush=True)\n signal.pause()"
    worker = run(f"with guarded(): start({_SETUP + inner!r}); input()\ninput()")
    sleeper = int(worker.line())
    worker.tell()
    eventually(lambda: has_ended(sleeper))


def has_ended(pid: int) -> bool | None:
    """Whether a process is no more, or waits for its parent to notice."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE or None
    except psutil.NoSuchProcess:
        return True

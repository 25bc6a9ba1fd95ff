"""The guard ends what was started in its block, and nothing keeps it from that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.process import Worker
from tests.support.waiting import eventually

PROGRAM = Path(__file__).with_name("programs") / "guards.py"

Run = Callable[[str], Worker]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs one of the programs with a guard."""
    started = []

    def run(name: str) -> Worker:
        worker = Worker([sys.executable, PROGRAM, name], {})
        started.append(worker)
        return worker

    yield run
    for worker in started:
        worker.close()


def test_a_process_ends_with_the_block(run: Run) -> None:
    worker = run("one")
    sleeper = int(worker.line())
    assert worker.line() == "out"
    eventually(lambda: has_ended(sleeper))


def test_a_process_that_was_forked_does_not_hold_the_block_up(run: Run) -> None:
    assert run("forked").line() == "out"


def test_a_guard_in_a_guarded_process_does_its_work_when_that_is_ended(run: Run) -> None:
    worker = run("nested")
    sleeper = int(worker.line())
    worker.tell()
    eventually(lambda: has_ended(sleeper))


def has_ended(pid: int) -> bool | None:
    """Whether a process is no more, or waits for its parent to notice."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE or None
    except psutil.NoSuchProcess:
        return True

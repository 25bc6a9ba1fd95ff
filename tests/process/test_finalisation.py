"""Daemon threads that are still at work while the interpreter finalises."""

from __future__ import annotations

import pytest

from tests.support.client import scrape
from tests.support.process import Start
from tests.support.stress import STRESS, repeats

WORK = (
    *("updates", "new children", "timers", "expositions", "new metrics"),
    *("callbacks", "runtimes"),
)


@pytest.mark.parametrize("work", [*zip(WORK)] if STRESS else [WORK], ids=" ".join)
def test_processes_end_cleanly_while_daemon_threads_work(
    serve: Start, work: tuple[str, ...]
) -> None:
    for _ in range(repeats(3, 20)):
        serve("at_work.py", *work).assert_ends_cleanly()


@pytest.mark.parametrize(
    "call",
    [
        *("register_callback", "with_label_values", "create_countervec", "create_counter"),
        "create_histogram",
    ],
)
def test_a_thread_that_ends_inside_a_call_does_not_abort_the_process(
    serve: Start, call: str
) -> None:
    worker = serve("blocks_in_a_call.py", call)
    assert worker.line() == "blocks"
    worker.tell()
    assert worker.line() == "outlived it"
    worker.assert_ends_cleanly()


def test_a_process_ends_cleanly_while_it_is_scraped_without_pause(serve: Start) -> None:
    for _ in range(repeats(2, 20)):
        worker = serve("scraped_to_the_end.py")
        for _ in range(3):
            scrape(worker.address)
        worker.tell()
        worker.assert_ends_cleanly()

"""Forks, and programs started, while the process serves, runs callbacks and updates metrics."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.support import sample
from tests.support.client import fetch, in_background, is_refused, scrape
from tests.support.process import Start, free_port


@pytest.mark.parametrize("close_fds", [True, False])
def test_a_program_that_is_started_keeps_no_port(serve: Start, close_fds: bool) -> None:
    port = str(free_port())
    worker = serve("starts_a_program.py", int(close_fds), DYN_SYSTEM_PORT=port)
    assert worker.exit_code() == 0
    assert serve(DYN_SYSTEM_PORT=port).address == worker.address
    worker.tell("lives")
    assert worker.line() == "program lives"


def test_a_process_that_becomes_another_program_keeps_no_port(serve: Start) -> None:
    worker = serve("becomes_another_program.py")
    assert worker.line() == "program"
    assert is_refused(worker.address)


def test_programs_that_are_run_do_not_disturb_scrapes(serve: Start) -> None:
    worker = serve("runs_programs.py")
    for _ in range(20):
        scrape(worker.address)
    assert worker.line() == "done"


def test_forks_in_the_middle_of_scrapes_and_callbacks_harm_neither(serve: Start) -> None:
    worker = serve("forks_at_work.py")

    def exit_codes() -> set[str]:
        return {worker.line() for _ in range(50)}

    def scrape_on(until: Future[set[str]]) -> int:
        scrapes = 0
        while not until.done():
            for headers in ({}, {"Accept-Encoding": "gzip"}):
                families = fetch(worker.address, headers=headers).families
                assert len(families["ns_comp_ep_vec_total"].samples) >= 1000
                scrapes += 1
        return scrapes

    assert worker.line() == "ready"
    worker.tell()
    with in_background(exit_codes) as codes, in_background(scrape_on, codes) as scrapes:
        assert codes.result() == {"0"}
    assert scrapes.result() > 0
    worker.tell()
    worker.assert_ends_cleanly()


def test_a_fork_does_not_wait_for_a_callback_that_hangs(serve: Start) -> None:
    worker = serve(
        "forks_while_a_callback_hangs.py",
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "ready"
    with in_background(scrape, worker.address) as scraped:
        assert worker.line() == "hangs"
        worker.tell()
        assert worker.line() == "0"
    assert "ns_comp_ep_counted_total" in scraped.result()


def test_a_callback_may_fork(serve: Start) -> None:
    worker = serve(
        "callback_forks.py",
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "ready"
    for _ in range(3):
        assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1
        assert worker.line() == "0"
    worker.tell()
    worker.assert_ends_cleanly()


@pytest.mark.parametrize("moment", ["before", "after_in_parent"])
def test_threads_may_use_everything_while_others_prepare_for_a_fork(
    start: Start, moment: str
) -> None:
    worker = start(
        "hooks_of_fork.py",
        moment,
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "0 1"

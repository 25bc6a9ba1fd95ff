"""Metrics of the whole process: process_*, python_gc_*, and what stalls it."""

from __future__ import annotations

import pytest

from dynamo.prometheus_names import name_prefix, process, python_gc, runtime_metrics
from dynamo_metrics import _process
from tests.support import sample
from tests.support.client import scrape
from tests.support.process import Start, Worker, free_port
from tests.support.waiting import eventually

GIL_WAIT = f"{name_prefix.RUNTIME}_{runtime_metrics.GIL_WAIT_SECONDS}"
LOOP_LAG = f"{name_prefix.RUNTIME}_{runtime_metrics.EVENT_LOOP_LAG_SECONDS}"
PROCESS = (
    process.CPU_SECONDS_TOTAL,
    process.VIRTUAL_MEMORY_BYTES,
    process.RESIDENT_MEMORY_BYTES,
    process.START_TIME_SECONDS,
    process.OPEN_FDS,
    process.MAX_FDS,
)

LOOP = "event_loop_lag.py"


def count(worker: Worker, name: str, le: str = "+Inf") -> float:
    return sample(scrape(worker.address), f"{name}_bucket", le=le)


def test_the_standard_process_metrics_are_exposed(serve: Start) -> None:
    worker = serve()
    families = scrape(worker.address)
    figures = {name: sample(families, name) for name in PROCESS}
    assert figures[process.VIRTUAL_MEMORY_BYTES] > figures[process.RESIDENT_MEMORY_BYTES] > 2**20
    assert figures[process.MAX_FDS] > figures[process.OPEN_FDS] >= 3
    assert 0 <= figures[process.CPU_SECONDS_TOTAL] < 60
    # It is told in hundredths, and some have passed after a few expositions.
    eventually(lambda: sample(scrape(worker.address), process.CPU_SECONDS_TOTAL) or None)
    assert figures[process.START_TIME_SECONDS] > 1.7e9


def test_process_metrics_need_no_gil(serve: Start) -> None:
    worker = serve("holds_the_gil_for_stdin.py")
    assert worker.line() == "holds the GIL"
    assert set(PROCESS) <= set(scrape(worker.address))
    worker.tell()
    worker.assert_ends_cleanly()


def test_collections_of_garbage_are_shown_by_generation(serve: Start) -> None:
    worker = serve("collects_garbage.py")

    def collections() -> float:
        families = scrape(worker.address)
        return sample(families, python_gc.COLLECTIONS_TOTAL, generation="2")

    assert collections() < 100
    worker.tell()
    eventually(lambda: collections() >= 200 or None)


def test_a_thread_that_keeps_the_gil_shows_as_wait_for_it(serve: Start) -> None:
    worker = serve("keeps_the_gil.py")
    eventually(lambda: count(worker, GIL_WAIT) or None)

    def long_waits() -> float:
        families = scrape(worker.address)
        total = sample(families, f"{GIL_WAIT}_bucket", le="+Inf")
        return total - sample(families, f"{GIL_WAIT}_bucket", le="0.1")

    before = long_waits()

    def shows() -> bool | None:
        # The thread that samples may not have run while the GIL was kept.
        worker.tell()
        assert worker.line() == "kept"
        return long_waits() > before or None

    eventually(shows)


def test_a_call_that_blocks_an_event_loop_shows_as_its_lag(start: Start) -> None:
    worker = start(LOOP, DYN_SYSTEM_PORT="0", DYN_SYSTEM_HOST="127.0.0.1")
    worker.address = worker.line()
    eventually(lambda: count(worker, LOOP_LAG) or None)

    def shows() -> bool | None:
        # The thread that samples may not have run while the loop was blocked.
        worker.tell("stall")
        assert worker.line() == "stalled"
        return count(worker, LOOP_LAG) > count(worker, LOOP_LAG, "0.025") or None

    eventually(shows)
    worker.tell("end")
    worker.assert_ends_cleanly()


@pytest.mark.parametrize("loop", ["an object", "an object without a hash", "a closed loop"])
def test_a_loop_that_runs_no_calls_does_not_end_the_thread_of_callbacks(
    start: Start, loop: str
) -> None:
    worker = start(
        "no_event_loop.py",
        loop,
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
    )
    worker.address = worker.line()
    eventually(lambda: count(worker, GIL_WAIT) >= 3 or None)
    worker.tell()
    assert worker.line() == "registered"
    assert [sample(scrape(worker.address), "calls") for _ in range(2)] == [1, 2]
    worker.tell()
    worker.assert_ends_cleanly()


@pytest.mark.parametrize("word", ["0", "false"])
def test_process_metrics_can_be_switched_off(serve: Start, word: str) -> None:
    worker = serve(DYN_METRICS_PROCESS=word)
    families = set(scrape(worker.address))
    assert not families & {*PROCESS, GIL_WAIT, LOOP_LAG, python_gc.COLLECTIONS_TOTAL}


def test_every_runtime_of_a_process_shows_them(serve: Start) -> None:
    worker = serve("two_runtimes.py")
    other = worker.line()
    assert other != worker.address
    assert {GIL_WAIT, *PROCESS} <= set(scrape(worker.address)) & set(scrape(other))


def test_without_a_server_nothing_is_sampled_and_no_thread_runs(start: Start) -> None:
    worker = start("without_a_server.py")
    assert worker.lines() == ["1", "False"]


def test_a_second_runtime_on_the_same_port_shows_them_once(start: Start) -> None:
    worker = start(
        "two_runtimes_on_one_port.py",
        DYN_SYSTEM_HOST="127.0.0.1",
        DYN_SYSTEM_PORT=str(free_port()),
    )
    assert worker.line() == "True"
    worker.address = worker.line()
    families = scrape(worker.address)
    assert [len(families[name].samples) for name in PROCESS] == [1] * len(PROCESS)


def test_rendering_a_runtime_in_python_reads_them_anew(start: Start) -> None:
    worker = start("renders_in_python.py")
    assert worker.lines() == ["1", "0"]


def test_they_are_sampled_while_scrapes_run_callbacks_without_pause(serve: Start) -> None:
    worker = serve("scrapes_without_pause.py")
    before = sample(scrape(worker.address), process.OPEN_FDS)
    worker.tell()
    eventually(lambda: sample(scrape(worker.address), process.OPEN_FDS) >= before + 90 or None)


def test_a_program_may_have_parentheses_and_blanks_in_its_name() -> None:
    line = b"7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 150 50 5 6 20 0 9 0 1000 8192 3 0"
    assert _process._stat_fields(line) == {14: 150, 15: 50, 22: 1000, 23: 8192, 24: 3}

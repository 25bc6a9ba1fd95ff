"""Callbacks that raise, are late, or are not what they seem: counted, logged once, never fatal."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from dynamo_metrics._threads.callbacks import PartialExpositionError
from tests.support import Family, exposition, refused, sample
from tests.support.client import TIMEOUT_SECONDS, in_background
from tests.support.log import Log
from tests.support.waiting import eventually, until_callbacks_run

ERRORS = "dynamo_runtime_callback_errors_total"
TIMEOUTS = "dynamo_runtime_callback_timeouts_total"
NOT_REACHED = "dynamo_runtime_callback_not_reached_total"


def counted(runtime: DistributedRuntime) -> tuple[float, float]:
    """Errors and timeouts, without running callbacks for it."""
    figures = [
        runtime.metrics.create_intcounter(name, description, full_name=True)
        for name, description in (
            (ERRORS, "Metrics callbacks that raised an exception."),
            (TIMEOUTS, "Metrics callbacks that did not finish before the deadline of a scrape."),
        )
    ]
    return figures[0].get(), figures[1].get()


def fail() -> None:
    raise KeyError("the cause")


def fail_again() -> None:
    raise IndexError


class Stuck:
    """A callback that does not return before it is released."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.released = threading.Event()
        self.returned = threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.released.wait(TIMEOUT_SECONDS)
        self.returned.set()


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    """Released at the end, so that its thread ends."""
    stuck = Stuck()
    yield stuck
    stuck.released.set()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> DistributedRuntime:
    """A runtime whose callbacks have 50 ms."""
    monkeypatch.setenv("DYN_METRICS_CALLBACK_TIMEOUT", "0.05")
    return DistributedRuntime()


def test_a_runtime_with_callbacks_shows_how_they_fare(runtime: DistributedRuntime) -> None:
    assert not {ERRORS, TIMEOUTS} & set(exposition(runtime))
    runtime.metrics.register_callback(lambda: None)
    families = exposition(runtime)
    assert {families[ERRORS].type, families[TIMEOUTS].type} == {"counter"}
    assert sample(families, ERRORS) == sample(families, TIMEOUTS) == 0


def test_a_callback_that_raises_is_counted_and_the_others_run(runtime: DistributedRuntime) -> None:
    gauge = runtime.metrics.create_intgauge("m", "help")
    runtime.metrics.register_callback(fail)
    runtime.metrics.register_callback(gauge.inc)
    assert sample(exposition(runtime), "m") == 1
    assert counted(runtime) == (1, 0)
    exposition(runtime)
    assert counted(runtime) == (2, 0)


def test_the_failure_is_in_the_exposition_that_ran_it(runtime: DistributedRuntime) -> None:
    runtime.metrics.register_callback(fail)
    assert sample(exposition(runtime), ERRORS) == 1


def test_the_first_exception_of_a_callback_is_logged_with_its_cause(
    runtime: DistributedRuntime, log: Log
) -> None:
    runtime.metrics.register_callback(fail)
    exposition(runtime)
    record = log.until(f"{fail.__module__}.fail ")[-1]
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert record.exc_info[0] is KeyError


def test_later_exceptions_of_a_callback_are_not_logged(
    runtime: DistributedRuntime, log: Log
) -> None:
    runtime.metrics.register_callback(fail)
    exposition(runtime)
    log.until(f"{fail.__module__}.fail ")
    runtime.metrics.register_callback(fail_again)
    exposition(runtime)
    # Logged in the order of the callbacks: a record of the first would come before.
    records = log.until("fail_again")
    assert not [record for record in records if ".fail " in record.getMessage()]
    assert counted(runtime) == (3, 0)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_exceptions_that_end_programs_end_no_scrape(
    runtime: DistributedRuntime, error: type[BaseException]
) -> None:
    def raise_error() -> None:
        raise error

    runtime.metrics.register_callback(raise_error)
    for expected in (1, 2):
        exposition(runtime)
        assert counted(runtime) == (expected, 0)


def test_a_callback_that_returns_an_awaitable_has_failed(
    runtime: DistributedRuntime, log: Log
) -> None:
    async def update() -> None: ...

    runtime.metrics.register_callback(lambda: update())
    exposition(runtime)
    assert counted(runtime) == (1, 0)
    record = log.until("returns_an_awaitable")[-1]
    assert record.exc_info
    assert "awaitable" in str(record.exc_info[1])


def test_what_a_callback_returns_otherwise_does_not_matter(runtime: DistributedRuntime) -> None:
    for value in (None, 0, "text", object()):
        runtime.metrics.register_callback(lambda value=value: value)
    exposition(runtime)
    assert counted(runtime) == (0, 0)


def test_a_log_that_fails_ends_no_scrape(
    runtime: DistributedRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: logging.LogRecord) -> bool:
        raise OSError("disk full")

    logger = logging.getLogger("dynamo.runtime")
    logger.addFilter(broken)
    try:
        gauge = runtime.metrics.create_intgauge("m", "help")
        runtime.metrics.register_callback(fail)
        runtime.metrics.register_callback(gauge.inc)
        assert sample(exposition(runtime), "m") == 1
        assert sample(exposition(runtime), "m") == 2
    finally:
        logger.removeFilter(broken)


def test_a_text_that_cannot_be_encoded_leaves_no_callback_unfinished(
    runtime: DistributedRuntime,
) -> None:
    def fail_with_a_part() -> str:
        raise PartialExpositionError("the rest", 'load{model="llama"} 1\nload{model="\udce9"} 2\n')

    runtime.metrics.register_prometheus_expfmt_callback(fail_with_a_part)
    for expected in (1, 2):
        assert sample(exposition(runtime), "load", model="llama") == 1
        assert counted(runtime) == (expected, 0)


def test_a_metric_with_the_name_of_a_figure_is_a_conflict(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_gauge(ERRORS, "help", full_name=True)
    with refused(MetricsError, f'"{ERRORS}"', "the runtime", "the runtime"):
        runtime.metrics.register_callback(lambda: None)


# Late ones


@contextlib.contextmanager
def waited_for(runtime: DistributedRuntime, stuck: Stuck) -> Iterator[None]:
    """A callback that has begun, and that an exposition waits for until the block ends."""
    with in_background(exposition, runtime):
        try:
            assert stuck.began.wait(TIMEOUT_SECONDS)
            yield
        finally:
            stuck.released.set()


def hurried(runtime: DistributedRuntime) -> dict[str, Family]:
    """An exposition whose callbacks have 40 ms."""
    return exposition(runtime.metrics.exposition(timeout=0.05)[2].decode())


def test_a_late_callback_and_those_behind_it_are_counted_and_the_exposition_is_shown(
    runtime: DistributedRuntime, stuck: Stuck
) -> None:
    ran: list[str] = []
    runtime.metrics.create_intgauge("m", "help").set(5)
    runtime.metrics.register_callback(lambda: ran.append("before"))
    runtime.metrics.register_callback(stuck)
    runtime.metrics.register_callback(lambda: ran.append("behind"))
    with waited_for(runtime, stuck):
        assert ran == ["before"]
        families = hurried(runtime)
        assert sample(families, "m") == 5
        assert sample(families, TIMEOUTS) == 1
        assert sample(families, NOT_REACHED) == 2
        assert ran == ["before"]


def test_a_callback_that_was_not_reached_runs_after_the_deadline(
    hasty: DistributedRuntime, stuck: Stuck
) -> None:
    ran = threading.Event()
    hasty.metrics.register_callback(stuck)
    hasty.metrics.register_callback(ran.set)
    exposition(hasty)
    assert ran.wait(TIMEOUT_SECONDS)
    assert not stuck.returned.is_set()


def test_a_callback_that_hangs_after_one_with_more_time_starves_no_other(
    runtime: DistributedRuntime, hasty: DistributedRuntime, stuck: Stuck
) -> None:
    ran = threading.Event()
    runtime.metrics.register_callback(lambda: time.sleep(0.1))  # it has 60 s
    exposition(runtime)
    hasty.metrics.register_callback(stuck)
    hasty.metrics.register_callback(ran.set)
    exposition(hasty)
    assert ran.wait(TIMEOUT_SECONDS)


def test_a_callback_that_hangs_starves_no_other(hasty: DistributedRuntime, stuck: Stuck) -> None:
    registry = CollectorRegistry()
    Gauge("engine_level", "help", registry=registry).set(7)
    hasty.metrics.register_callback(stuck)
    calls = hasty.metrics.create_intcounter("calls", "help")
    hasty.metrics.register_callback(calls.inc)
    hasty.metrics.register_collector(registry)
    exposition(hasty)
    assert stuck.began.wait(TIMEOUT_SECONDS)
    until_callbacks_run()  # on another thread: the one that hangs has lost its own
    late = sample(exposition(hasty), TIMEOUTS)
    for expositions in (1, 2, 3):
        assert sample(exposition(hasty), TIMEOUTS) >= late + expositions
    # Some of those may have been given up before the others had begun.
    eventually(lambda: sample(exposition(hasty), "calls") >= 4 or None)
    assert sample(exposition(hasty), "engine_level") == 7


def test_a_callback_that_is_slow_each_time_runs_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYN_METRICS_CALLBACK_TIMEOUT", "0.2")
    runtime = DistributedRuntime()
    order: list[str] = []
    go_on = threading.Event()

    def slow() -> None:
        order.append("slow")
        go_on.wait()

    runtime.metrics.register_callback(slow)
    runtime.metrics.register_callback(lambda: order.append("quick"))
    for first in ("slow", "quick", "quick"):
        go_on.clear()
        while "slow" not in order:  # one that has not quite returned is not called again
            exposition(runtime)
        until_callbacks_run()  # on another thread: the slow one is late, and has lost its own
        assert order[0] == first
        order.clear()
        go_on.set()


def test_late_and_not_reached_are_logged_under_the_name_of_their_callback(
    runtime: DistributedRuntime, stuck: Stuck, log: Log
) -> None:
    runtime.metrics.register_callback(stuck)
    runtime.metrics.register_callback(fail)
    with waited_for(runtime, stuck):
        hurried(runtime)
    late = log.until(repr(stuck))[-1].getMessage()
    assert "did not finish" in late
    assert f"{fail.__module__}.fail" not in late
    not_reached = log.until(f"{fail.__module__}.fail had not begun")[-1].getMessage()
    assert repr(stuck) not in not_reached


def test_a_returned_object_that_hangs_when_it_is_freed_counts_as_its_callback(
    hasty: DistributedRuntime, stuck: Stuck, log: Log
) -> None:
    class Returned:
        def __del__(self) -> None:
            stuck()

    ran = threading.Event()
    handle = hasty.metrics.register_callback(Returned)
    hasty.metrics.register_callback(ran.set)
    exposition(hasty)
    assert ran.wait(TIMEOUT_SECONDS)
    assert stuck.began.is_set()
    log.until("Returned did not finish")
    handle.unregister()


def test_threads_of_callbacks_that_hung_end(hasty: DistributedRuntime) -> None:
    def threads() -> int:
        return sum(thread.name == "dynamo-callbacks" for thread in threading.enumerate())

    hung = [Stuck() for _ in range(3)]
    for callback in hung:
        hasty.metrics.register_callback(callback)
        exposition(hasty)
    eventually(lambda: threads() >= 4 or None)
    for callback in hung:
        callback.released.set()
    eventually(lambda: threads() <= 2 or None)


def test_an_exposition_waits_for_a_callback_that_one_with_a_short_timeout_has_given_up(
    runtime: DistributedRuntime, stuck: Stuck
) -> None:
    runtime.metrics.register_callback(stuck)
    hurried(runtime)
    assert stuck.began.wait(TIMEOUT_SECONDS)
    until_callbacks_run()  # on another thread: the one that hangs has lost its own
    late = sample(hurried(runtime), TIMEOUTS)
    with in_background(exposition, runtime) as later:
        stuck.released.set()
    assert sample(later.result(), TIMEOUTS) == late


def test_a_late_callback_is_logged_once(
    runtime: DistributedRuntime, stuck: Stuck, log: Log
) -> None:
    runtime.metrics.register_callback(stuck)
    with waited_for(runtime, stuck):
        hurried(runtime)
        record = log.until(repr(stuck))[-1]
        assert record.levelno == logging.WARNING
        hurried(runtime)
        runtime.metrics.register_callback(fail)
        hurried(runtime)
    # Logged in this order: a second record of the first would come before.
    records = log.until(f"{fail.__module__}.fail ")
    assert not [record for record in records if repr(stuck) in record.getMessage()]


def test_callbacks_run_again_when_the_late_one_has_returned(
    hasty: DistributedRuntime, stuck: Stuck
) -> None:
    hasty.metrics.register_callback(stuck)
    exposition(hasty)
    stuck.released.set()
    assert stuck.returned.wait(TIMEOUT_SECONDS)
    until_callbacks_run()


def test_what_a_late_callback_raises_is_not_counted_as_well(
    hasty: DistributedRuntime, log: Log
) -> None:
    began, released = threading.Event(), threading.Event()

    def fail_late() -> None:
        began.set()
        assert released.wait(TIMEOUT_SECONDS)
        raise KeyError

    handle = hasty.metrics.register_callback(fail_late)
    exposition(hasty)
    assert began.wait(TIMEOUT_SECONDS)
    until_callbacks_run()  # on another thread: this one has lost its own
    late = sample(exposition(hasty), TIMEOUTS)
    handle.unregister()
    released.set()
    log.until("fail_late raised")
    assert late >= 1
    assert counted(hasty) == (0, late)


def test_a_log_handler_that_hangs_keeps_no_callback_from_running(
    runtime: DistributedRuntime, stuck: Stuck
) -> None:
    class Hangs(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            stuck()

    handler, logger = Hangs(), logging.getLogger("dynamo.runtime")
    logger.addHandler(handler)
    try:
        gauge = runtime.metrics.create_intgauge("m", "help")
        runtime.metrics.register_callback(fail)
        runtime.metrics.register_callback(gauge.inc)
        runtime.metrics.register_callback(fail_again)
        for expected in (1, 2, 3):
            assert sample(exposition(runtime), "m") == expected
            assert counted(runtime) == (2 * expected, 0)
        assert stuck.began.wait(TIMEOUT_SECONDS)
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize("error", [OSError, SystemExit, KeyboardInterrupt])
def test_a_log_handler_that_ends_programs_ends_no_thread(
    runtime: DistributedRuntime, error: type[BaseException]
) -> None:
    class Ends(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise error

    handler, logger = Ends(), logging.getLogger("dynamo.runtime")
    logger.addHandler(handler)
    try:
        threads: list[threading.Thread] = []
        runtime.metrics.register_callback(lambda: threads.append(threading.current_thread()))
        runtime.metrics.register_callback(fail)
        runtime.metrics.register_prometheus_expfmt_callback(lambda: "!!\n")
        # Threads of callbacks that hung in earlier tests end when they like.
        logs = [thread for thread in threading.enumerate() if thread.name == "dynamo-log"]
        for expected in (1, 2):
            exposition(runtime)
            assert counted(runtime) == (expected, 0)
        assert threads[0] is threads[1]
        assert logs
        assert set(logs) <= set(threading.enumerate())
    finally:
        logger.removeHandler(handler)

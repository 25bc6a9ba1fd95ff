"""The end of a process: clean and at once, whatever its clients and callbacks are doing."""

from __future__ import annotations

import contextlib
import http.client
import signal
from collections.abc import Callable

import pytest

from tests.support.client import (
    connect,
    fetch,
    in_background,
    is_closed,
    is_refused,
    read_answer,
    request,
)
from tests.support.process import Start, Worker, free_port
from tests.support.stress import repeats

A_DAY = "86400"

WHEN_TOLD = "ends_when_told.py"

WAYS_TO_END: dict[str, Callable[[Worker], None]] = {
    "the end of the script": Worker.tell,
    "Ctrl-C": Worker.interrupt,
    "SIGTERM": lambda worker: worker.interrupt(signal.SIGTERM),
}
every_way = pytest.mark.parametrize("end", WAYS_TO_END.values(), ids=WAYS_TO_END)


def answer_or_end(address: str) -> None:
    """Scrapes until the answer or, if the server is faster, its end."""
    try:
        assert fetch(address).status == 200
    except (ConnectionError, http.client.HTTPException):
        assert is_refused(address)


@every_way
def test_a_process_that_serves_nobody_ends(serve: Start, end: Callable[[Worker], None]) -> None:
    worker = serve(WHEN_TOLD)
    assert worker.line() == "ready"
    end(worker)
    worker.assert_ends_cleanly()


@every_way
def test_no_open_connection_delays_the_end(serve: Start, end: Callable[[Worker], None]) -> None:
    unfinished = [b"", b"GET /metrics HT"]
    answered = [request(), request(headers={"Content-Length": "1000"})]
    worker = serve(WHEN_TOLD)
    assert worker.line() == "ready"
    with contextlib.ExitStack() as stack:
        connections = []
        for sent in unfinished + answered:
            connection = stack.enter_context(connect(worker.address))
            connection.sendall(sent)
            connections.append(connection)
        for connection in connections[len(unfinished) :]:
            assert read_answer(connection).status == 200
        end(worker)
        worker.assert_ends_cleanly()
        assert all(map(is_closed, connections))


def test_no_client_that_reads_nothing_delays_the_end(serve: Start) -> None:
    worker = serve("big_response_to_the_end.py")
    assert worker.line() == "ready"
    with connect(worker.address) as deaf:
        deaf.sendall(request())
        assert deaf.recv(4) == b"HTTP"
        worker.tell()
        worker.assert_ends_cleanly()


WORK = (
    *("waits", "waits for a lock", "reads", "computes", "updates", "renders"),
    *("creates metrics", "registers"),
)


def ends_in_a_callback(serve: Start, work: str, end: str = "when told") -> Worker:
    worker = serve("ends_in_a_callback.py", work, end, DYN_METRICS_CALLBACK_TIMEOUT=A_DAY)
    assert worker.line() == "ready"
    return worker


def end_in_a_callback(serve: Start, work: str, end: Callable[[Worker], None]) -> None:
    worker = ends_in_a_callback(serve, work)
    with in_background(answer_or_end, worker.address) as scraped:
        assert worker.line() == "in the callback"
        end(worker)
        worker.assert_ends_cleanly()
    scraped.result()


@every_way
def test_a_process_ends_cleanly_in_the_middle_of_a_callback(
    serve: Start, end: Callable[[Worker], None]
) -> None:
    end_in_a_callback(serve, "waits", end)


@pytest.mark.parametrize("work", WORK)
def test_whatever_a_callback_does_the_process_ends_cleanly(serve: Start, work: str) -> None:
    for _ in range(repeats(1, 20)):
        end_in_a_callback(serve, work, Worker.tell)


def test_a_callback_may_shut_the_runtime_down(serve: Start) -> None:
    worker = ends_in_a_callback(serve, "shuts the runtime down")
    with in_background(answer_or_end, worker.address) as scraped:
        assert worker.line() == "in the callback"
        assert worker.line() == "shut down"
    scraped.result()
    worker.tell()
    worker.assert_ends_cleanly()


def test_many_runtimes_end_cleanly_together(serve: Start) -> None:
    worker = serve("many_runtimes.py", DYN_METRICS_CALLBACK_TIMEOUT=A_DAY)
    addresses = worker.line().split()
    assert worker.line() == "ready"
    with contextlib.ExitStack() as connections:
        for address in addresses:
            connection = connections.enter_context(connect(address))
            connection.sendall(request())
        worker.tell()
        worker.assert_ends_cleanly()


def test_an_exception_that_nobody_catches_is_the_end(serve: Start) -> None:
    worker = ends_in_a_callback(serve, "waits", "by an exception")
    with in_background(answer_or_end, worker.address):
        assert worker.line() == "in the callback"
        worker.tell()
        assert worker.exit_code() == 1
    assert worker.errors.count("Traceback") == 1
    assert worker.errors.endswith("ZeroDivisionError: division by zero\n")


def test_ctrl_c_that_nobody_catches_is_the_end(serve: Start) -> None:
    worker = serve("waits_for_ctrl_c.py")
    assert worker.line() == "ready"
    with connect(worker.address):
        worker.interrupt()
        assert worker.exit_code() == -signal.SIGINT
    assert worker.errors.count("Traceback") == 1
    assert worker.errors.endswith("KeyboardInterrupt\n")


def test_ctrl_c_ends_a_worker_with_an_event_loop(start: Start) -> None:
    worker = start(
        "event_loop.py",
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
    )
    address = worker.line()
    with connect(address) as connection:
        connection.sendall(request())
        assert read_answer(connection).status == 200
        worker.interrupt()
        assert worker.line() == "interrupted"
        assert is_closed(connection)
    assert is_refused(address)
    worker.tell()
    worker.assert_ends_cleanly()


def test_sys_exit_in_a_thread_ends_that_thread_alone(serve: Start) -> None:
    worker = serve("exit_in_thread.py")
    assert worker.line() == "goes on"
    assert fetch(worker.address).status == 200
    worker.tell()
    worker.assert_ends_cleanly()


def test_os_exit_ends_at_once_in_the_middle_of_a_callback(serve: Start) -> None:
    worker = ends_in_a_callback(serve, "updates", "by os._exit")
    with in_background(answer_or_end, worker.address):
        assert worker.line() == "in the callback"
        worker.tell()
        assert (worker.exit_code(), worker.errors) == (3, "")
    assert is_refused(worker.address)


def test_a_process_that_was_killed_leaves_its_port(serve: Start) -> None:
    port = str(free_port())
    worker = serve(DYN_SYSTEM_PORT=port)
    worker.interrupt(signal.SIGKILL)
    assert worker.exit_code() == -signal.SIGKILL
    assert serve(DYN_SYSTEM_PORT=port).address == worker.address


def test_handlers_of_the_users_own_still_scrape_and_render(serve: Start) -> None:
    worker = serve("atexit_scrapes.py")
    assert worker.line() == "200 True"
    worker.assert_ends_cleanly()

"""Clients that are slow, hang or vanish, and those who scrape meanwhile."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator

import pytest

from tests.support.client import (
    connect,
    fetch,
    in_background,
    is_closed,
    read_answer,
    request,
    scrape,
)
from tests.support.process import Start

UPTIME = "dynamo_component_uptime_seconds"


@pytest.fixture
def crowd() -> Iterator[contextlib.ExitStack]:
    """Closes many connections at the end; this process may have them open until then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as connections:
        yield connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_header_that_comes_byte_by_byte_keeps_nobody_waiting(serve: Start) -> None:
    worker = serve()
    with connect(worker.address) as slow:
        for position, byte in enumerate(request("/live")):
            slow.sendall(bytes([byte]))
            if position % 16 == 0:  # the whole header has 10 s
                assert UPTIME in scrape(worker.address)
        assert read_answer(slow).json["status"] == "live"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_body_that_never_comes_keeps_nobody_waiting(serve: Start, method: str) -> None:
    worker = serve()
    with connect(worker.address) as hung:
        hung.sendall(request("/metrics", method, {"Content-Length": "1000"}))
        assert UPTIME in scrape(worker.address)
        assert read_answer(hung).status == (200 if method == "GET" else 405)
        assert UPTIME in scrape(worker.address)


def test_a_body_without_end_keeps_nobody_waiting(serve: Start) -> None:
    worker = serve()
    with connect(worker.address) as hung:
        hung.sendall(request("/metrics", "POST", {"Transfer-Encoding": "chunked"}))
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                hung.sendall(b"3e8\r\n" + bytes(1000) + b"\r\n")
                assert UPTIME in scrape(worker.address)


def test_a_client_that_reads_nothing_keeps_nobody_waiting(serve: Start) -> None:
    worker = serve("big_response.py")
    assert worker.line() == "ready"
    with connect(worker.address) as deaf:
        deaf.sendall(request() * 3)
        for _ in range(3):
            assert fetch(worker.address, "/live").status == 200
            assert fetch(worker.address, headers={"Accept-Encoding": "gzip"}).status == 200


def test_clients_that_vanish_in_a_request_keep_nobody_waiting(serve: Start) -> None:
    worker = serve()
    for sent in (b"", request()[:7], request(), request() * 10):
        for reset in (False, True):
            vanishing = connect(worker.address)
            vanishing.sendall(sent)
            if reset:
                linger_for_no_time = b"\1\0\0\0\0\0\0\0"
                vanishing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
            vanishing.close()
            assert UPTIME in scrape(worker.address)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\0" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /" + b"x" * 1_000_000,
    ],
    ids=["zeros", "TLS", "HTTP 0.9", "HTTP 9.9", "HTTP 2", "bad header", "endless path"],
)
def test_a_client_that_speaks_something_else_is_sent_away(serve: Start, nonsense: bytes) -> None:
    worker = serve()
    with connect(worker.address) as stranger:
        with contextlib.suppress(ConnectionError):
            stranger.sendall(nonsense)
        with contextlib.suppress(ConnectionResetError):
            while received := stranger.recv(65536):
                assert not received.startswith(b"HTTP/1.1 200")
    assert UPTIME in scrape(worker.address)


@pytest.mark.parametrize("files", [None, 256])
@pytest.mark.parametrize("sent", [b"", b"GET /metrics HT"], ids=["silent", "in a header"])
def test_a_thousand_idle_connections_keep_nobody_waiting(
    serve: Start, crowd: contextlib.ExitStack, files: int | None, sent: bytes
) -> None:
    worker = serve(files=files)
    first = crowd.enter_context(connect(worker.address))
    first.sendall(sent)
    for _ in range(1100):  # a server has 1024 at most
        crowd.enter_context(connect(worker.address)).sendall(sent)
    for _ in range(3):
        assert UPTIME in scrape(worker.address)
    assert is_closed(first), "the oldest idle connection makes room"


def test_a_connection_that_is_used_outlives_a_thousand_idle_ones(
    serve: Start, crowd: contextlib.ExitStack
) -> None:
    worker = serve(files=256)
    used = crowd.enter_context(connect(worker.address))
    for _ in range(20):
        for _ in range(50):
            crowd.enter_context(connect(worker.address))
        assert UPTIME in scrape(worker.address), "by now those have been accepted"
        used.sendall(request())
        assert UPTIME in read_answer(used).families


def test_a_scrape_in_flight_outlives_a_thousand_idle_connections(
    serve: Start, crowd: contextlib.ExitStack
) -> None:
    worker = serve(
        "scrape_in_flight.py",
        files=256,
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "ready"
    with in_background(scrape, worker.address) as scraped:
        assert worker.line() == "in the callback"
        for _ in range(1000):
            crowd.enter_context(connect(worker.address))
        assert fetch(worker.address, "/live").status == 200
        worker.tell()
        assert UPTIME in scraped.result()


def test_the_worker_itself_still_opens_files_among_a_thousand_connections(
    serve: Start, crowd: contextlib.ExitStack
) -> None:
    worker = serve(
        "opens_files.py",
        files=256,
    )
    for _ in range(1000):
        crowd.enter_context(connect(worker.address))
    assert UPTIME in scrape(worker.address)
    worker.tell()
    assert worker.line() == "64"


def test_scrapes_go_on_when_the_worker_has_opened_every_file_it_may(serve: Start) -> None:
    worker = serve(
        "no_files_left.py",
        files=64,
    )
    with connect(worker.address) as early:
        early.sendall(request())
        assert UPTIME in read_answer(early).families
        worker.tell()
        assert worker.line() == "EMFILE"
        early.sendall(request())
        assert UPTIME in read_answer(early).families
        # The early connection, idle now, gives its place.
        assert UPTIME in scrape(worker.address)

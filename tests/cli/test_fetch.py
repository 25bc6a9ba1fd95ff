"""What a server may answer instead of an exposition: without end, too much, half, nonsense."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat

import pytest

from dynamo_metrics.scrape import FORMATS, UnreadableError, _source, fetch

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def answering(parts: Iterable[bytes], pause: float = 0) -> Iterator[str]:
    """A server that sends each client these parts, with pauses between; its address."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while not over.is_set():
                client, _ = server.accept()
                with client, suppress(OSError):
                    client.recv(65536)
                    for part in parts:
                        client.sendall(part)
                        if over.wait(pause):
                            return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/metrics"
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def problem(address: str, timeout: float = 60) -> str:
    """Why an exposition could not be fetched: one line."""
    with pytest.raises(UnreadableError) as raised:
        fetch(address, FORMATS["text"].accept, timeout)
    [line] = str(raised.value).splitlines()
    return line.removeprefix(f"{address} ")


def test_an_exposition_that_comes_but_does_not_end_is_given_up() -> None:
    with answering(chain([HEAD + b"\r\n"], repeat(b"# a\n")), pause=0.05) as address:
        assert problem(address, timeout=0.3).startswith("cannot be reached: timed out;")


def test_an_exposition_without_measure_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_source, "LARGEST_BODY", 2**20)
    with answering(chain([HEAD + b"\r\n"], repeat(b"#" * 4096))) as address:
        assert problem(address).startswith("has more than 1 MiB;")


def test_half_an_exposition_is_none() -> None:
    with answering([HEAD + b"Content-Length: 9\r\n\r\n", b"a 1\n"]) as address:
        assert problem(address).startswith("cannot be reached: IncompleteRead(4 bytes read, 5 more")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"what\r\n", "cannot be reached: what;"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: /metrics\r\nContent-Length: 0\r\n\r\n",
            "answered 302 The HTTP server returned a redirect error that would lead to",
        ),
    ],
    ids=["no HTTP", "in a circle"],
)
def test_nonsense_is_one_line(answer: bytes, told: str) -> None:
    with answering([answer]) as address:
        assert problem(address).startswith(told)

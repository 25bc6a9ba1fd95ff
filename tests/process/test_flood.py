"""Probes while a thousand connections do their worst."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tests.support.client import fetch, request
from tests.support.process import Start
from tests.support.web import Files, fetch_tls

CALLBACK = "slow_callback.py"


def attack(address: str, count: int, payload: bytes, ready: Event, stop: Event) -> None:
    """Keeps connections open that send a payload whenever they can, and read what comes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, port = address.rsplit(":", 1)
    selector = selectors.DefaultSelector()

    def open_one() -> None:
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((host, int(port)))
        selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def close(client: socket.socket) -> None:
        selector.unregister(client)
        client.close()

    for _ in range(count):
        open_one()
    ready.set()
    end = time.monotonic() + 30
    while not stop.is_set() and time.monotonic() < end:
        for key, events in selector.select(0.1):
            client = key.fileobj
            assert isinstance(client, socket.socket)
            try:
                if events & selectors.EVENT_READ and client.recv(65536) == b"":
                    raise ConnectionResetError
                if events & selectors.EVENT_WRITE:
                    client.send(payload)
                    selector.modify(client, selectors.EVENT_READ)
                else:
                    selector.modify(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
            except BlockingIOError:
                pass
            except OSError:
                close(client)
                open_one()
        time.sleep(0.001)


@contextlib.contextmanager
def attacked(address: str, count: int, payload: bytes) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=attack, args=(address, count, payload, ready, stop))
    process.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        stop.set()
        process.join(30)
        process.kill()


@pytest.mark.parametrize(
    ("count", "payload"),
    [
        (560, request() * 20),
        (1000, request()),
        (1000, request("/live") * 20),
        (1000, request(headers={"Accept": "text/plain;q=0," * 2000})),
        (1000, b"GET /metr"),
    ],
    ids=["scrapes sent ahead", "scrapes", "probes sent ahead", "long headers", "half a header"],
)
def test_probes_are_answered_under_any_load_of_a_thousand_connections(
    serve: Start, count: int, payload: bytes
) -> None:
    worker = serve(CALLBACK)
    assert worker.line() == "ready"
    with attacked(worker.address, count, payload):
        time.sleep(1)  # the load itself is under test, not an event
        times = []
        resets = 0
        for path in ("/live", "/health") * 10:
            began = time.monotonic()
            try:
                assert fetch(worker.address, path).status in (200, 503)
            except ConnectionResetError:
                resets += 1
            times.append(time.monotonic() - began)
    # Among a thousand new connections, the one that is closed for another may be a probe's own.
    assert resets <= 1
    times.sort()
    print(f"median {times[10] * 1000:.0f} ms, worst {times[-1] * 1000:.0f} ms")
    # The right value is 0.1 on a machine without other work. The server, the load and whatever else
    # runs share the cores here.
    assert times[10] < 2
    assert times[-1] < 5


def client_hello(context: ssl.SSLContext) -> bytes:
    """The first message of a TLS client, which makes the server sign."""
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_probes_are_answered_while_a_thousand_clients_begin_tls_handshakes(
    serve: Start, tmp_path: Path
) -> None:
    files = Files(tmp_path)
    files.write()
    worker = serve("logs.py", DYN_SYSTEM_WEB_CONFIG=str(files.path))
    context = files.context()
    times = []
    with attacked(worker.address, 1000, client_hello(context)):
        for path in ("/live", "/health", "/live"):
            began = time.monotonic()
            assert fetch_tls(worker.address, context, path).status in (200, 503)
            times.append(time.monotonic() - began)
    # A thousand signatures of the server take 0.1 s on a machine without other work.
    assert max(times) < 5, times

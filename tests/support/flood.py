"""Floods: a process that keeps many connections to a server busy."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Event

IP_BIND_ADDRESS_NO_PORT = 24
"""A socket option of Linux that Python's `socket` does not define."""

LONGEST_SECONDS = 30
"""The time limit of a flood."""


class Connection:
    """What one connection of a flood does."""

    def begin(self) -> bytes:
        """What is sent first."""
        raise NotImplementedError

    def received(self, data: bytes) -> bytes | None:
        """What is sent next; None to close the connection and open another."""
        raise NotImplementedError

    def last(self) -> bytes:
        """What is sent before it is closed."""
        return b""


@dataclass(frozen=True)
class _Repeats(Connection):
    """Sends the same bytes again whenever something comes back."""

    payload: bytes

    def begin(self) -> bytes:
        return self.payload

    def received(self, data: bytes) -> bytes | None:
        return self.payload


class _Tls(Connection):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    def begin(self) -> bytes:
        self._step()
        return self._outgoing.read()

    def received(self, data: bytes) -> bytes | None:
        self._incoming.write(data)
        return None if self._step() else self._outgoing.read()

    def last(self) -> bytes:
        return self._outgoing.read()

    def _step(self) -> bool:
        """Whether the handshake is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


@dataclass(frozen=True)
class Flood:
    """What all connections do, and from which address of this machine."""

    source: str = "127.0.0.1"

    def connections(self) -> Iterator[Connection]:
        """One after the other, without end."""
        raise NotImplementedError


@dataclass(frozen=True)
class Requests(Flood):
    """Connections that send bytes again whenever something comes back."""

    payload: bytes = b""

    def connections(self) -> Iterator[Connection]:
        while True:
            yield _Repeats(self.payload)


@dataclass(frozen=True)
class Handshakes(Flood):
    """Connections that complete TLS handshakes, of a server with this certificate authority."""

    ca: str = ""
    client: str = ""
    """The path of a client certificate, without the end of the name, if there is one."""

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        if self.client:
            context.load_cert_chain(f"{self.client}.pem", f"{self.client}.key")
        return context

    def connections(self) -> Iterator[Connection]:
        context = self.context()
        while True:
            yield _Tls(context)


@dataclass(frozen=True)
class Hellos(Handshakes):
    """Connections that replay the first message of a TLS client, for which the server signs."""

    waits: bool = True
    """Whether a connection stays after the reply, or is closed for another."""

    def connections(self) -> Iterator[Connection]:
        hello = _Tls(self.context()).begin()
        while True:
            yield _Hello(hello, self.waits)


@dataclass(frozen=True)
class _Hello(Connection):
    hello: bytes
    waits: bool

    def begin(self) -> bytes:
        return self.hello

    def received(self, data: bytes) -> bytes | None:
        return b"" if self.waits else None


def run(flood: Flood, address: str, count: int, ready: Event, stop: Event) -> None:
    """Keeps ``count`` connections open until ``stop``."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, _, port = address.rpartition(":")
    selector = selectors.DefaultSelector()
    connections = flood.connections()

    def open_one() -> None:
        client = socket.socket()
        client.setblocking(False)
        # Ports are found when the connection is made: more of them are free than for a bind.
        client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        client.bind((flood.source, 0))
        client.connect_ex((host, int(port)))
        connection = next(connections)
        selector.register(client, selectors.EVENT_WRITE, (connection, connection.begin()))

    def serve(client: socket.socket, events: int, connection: Connection, unsent: bytes) -> None:
        if events & selectors.EVENT_READ:
            data = client.recv(65536)
            after = connection.received(data) if data else None
            if after is None:
                client.send(connection.last())
                raise ConnectionResetError
            unsent += after
        if events & selectors.EVENT_WRITE:
            unsent = unsent[client.send(unsent) :]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0)
        selector.modify(client, wanted, (connection, unsent))

    for _ in range(count):
        open_one()
    ready.set()
    end = time.monotonic() + LONGEST_SECONDS
    while not stop.is_set() and time.monotonic() < end:
        for key, events in selector.select(0.1):
            client = key.fileobj
            assert isinstance(client, socket.socket)
            try:
                serve(client, events, *key.data)
            except BlockingIOError:
                pass
            except OSError:
                selector.unregister(client)
                client.close()
                open_one()
        time.sleep(0.001)


@contextlib.contextmanager
def flooded(address: str, flood: Flood, count: int = 1000) -> Iterator[None]:
    """A server at ``address`` under a flood of another process."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=run, args=(flood, address, count, ready, stop))
    process.start()
    try:
        assert ready.wait(LONGEST_SECONDS)
        yield
    finally:
        stop.set()
        process.join(LONGEST_SECONDS)
        process.kill()

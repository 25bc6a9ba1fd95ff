"""HTTP, as scrapers speak it and as less polite clients do."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from tests.support.exposition import Family, exposition

TIMEOUT_SECONDS = 30.0
"""Seconds after which something that has not come fails the test. Nothing takes so long."""


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body, unpacked."""
        packed = self.headers["Content-Encoding"] == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)

    @property
    def families(self) -> dict[str, Family]:
        """The exposition of metrics that the body is."""
        assert self.status == 200, self.text
        return exposition(self.text)


def connect(address: str) -> socket.socket:
    """A connection on which nothing has been sent."""
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)


def request(
    path: str = "/metrics", method: str = "GET", headers: Mapping[str, str] | None = None
) -> bytes:
    """A request with an empty body, as it goes over the wire."""
    fields = {"Host": "localhost", **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    return "\r\n".join([*lines, "", ""]).encode()


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """The answer to the request of this method that was sent."""
    response = http.client.HTTPResponse(connection, method=method)
    with contextlib.closing(response):
        response.begin()
        return Answer(response.status, response.headers, response.read())


def fetch(
    address: str,
    path: str = "/metrics",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """The answer to one request on a connection of its own."""
    with connect(address) as connection:
        connection.sendall(request(path, method, {"Connection": "close", **(headers or {})}))
        return read_answer(connection, method)


def scrape(address: str, **headers: str) -> dict[str, Family]:
    """The families on ``/metrics``, by name."""
    return fetch(address, headers=headers).families


def is_refused(address: str) -> bool:
    """Whether nobody listens there."""
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes a connection on which it has nothing more to say."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@contextlib.contextmanager
def in_background(function: Callable[..., Any], *args: Any) -> Iterator[Future[Any]]:
    """Runs a function in a thread meanwhile, and waits for it at the end."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(function, *args)

"""The HTTP server of ``dynamo-metrics sd``.

| route | answer |
|---|---|
| ``GET /sd`` | 200 and the list of targets, or 503 and why there is none |
| ``GET /health`` | the same as a status: ``{"status":"ready","targets":3}`` |
| ``GET /live`` | 200 while the process runs |
| ``GET /`` | an index of the routes |

A failed answer makes Prometheus keep the targets that it has; an empty list makes it drop them.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as OutOfTime
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, cast

from dynamo.discovery import Target
from dynamo.fleet._fleet import Fleet
from dynamo.fleet._sd import as_json

_DISCOVERY_TIMEOUT = 8.0
"""Seconds that a request waits for discovery."""
_IDLE_TIMEOUT = 90
"""Seconds that a connection may be idle: Prometheus asks every 60 by default."""

_Answer = tuple[int, str, str]
"""Status, content type, body."""

_INDEX = """\
/sd      the targets, for Prometheus' HTTP service discovery
/health  whether they are known
/live    200 while the process runs
"""
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


async def serve(fleet: Fleet, host: str, port: int) -> None:
    """Serve the fleet's targets until SIGTERM or SIGINT.

    Prints where, once it listens. Raises ``OSError`` if it cannot, and what ``Fleet.connect``
    raises.
    """
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_requested.set)
    stopping = loop.create_task(stop_requested.wait())
    connecting = loop.create_task(fleet.connect())
    try:
        with _listening(fleet, host, port) as address:
            print(f"service discovery: http://{address}/sd", flush=True)
            await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                await connecting
                await stopping
    finally:
        stopping.cancel()
        while not connecting.done():
            # Before Python 3.12 wait_for() loses a cancellation that comes as its work ends.
            connecting.cancel()
            await asyncio.wait({connecting}, timeout=0.1)
        await fleet.close()


@contextmanager
def _listening(fleet: Fleet, host: str, port: int) -> Iterator[str]:
    """Answer requests meanwhile, in threads; gives ``host:port``."""
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        server = _Server(fleet, family, address)
    except OSError as error:
        raise OSError(
            f"--host {host} --port {port} cannot be listened on: {error.strerror or error}; "
            "use another one, or --port 0"
        ) from None
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield server.location
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True  # the end waits for no client
    request_queue_size = 128

    def __init__(self, fleet: Fleet, family: socket.AddressFamily, address: Any) -> None:
        self.address_family = family
        self.fleet = fleet
        self.loop = asyncio.get_running_loop()
        super().__init__(address, _Handler)

    @property
    def location(self) -> str:
        """Where it listens, ``host:port``."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that broke."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dynamo-metrics"
    sys_version = ""
    timeout = _IDLE_TIMEOUT

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        route = _ROUTES.get(path)
        if route is None:
            self._answer(404, _TEXT, f"404 {path} is not here, see /\n")
        else:
            self._answer(*route(self))

    def do_HEAD(self) -> None:
        self.do_GET()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a bad request, or one with another method."""
        self.close_connection = True  # a body may follow, which is not read
        if code == 501:  # what the base class says to every other method
            self._answer(405, _TEXT, f"405 {self.command} is not for here: use GET\n")
        else:
            self._answer(code, _TEXT, f"{code} {message or self.responses[code][0]}\n")

    def _sd(self) -> _Answer:
        try:
            return 200, _JSON, json.dumps(as_json(self._targets()))
        except ConnectionError as error:
            return 503, _TEXT, f"{error}\n"

    def _health(self) -> _Answer:
        try:
            return 200, _JSON, json.dumps({"status": "ready", "targets": len(self._targets())})
        except ConnectionError as error:
            return 503, _JSON, json.dumps({"status": "notready", "reason": str(error)})

    def _live(self) -> _Answer:
        return 200, _JSON, json.dumps({"status": "live"})

    def _index(self) -> _Answer:
        return 200, _TEXT, _INDEX

    def _targets(self) -> list[Target]:
        server = cast(_Server, self.server)
        answer = asyncio.run_coroutine_threadsafe(server.fleet.targets(), server.loop)
        try:
            return answer.result(_DISCOVERY_TIMEOUT)
        except OutOfTime:
            answer.cancel()
            raise ConnectionError(
                f"discovery has not answered within {_DISCOVERY_TIMEOUT:g} s"
            ) from None

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - it is called so
        """Log nothing: requests come every few seconds, and errors are the client's."""


_ROUTES: dict[str, Callable[[_Handler], _Answer]] = {
    "/": _Handler._index,
    "/sd": _Handler._sd,
    "/health": _Handler._health,
    "/live": _Handler._live,
}

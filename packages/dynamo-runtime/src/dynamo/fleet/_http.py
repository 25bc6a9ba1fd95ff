"""The HTTP server of ``dynamo-metrics sd``, which uvicorn is. Needs uvicorn.

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
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dynamo import _tasks
from dynamo._sockets import listen
from dynamo.discovery import Target
from dynamo.fleet._fleet import Fleet
from dynamo.fleet._sd import as_json

DISCOVERY_TIMEOUT = 8.0
"""Seconds that a request waits for discovery."""
IDLE_TIMEOUT = 90
"""Seconds that a connection may be idle: Prometheus asks every 60 by default."""
REQUEST_TIMEOUT = 10.0
"""Seconds that a new connection may take for its first request."""
MAX_CONNECTIONS = 256
"""Limit of the connections. Beyond it the oldest one that is idle is closed."""

_BACKLOG = 128
"""Connections that wait to be accepted."""

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
    loop = asyncio.get_running_loop()
    stop_requested = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_requested.set)
    listener = _listen(host, port)
    config = uvicorn.Config(
        App(fleet),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_TIMEOUT,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = loop.create_task(server.serve([listener]))
    stopping = loop.create_task(stop_requested.wait())
    connecting = loop.create_task(fleet.connect())
    try:
        print(f"service discovery: http://{_location(listener)}/sd", flush=True)
        await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            await connecting
            await stopping
    finally:
        server.should_exit = True
        await asyncio.wait({serving})
        await _tasks.end([connecting, stopping])
        await fleet.close()
        listener.close()


class App:
    """The routes, as an ASGI application."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request. uvicorn reads its body, if it has one."""
        status, kind, text = await self._answer(scope["method"], scope["path"])
        body = text.encode("utf-8", "backslashreplace")
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, method: str, path: str) -> _Answer:
        route = self._ROUTES.get(path)
        if route is None:
            return 404, _TEXT, f"404 {path} is not here, see /\n"
        if method not in ("GET", "HEAD"):
            return 405, _TEXT, f"405 {method} is not for here: use GET\n"
        return await route(self)

    async def _sd(self) -> _Answer:
        try:
            return 200, _JSON, json.dumps(as_json(await self._targets()))
        except ConnectionError as error:
            return 503, _TEXT, f"{error}\n"

    async def _health(self) -> _Answer:
        try:
            targets = await self._targets()
            return 200, _JSON, json.dumps({"status": "ready", "targets": len(targets)})
        except ConnectionError as error:
            return 503, _JSON, json.dumps({"status": "notready", "reason": str(error)})

    async def _live(self) -> _Answer:
        return 200, _JSON, json.dumps({"status": "live"})

    async def _index(self) -> _Answer:
        return 200, _TEXT, _INDEX

    async def _targets(self) -> list[Target]:
        try:
            return await _tasks.within(DISCOVERY_TIMEOUT, self._fleet.targets())
        except asyncio.TimeoutError:
            raise ConnectionError(
                f"discovery has not answered within {DISCOVERY_TIMEOUT:g} s"
            ) from None

    _ROUTES: ClassVar[dict[str, Callable[[App], Awaitable[_Answer]]]] = {
        "/": _index,
        "/sd": _sd,
        "/health": _health,
        "/live": _live,
    }


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol, with a limit of connections and of the time to their first request."""

    def connection_made(self, transport: Any) -> None:
        """Take a connection, and close the one that has been idle for longest if there are many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            idle = (one for one in _in_order if one in self.connections and one.is_idle)
            (next(idle, None) or self).transport.abort()
        _in_order[self] = None
        self._first = self.loop.call_later(REQUEST_TIMEOUT, self._close_unused)

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the connection."""
        _in_order.pop(self, None)
        self._first.cancel()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def _close_unused(self) -> None:
        if self.cycle is None:
            self.transport.close()


_in_order: dict[BoundedProtocol, None] = {}
"""The connections, the oldest first."""


class _Server(uvicorn.Server):
    """A server that leaves the signals of the process to ``serve``."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle no signal."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port, _BACKLOG)
    except OSError as error:
        raise OSError(
            f"--host {host} --port {port} cannot be listened on: {error.strerror or error}; "
            "use another one, or --port 0"
        ) from None


def _location(listener: socket.socket) -> str:
    """Return where it listens, ``host:port``."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""The frontend as a server, which uvicorn runs."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn

from dynamo._settings import GRACEFUL_SHUTDOWN_TIMEOUT
from dynamo._sockets import listen
from dynamo._tasks import end
from dynamo.frontend._app import make_app
from dynamo.frontend._dispatch import Dispatcher
from dynamo.frontend._generation import Limits
from dynamo.frontend._metrics import FrontendMetrics
from dynamo.frontend._models import Models
from dynamo.frontend._routing import ROUTERS
from dynamo.frontend._workers import WorkerMetrics

if TYPE_CHECKING:
    from dynamo.frontend._arguments import Settings
    from dynamo.runtime import DistributedRuntime

_BACKLOG = 2048
"""Connections that wait to be accepted."""
_IDLE_TIMEOUT = 75
"""Seconds that a connection may be idle: clients keep theirs for the next request."""
_ANY_HOST = ("0.0.0.0", "::")


async def serve(runtime: DistributedRuntime, settings: Settings) -> None:
    """Serve the API until SIGTERM or SIGINT, or until this is cancelled.

    Then no new connection is accepted, and running requests have
    ``DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT`` to finish; a second signal cancels them at once. Prints
    where it listens.

    Raises ``OSError`` if it cannot listen, ``ValueError`` for a bad setting of the environment,
    ``MetricsError`` if a metric of the runtime has one of the frontend's names, ``ConnectionError``
    or ``ImportError`` if ``DYN_REQUEST_PLANE`` or ``DYN_DISCOVERY_BACKEND`` cannot be used.
    """
    metrics, workers = FrontendMetrics(runtime), WorkerMetrics(runtime)
    models = Models(runtime, ROUTERS[settings.router_mode], metrics, workers)
    limits = Limits(settings.max_requests, settings.body_limit)
    app = make_app(runtime, models, Dispatcher(metrics, workers), metrics, limits)
    server = _Server(
        uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_IDLE_TIMEOUT,
            timeout_graceful_shutdown=round(GRACEFUL_SHUTDOWN_TIMEOUT.read()),
        )
    )
    _allow_open_files()
    with _listening(settings) as listener, server.handling_signals():
        await models.open()
        following = asyncio.create_task(models.follow())
        serving = asyncio.create_task(server.serve([listener]))
        tasks = {following, serving}
        try:
            await runtime._shared.network().announce_server(_address(listener), "frontend")
            url = f"http://{_shown(listener)}"
            print(f"frontend: {url}/v1", flush=True)
            print(f"metrics: {url}/metrics", flush=True)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.should_exit = True
            await asyncio.wait({serving})
            await end([following])
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                task.result()
    print("stopped")


class _Server(uvicorn.Server):
    """A server that leaves the signals to ``serve``."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle no signal."""
        yield

    @contextlib.contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Have SIGTERM and SIGINT end the server meanwhile, a second one at once.

        Signals reach the main thread only: in another one this does nothing.
        """
        loop = asyncio.get_running_loop()
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGTERM, signal.SIGINT) if is_main else ()
        for number in numbers:
            loop.add_signal_handler(number, self._arrived)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _arrived(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _allow_open_files() -> None:
    """Raise the limit of open files as far as it may be: each stream has a connection."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    host, port = settings.host, settings.port
    try:
        listener = listen(host, port, _BACKLOG)
    except OSError as error:
        raise OSError(
            error.errno,
            f"--http-host {host} --http-port {port} cannot be listened on: "
            f"{error.strerror or error}; use another one, or --http-port 0",
        ) from None
    with listener:
        yield listener


def _address(listener: socket.socket) -> str:
    """Return where it listens, ``host:port``."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _shown(listener: socket.socket) -> str:
    """Return where clients of this host find it."""
    host, port = listener.getsockname()[:2]
    return f"localhost:{port}" if host in _ANY_HOST else _address(listener)

"""A reverse proxy that serves a worker under a path, and can spoil what it serves."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.client import fetch

PREFIX = "/workers/7/"


class Mounted:
    """A running proxy. ``address`` and ``PREFIX`` together are where the worker is."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.appended = ""
        """Lines at the end of ``/metrics``."""
        self.failure: tuple[int, str] | None = None
        """The status and the text that ``/metrics`` answers instead."""
        self.delay = threading.Event()
        """Set, nothing of ``/metrics`` is answered until it is cleared."""
        self.elsewhere: list[str] = []
        """The paths outside of the prefix that were asked for."""


@contextlib.contextmanager
def mounted(target: str) -> Iterator[Mounted]:
    """Serves a worker under ``PREFIX`` meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(PREFIX):
                proxy.elsewhere.append(self.path)
                self.send_error(404)
                return
            path = "/" + self.path.removeprefix(PREFIX)
            answer = fetch(target, path)
            status, body = answer.status, answer.body
            if path == "/metrics":
                body += proxy.appended.encode()
                while proxy.delay.is_set() and not ended.wait(0.02):
                    pass
                if proxy.failure:
                    status, body = proxy.failure[0], proxy.failure[1].encode()
            self.send_response(status)
            for name, value in answer.headers.items():
                if name.lower() not in ("connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    ended = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = Mounted(f"127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            ended.set()
            server.shutdown()
            thread.join()

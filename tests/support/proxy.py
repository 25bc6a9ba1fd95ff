"""A proxy between a scraper and a worker, that notes what formats go through it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.client import fetch


class Proxy:
    """A running proxy."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.content_types: set[str] = set()
        """Of all answers so far."""


@contextlib.contextmanager
def proxy(target: str, *, strips_accept: bool = False) -> Iterator[Proxy]:
    """Passes GET requests on to a worker, without their ``Accept`` if so asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "connection")
                and not (strips_accept and name.lower() == "accept")
            }
            answer = fetch(target, self.path, headers=headers)
            passing.content_types.add(answer.headers["Content-Type"])
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding", "Content-Length"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        passing = Proxy(f"127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield passing
        finally:
            server.shutdown()
            thread.join()

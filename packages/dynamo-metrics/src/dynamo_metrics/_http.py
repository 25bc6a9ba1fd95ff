"""One HTTP request for metrics, whatever the server: what ``asgi`` and ``wsgi`` share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from dynamo_metrics._runtime_metrics import RuntimeMetrics

_MAX_FIELDS = 1000
"""Limit of a query's fields: one with more asks for all families."""


@dataclass(frozen=True)
class Request:
    """What of a request decides on the page."""

    method: str
    accept: str
    accept_encoding: str
    timeout: float | None
    """Seconds that the reader waits, if it says so."""
    names: tuple[str, ...]
    """The families that are asked for by ``?name[]=``; none for all."""

    @classmethod
    def of(cls, method: str, query: str, headers: Iterable[tuple[str, str]]) -> Request:
        """Read the headers; several of one name are one list, as HTTP has it."""
        values: dict[str, list[str]] = {}
        for name, value in headers:
            values.setdefault(name.lower(), []).append(value)

        def joined(name: str) -> str:
            return ",".join(values.get(name, ()))

        return cls(
            method,
            joined("accept"),
            joined("accept-encoding"),
            _seconds(joined("x-prometheus-scrape-timeout-seconds")),
            _names(query),
        )


@dataclass(frozen=True)
class Response:
    """A whole response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def answer(metrics: RuntimeMetrics, request: Request) -> Response:
    """Return the exposition that a request asks for. Blocks while callbacks run: use a thread."""
    if request.method not in ("GET", "HEAD"):
        text = f"{request.method} is not allowed here: use GET or HEAD\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Allow", "GET,HEAD")]
        return _response(405, headers, text, request)
    content_type, encoding, body = metrics.exposition(
        request.accept, request.accept_encoding, request.timeout, names=request.names
    )
    headers = [("Content-Type", content_type), ("Vary", "Accept, Accept-Encoding")]
    if encoding is not None:
        headers.append(("Content-Encoding", encoding))
    return _response(200, headers, body, request)


def _response(
    status: int, headers: list[tuple[str, str]], body: bytes, request: Request
) -> Response:
    headers.append(("Content-Length", str(len(body))))
    return Response(status, headers, b"" if request.method == "HEAD" else body)


def _names(query: str) -> tuple[str, ...]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return ()
    return tuple(value for name, value in pairs if name == "name[]")


def _seconds(header: str) -> float | None:
    """Return a number of seconds; None for anything that is no such time."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return seconds if 0 < seconds < 1e9 else None

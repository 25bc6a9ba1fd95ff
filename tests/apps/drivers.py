"""Drives the two kinds of application as a server does, each by its rules."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from dynamo.asgi import make_asgi_app
from dynamo.wsgi import make_wsgi_app


class Answer(NamedTuple):
    """The response of an application; the names of headers are lowercase."""

    status: int
    headers: dict[str, str]
    body: bytes


def wsgi(node: Any, method: str = "GET", query: str = "", **headers: str) -> Answer:
    """The response of the application of a node that keeps to the rules of WSGI (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "wsgi.input": io.BytesIO(),
        "QUERY_STRING": query,
    }
    environ.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
        started.extend([status, headers])
        return lambda data: None

    parts: Iterable[bytes] = validator(make_wsgi_app(node))(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        parts.close()  # type: ignore[attr-defined]
    status, fields = started
    return Answer(int(status.split()[0]), _by_name(fields), body)


def asgi(node: Any, method: str = "GET", query: str = "", **headers: str) -> Answer:
    """The response of the application of a node, in an event loop of its own."""
    return asyncio.run(asgi_in_loop(node, method, query, **headers))


async def asgi_in_loop(node: Any, method: str = "GET", query: str = "", **headers: str) -> Answer:
    """The response of the application of a node that keeps to the rules of ASGI 3."""
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": quote(query, safe="=&%").encode(),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await make_asgi_app(node)(scope, receive, send)
    start, body = sent
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    assert not body.get("more_body")
    assert all(name == name.lower() for name, _ in start["headers"])
    fields = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Answer(start["status"], _by_name(fields), body["body"])


def _by_name(fields: list[tuple[str, str]]) -> dict[str, str]:
    by_name = {name.lower(): value for name, value in fields}
    assert len(by_name) == len(fields), "a header stands twice"
    return by_name

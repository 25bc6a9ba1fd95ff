"""The metrics of a node as an ASGI application, and a middleware that measures requests.

    app.add_route("/metrics", dynamo_metrics.asgi.make_asgi_app(runtime))

For those whose process serves HTTP already. Callbacks run as for a scrape of the status server;
the exposition is written on a thread, so that the event loop goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from dynamo_metrics import Component, Endpoint, Namespace, Runtime, _arguments
from dynamo_metrics._http import Request, Response, answer
from dynamo_metrics._requests import RequestMetricsMiddleware

__all__ = ["RequestMetricsMiddleware", "make_asgi_app"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


def make_asgi_app(
    node: Runtime | Namespace | Component | Endpoint,
) -> Callable[[_Message, _Receive, _Send], Awaitable[None]]:
    """Return an application that answers GET and HEAD with the metrics of ``node`` and below.

    It can be a route of a Starlette or FastAPI application, which answers without the redirect that
    a mounted one has. With a runtime, the lag of the event loop that it runs in is sampled.

    Raises ``TypeError`` for anything but a node.
    """
    _arguments.check_node(node, "make_asgi_app()")
    return _App(node)


class _App:
    """An object, not a function: routers take functions for handlers of their own kind."""

    def __init__(self, node: Runtime | Namespace | Component | Endpoint) -> None:
        self._node = node
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop and isinstance(self._node, Runtime):
            self._loop = loop
            self._node.watch_event_loop(loop)
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"this application answers http, not {scope['type']}: mount it there")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        query = scope.get("query_string", b"").decode("latin-1")
        request = Request.of(scope["method"], query, headers)
        response: Response = await loop.run_in_executor(None, answer, self._node.metrics, request)
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [
                    (name.lower().encode("latin-1"), value.encode("latin-1"))
                    for name, value in response.headers
                ],
            }
        )
        await send({"type": "http.response.body", "body": response.body})


async def _lifespan(receive: _Receive, send: _Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

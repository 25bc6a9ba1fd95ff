"""The metrics of a node as an ASGI application.

    app.mount("/metrics", dynamo_metrics.asgi.make_asgi_app(runtime))

For those whose process serves HTTP already. Callbacks run as for a scrape of the status server;
the page is written on a thread, so that the event loop goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from dynamo_metrics import Component, Endpoint, Namespace, Runtime
from dynamo_metrics._http import Request, Response, answer

__all__ = ["make_asgi_app"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


def make_asgi_app(
    node: Runtime | Namespace | Component | Endpoint,
) -> Callable[[_Message, _Receive, _Send], Awaitable[None]]:
    """Return an application that answers GET and HEAD with the metrics of ``node`` and below."""

    async def app(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"this application answers http, not {scope['type']}: mount it there")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        request = Request.of(scope["method"], headers)
        loop = asyncio.get_running_loop()
        response: Response = await loop.run_in_executor(None, answer, node.metrics, request)
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

    return app


async def _lifespan(receive: _Receive, send: _Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

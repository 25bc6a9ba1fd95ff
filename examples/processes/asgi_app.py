"""An ASGI app whose workers share their metrics.

    DYN_METRICS_SHARED_DIR=/tmp/shop-metrics DYN_SYSTEM_PORT=8081 uvicorn --workers 4 asgi_app:app

``/metrics`` of the app itself shows all workers too, whichever of them answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dynamo_metrics import Runtime
from dynamo_metrics.asgi import make_asgi_app

runtime = Runtime()
metrics = runtime.namespace("shop").component("web").endpoint("order").metrics
requests = metrics.create_intcountervec("requests_total", "Requests answered", ["path"])
exposition = make_asgi_app(runtime)


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    """Answer every request."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/metrics":
        await exposition(scope, receive, send)
        return
    requests.inc({"path": scope["path"]})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok\n"})

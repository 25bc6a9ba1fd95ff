"""The exposition as an application of other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamo.asgi import RequestMetricsMiddleware, make_asgi_app
from dynamo.runtime import DistributedRuntime, Endpoint
from dynamo.wsgi import make_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def asgi(runtime: DistributedRuntime, endpoint: Endpoint) -> None:
    make_asgi_app(runtime)
    make_asgi_app(endpoint)
    make_asgi_app(runtime.metrics)  # type: ignore[arg-type]


def middleware(runtime: DistributedRuntime, endpoint: Endpoint) -> None:
    app = RequestMetricsMiddleware(make_asgi_app(runtime), runtime)
    RequestMetricsMiddleware(app, node=endpoint, buckets=[1, 2.5], exclude=["/health"])
    RequestMetricsMiddleware(app, runtime.metrics)  # type: ignore[arg-type]


def wsgi(runtime: DistributedRuntime) -> None:
    app: WSGIApplication = make_wsgi_app(runtime.namespace("a"))
    app({}, lambda *_: lambda _: None)

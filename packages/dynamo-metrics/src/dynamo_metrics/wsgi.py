"""The metrics of a node as a WSGI application.

    DispatcherMiddleware(app, {"/metrics": dynamo_metrics.wsgi.make_wsgi_app(runtime)})

For those whose process serves HTTP already. Callbacks run as for a scrape of the status server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from dynamo_metrics import Component, Endpoint, Namespace, Runtime, _arguments
from dynamo_metrics._http import Request, answer

__all__ = ["make_wsgi_app"]


def make_wsgi_app(
    node: Runtime | Namespace | Component | Endpoint,
) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Return an application that answers GET and HEAD with the metrics of ``node`` and below.

    Raises ``TypeError`` for anything but a node.
    """
    _arguments.check_node(node, "make_wsgi_app()")

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = [
            (name[len("HTTP_") :].replace("_", "-"), value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        query = environ.get("QUERY_STRING", "")
        request = Request.of(environ["REQUEST_METHOD"], query, headers)
        response = answer(node.metrics, request)
        status = HTTPStatus(response.status)
        start_response(f"{status.value} {status.phrase}", response.headers)
        return [response.body]

    return app

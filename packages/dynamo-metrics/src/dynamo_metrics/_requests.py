"""An ASGI middleware that measures HTTP requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from time import perf_counter
from typing import Any

from dynamo_metrics import _arguments
from dynamo_metrics._nodes import Component, Endpoint, Namespace, Runtime
from dynamo_metrics._types import Bounds, Strings

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[Any, Any, Any], Awaitable[None]]

UNMATCHED = "unmatched"
"""The route of requests that no route of the application matches, whatever their path."""

DISCONNECTED = "499"
"""The status of requests whose client went away before there was one, as nginx has it."""

_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)


class RequestMetricsMiddleware:
    """Measures the HTTP requests of an ASGI application by route template, method and status.

        app.add_middleware(RequestMetricsMiddleware, node=runtime)

    The metrics belong to ``node``, whose path completes their names:

    - ``http_requests_total``: requests with an answer, by ``route``, ``method`` and ``status``;
    - ``http_request_duration_seconds``: until the end of the answer's body, by the same labels,
      with ``buckets``, by default those of Prometheus;
    - ``http_requests_in_flight``: by ``method``;
    - ``http_request_size_bytes``, ``http_response_size_bytes``: summaries of the sizes of bodies,
      by ``route`` and ``method``.

    The route is the template, ``/users/{id}``, as Starlette and FastAPI tell it; what matches none
    is ``unmatched``, so that strangers cannot create series. Requests whose path is in ``exclude``,
    by default ``/metrics``, are not measured; these paths are those of the application, without the
    root path below which it is served. With a runtime, the lag of the event loop is sampled.

    Raises ``TypeError`` for anything but a node, and for an ``exclude`` that is one str.
    """

    __module__ = "dynamo_metrics.asgi"

    def __init__(
        self,
        app: _App,
        node: Runtime | Namespace | Component | Endpoint,
        *,
        buckets: Bounds = None,
        exclude: Strings = ("/metrics", "/metrics/"),
    ) -> None:
        _arguments.check_node(node, "RequestMetricsMiddleware()")
        metrics = node.metrics
        by_status = ["route", "method", "status"]
        by_route = ["route", "method"]
        self._app = app
        self._node = node
        paths = [*exclude] if isinstance(exclude, (set, frozenset)) else exclude
        self._exclude = frozenset(_arguments.strings(paths, "exclude"))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requests = metrics.create_intcountervec(
            "http_requests_total", "HTTP requests with an answer", by_status
        )
        self._duration = metrics.create_histogramvec(
            "http_request_duration_seconds",
            "Time from an HTTP request to the end of its answer, in seconds",
            by_status,
            buckets=buckets,
            unit="seconds",
        )
        self._in_flight = metrics.create_intgaugevec(
            "http_requests_in_flight", "HTTP requests without an answer so far", ["method"]
        )
        self._request_size = metrics.create_summaryvec(
            "http_request_size_bytes",
            "Size of the bodies of HTTP requests, in bytes",
            by_route,
            unit="bytes",
        )
        self._response_size = metrics.create_summaryvec(
            "http_response_size_bytes",
            "Size of the bodies of HTTP answers, in bytes",
            by_route,
            unit="bytes",
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the application does."""
        self._watch_loop()
        if scope["type"] != "http" or _path_of(scope, self._app) in self._exclude:
            await self._app(scope, receive, send)
            return
        request, before = _Request(receive, send), dict(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        in_flight = self._in_flight.with_label_values([method])
        in_flight.inc()

        def ended(status: str) -> None:
            in_flight.dec()
            route = _route_of(scope, before, self._app)
            labels = {"route": route, "method": method, "status": status}
            self._requests.inc(labels)
            self._duration.observe(perf_counter() - request.begun, labels)
            by_route = {"route": route, "method": method}
            self._request_size.observe(request.received, by_route)
            self._response_size.observe(request.sent, by_route)

        request.ended = ended
        try:
            await self._app(scope, request.receive, request.send)
        except BaseException as error:
            # The server answers 500 for the application, if the client is still connected.
            request.end("500" if isinstance(error, Exception) else DISCONNECTED)
            raise
        request.end(DISCONNECTED)

    def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop and isinstance(self._node, Runtime):
            self._loop = loop
            self._node.watch_event_loop(loop)


class _Request:
    """One request: what went through in either direction, and whether it has ended."""

    def __init__(self, receive: _Receive, send: _Send) -> None:
        self.begun = perf_counter()
        self.received = 0
        self.sent = 0
        self.ended: Callable[[str], None] | None = None
        self._receive = receive
        self._send = send
        self._status: str | None = None

    async def receive(self) -> _Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body") or b"")
        return message

    async def send(self, message: _Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self._status = str(int(message["status"]))
        elif kind == "http.response.body":
            self.sent += len(message.get("body") or b"")
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body"):
            # What the application does afterwards, such as background tasks, is no answer.
            self.end(DISCONNECTED)

    def end(self, otherwise: str) -> None:
        """Note the end, the first time; ``otherwise`` is the status if none was sent."""
        ended, self.ended = self.ended, None
        if ended is not None:
            ended(self._status or otherwise)


def _path_of(scope: Any, app: Any) -> str:
    """Return the path of a request without the root path, as the routes of ``app`` see it.

    An application made with a root path of its own puts it into the scope when it is called.
    """
    path: str = scope["path"]
    root = (getattr(app, "root_path", None) or scope.get("root_path") or "").rstrip("/")
    return path[len(root) :] if path.startswith(f"{root}/") else path


def _route_of(scope: Any, before: Any, app: Any) -> str:
    """Return the template of the route that was taken.

    ``scope`` is that of the request afterwards, in which routers leave what they found; ``before``
    is a copy from before, ``app`` the application inside the middleware.
    """
    # The root path of the application; a mounted one below it adds its own.
    root = scope.get("app_root_path", scope.get("root_path"))
    if "app_root_path" in before:
        root = before.get("root_path")
    template = getattr(scope.get("route"), "path", None)
    if template is not None and scope.get("root_path") == root:
        return str(template)
    # A mounted application has its own routes, and its own root path without a template.
    routes = getattr(before.get("app", app), "routes", None) or ()
    return _matching(routes, {**before, "root_path": root or ""}) or UNMATCHED


def _matching(routes: Iterable[Any], scope: Any) -> str | None:
    """Return the template of Starlette's route that matches, with those it is mounted below."""
    other_method = None
    for route in routes:
        matches = getattr(route, "matches", None)
        match, child = ("NONE", {}) if matches is None else matches(scope)
        name = getattr(match, "name", match)
        if name == "NONE":
            continue
        template = str(getattr(route, "path", ""))
        below = getattr(route, "routes", None)
        if below:
            found = _matching(below, {**scope, **child})
            if found is not None:
                return f"{template}{found}"
        elif name == "FULL":
            return template
        else:
            other_method = other_method or template
    return other_method

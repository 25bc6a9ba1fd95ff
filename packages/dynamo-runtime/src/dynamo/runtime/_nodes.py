"""The nodes of the hierarchy, with endpoints that can be served and called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import dynamo_metrics
from dynamo.runtime._shared import Shared
from dynamo.runtime._token import CancellationToken

if TYPE_CHECKING:
    import asyncio
    import os
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from typing_extensions import Self

    from dynamo._client import Client
    from dynamo._serving import Labels


class Endpoint(dynamo_metrics.Endpoint):
    """An endpoint of a component, such as ``generate``."""

    __module__ = "dynamo.runtime"
    __slots__ = ()

    _shared: Shared

    async def serve_endpoint(
        self,
        handler: Callable[..., AsyncIterator[Any]],
        graceful_shutdown: bool = True,
        metrics_labels: Labels | None = None,
        health_check_payload: Any = None,
    ) -> None:
        """Answer requests with ``handler`` until SIGTERM, SIGINT or ``runtime.shutdown()``.

        ``handler(request)`` or ``handler(request, context)`` is an async generator function; what
        it yields is the answer. Requests and items are whatever JSON can hold. Each request runs in
        a task of its own and is counted in the ``dynamo_component_*`` metrics, which get
        ``metrics_labels`` in addition. In the drain no new requests are taken; running ones have
        ``DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT`` (30 s) to finish, none without
        ``graceful_shutdown``. Cancelling this stops at once.

        ``/health`` shows the endpoint as ready while it takes requests. With
        ``health_check_payload``, and ``DYN_HEALTH_CHECK_ENABLED`` set, it is ready while the
        handler answers that request, which it gets when it is idle.

        Raises ``TypeError`` for a bad handler, ``MetricsError`` if a metric of your own has the
        name of a built-in one, ``ValueError`` for a bad setting or an endpoint that this runtime
        serves already, ``ConnectionError`` or ``ImportError`` if ``DYN_REQUEST_PLANE`` or
        ``DYN_DISCOVERY_BACKEND`` cannot be used.
        """
        from dynamo._serving import serve

        network = self._shared.network()
        try:
            await serve(
                self,
                self._path,
                network,
                handler,
                graceful_shutdown,
                metrics_labels,
                health_check_payload,
            )
        finally:
            self._shared.on_endpoint_stopped()

    def connection_id(self) -> int:
        """Return the id of this runtime's instances, of all its endpoints: a client sees it too."""
        return self._shared.instance_id

    async def client(self) -> Client:
        """Return a client that sends requests to the workers that serve this endpoint.

        Raises ``ValueError`` for a bad setting, ``ConnectionError`` or ``ImportError`` if
        ``DYN_REQUEST_PLANE`` or ``DYN_DISCOVERY_BACKEND`` cannot be used.
        """
        from dynamo._client import open_client

        namespace, component, name = self._path
        return await open_client((namespace, component, name), self._shared.network())


class Component(dynamo_metrics.Component):
    """A part of a serving system: a frontend, a router, a kind of worker."""

    __module__ = "dynamo.runtime"
    __slots__ = ()

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint of this component; ``ValueError`` if ``name`` is empty."""
        return Endpoint(*self._endpoint(name))

    async def create_service(self) -> None:
        """Do nothing: components need no registration of their own. Dynamo 0.7 did."""


class Namespace(dynamo_metrics.Namespace):
    """A group of components that work together."""

    __module__ = "dynamo.runtime"
    __slots__ = ()

    def namespace(self, name: str) -> Namespace:
        """Return a namespace inside this one; dots in ``name`` separate nested namespaces."""
        return Namespace(*self._namespace(name))

    def component(self, name: str) -> Component:
        """Return a component of this namespace; ``ValueError`` if ``name`` is empty."""
        return Component(*self._component(name))


class DistributedRuntime(dynamo_metrics.Runtime):
    """The root of a tree of metrics, with the status server that exposes them, and of serving.

    Settings come from the environment: ``DYN_SYSTEM_PORT`` enables the server. A second runtime of
    the process with the same fixed port joins the first one's tree; without a fixed port each
    runtime has a tree of its own. The server runs while any node or metric of the tree lives, until
    ``shutdown()`` or the end of the process.

    Settings given here win over the environment: ``dynamo_metrics.Runtime`` has them all. The lag
    of ``event_loop``, if one is given, is sampled. The other positional arguments are those of
    Dynamo's own bindings (``store_kv`` is what 0.7 called ``discovery_backend``); no event loop and
    no server is needed here, so they have no effect.

    All processes with the same ``shared_dir``, or ``DYN_METRICS_SHARED_DIR``, form a group, and a
    scrape of one shows all. ``"auto"`` makes a directory for this process and its children.

    Raises ``ValueError`` for a wrong setting, ``OSError`` with ``errno`` if the port is in use or
    the directory cannot be used.
    """

    __module__ = "dynamo.runtime"
    __slots__ = ()

    _shared: Shared

    def __init__(
        self,
        event_loop: asyncio.AbstractEventLoop | None = None,
        discovery_backend: str | bool | None = None,
        request_plane: str | None = None,
        enable_nats: bool | None = None,
        *,
        store_kv: str | None = None,
        name_style: Literal["hierarchy", "component"] | None = None,
        shared_dir: str | os.PathLike[str] | None = None,
        port: int | None = None,
        host: str | None = None,
        health_path: str | None = None,
        live_path: str | None = None,
        starting_health_status: Literal["ready", "notready"] | None = None,
        callback_timeout: float | None = None,
        max_series: int | None = None,
    ) -> None:
        super().__init__(
            event_loop,
            name_style=name_style,
            shared_dir=shared_dir,
            port=port,
            host=host,
            health_path=health_path,
            live_path=live_path,
            starting_health_status=starting_health_status,
            callback_timeout=callback_timeout,
            max_series=max_series,
        )
        self._shared = Shared(self._native, event_loop)

    def namespace(self, name: str) -> Namespace:
        """Return a namespace: ``"a.b"`` is ``"b"`` inside ``"a"``.

        Raises ``ValueError`` if a part is empty.
        """
        return Namespace(*self._namespace(name))

    def endpoint(self, path: str) -> Endpoint:
        """Return the endpoint of a path such as ``"namespace.component.endpoint"``.

        Dots in front of the last two parts belong to the namespace; ``dyn://`` may stand before.
        Raises ``ValueError`` for anything else.
        """
        parts = path.removeprefix("dyn://").rsplit(".", 2)
        if len(parts) != 3 or not all(parts):
            raise ValueError(
                f"{path!r} is not the path of an endpoint: use namespace.component.endpoint"
            )
        namespace, component, name = parts
        return self.namespace(namespace).component(component).endpoint(name)

    def register_engine_route(self, name: str, handler: Callable[[Any], Any]) -> None:
        """Answer ``POST /engine/<name>`` of the status server with what ``handler`` returns.

        ``handler`` gets what the JSON of the request holds, ``{}`` for an empty body of at most
        1 MiB, and returns what the JSON of the response will hold. A coroutine function runs in the
        event loop that registers it, or in the one that the runtime was made with; a plain function
        runs on a thread of its own. An exception is a response with status 500 and its message. Up
        to 64 calls run at the same time, further ones get 503. A second handler of the same name
        replaces the first.

        Everybody who can reach the port can call it: ``DYN_SYSTEM_WEB_CONFIG`` adds authentication.
        Raises ``ValueError`` for a name that is not a path of letters, digits and ``-._~``,
        ``TypeError`` if ``handler`` cannot be called.
        """
        import asyncio

        from dynamo._serving.engine_routes import responder
        from dynamo_metrics._threads.engine import start_engine

        if not callable(handler):
            raise TypeError(
                f"the handler of engine route {name!r} is {type(handler).__name__}: give a function"
            )
        try:
            loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            loop = self._shared.event_loop
        self._native.register_engine_route(name, responder(handler, loop))
        start_engine()

    def child_token(self) -> CancellationToken:
        """Return a token that is cancelled when this runtime is drained or shut down."""
        return self._shared.token.child_token()

    def shutdown(self) -> None:
        """Stop the status server, within a second, and unregister all callbacks.

        Endpoints that are served are drained first, as on SIGTERM: the server shows their last
        requests. Metrics go on counting, and ``metrics.prometheus_expfmt()`` still renders them.
        """
        self._shared.shutdown()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel the requests in flight, disconnect and shut down."""
        await self._shared.close()

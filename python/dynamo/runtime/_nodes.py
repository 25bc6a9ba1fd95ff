"""The four kinds of nodes, as users hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dynamo import _native
from dynamo.runtime import _threads

if TYPE_CHECKING:
    import asyncio

    from dynamo._native import RuntimeMetrics


class _Node:
    """A place in the hierarchy. Asking twice for the same place gives equal nodes."""

    __slots__ = ("__weakref__", "_name", "_native")

    def __init__(self, native: _native.Node, name: str) -> None:
        self._native = native
        self._name = name

    @property
    def metrics(self) -> RuntimeMetrics:
        """The metrics of this node: create them, register callbacks, render them."""
        return self._native.metrics

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Node):
            return self._native == other._native
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._native)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"


class Endpoint(_Node):
    """Something that a component serves, like ``generate``."""

    __module__ = "dynamo.runtime"
    __slots__ = ()

    def set_health_status(self, status: Literal["ready", "notready"]) -> None:
        """Say what ``/health`` shows of this endpoint: ``"ready"`` or ``"notready"``.

        Once an endpoint has reported, ``/health`` is ready when all that have are.

        Raises ``ValueError`` for any other word.
        """
        self._native.set_health_status(status)


class Component(_Node):
    """A part of a serving system: a frontend, a router, a kind of worker."""

    __module__ = "dynamo.runtime"
    __slots__ = ()

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint of this component; ``ValueError`` if ``name`` is empty."""
        return Endpoint(self._native.endpoint(name), f"{self._name}/{name}")

    async def create_service(self) -> None:
        """Do nothing: components need no registration of their own. Dynamo 0.7 did."""


class Namespace(_Node):
    """Groups the components that work together."""

    __module__ = "dynamo.runtime"
    __slots__ = ()

    def namespace(self, name: str) -> Namespace:
        """Return a namespace inside this one; dots in ``name`` go further down."""
        return Namespace(self._native.namespace(name), f"{self._name}.{name}")

    def component(self, name: str) -> Component:
        """Return a component of this namespace; ``ValueError`` if ``name`` is empty."""
        return Component(self._native.component(name), f"{self._name}/{name}")


class DistributedRuntime(_Node):
    """The root of a tree of metrics, with the status server that shows them.

    Settings come from the environment: ``DYN_SYSTEM_PORT`` switches the server on. A second
    runtime of the process with the same fixed port joins the first one's tree. The server runs
    while any node or metric of the tree lives, until ``shutdown()`` or the end of the process.

    ``name_style`` is ``"hierarchy"`` (the default) or ``"component"`` and wins over
    ``DYN_METRICS_NAME_STYLE``. The other arguments are those of Dynamo's own bindings; no event
    loop and no server is needed here, so they have no effect.

    Raises ``ValueError`` for a wrong setting, ``OSError`` with ``errno`` if the port is taken.
    """

    __module__ = "dynamo.runtime"
    __slots__ = ("_event_loop",)

    def __init__(
        self,
        event_loop: asyncio.AbstractEventLoop | None = None,
        discovery_backend: str | bool | None = None,
        request_plane: str | None = None,
        enable_nats: bool | None = None,
        *,
        name_style: Literal["hierarchy", "component"] | None = None,
    ) -> None:
        super().__init__(_native.Node.runtime(name_style=name_style), "runtime")
        self._event_loop = event_loop
        if self.system_status_address is not None:
            _threads.start_log()

    def namespace(self, name: str) -> Namespace:
        """Return a namespace: ``"a.b"`` is ``"b"`` inside ``"a"``.

        Raises ``ValueError`` if a part is empty.
        """
        return Namespace(self._native.namespace(name), name)

    @property
    def system_status_address(self) -> str | None:
        """Where the status server listens, ``"host:port"`` with the real port; None if off."""
        return self._native.system_status_address

    def set_health_status(self, status: Literal["ready", "notready"]) -> None:
        """Say what ``/health`` shows while no endpoint reports: ``"ready"`` or ``"notready"``.

        Raises ``ValueError`` for any other word.
        """
        self._native.set_health_status(status)

    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the event loop the runtime was made with, if any."""
        return self._event_loop

    def shutdown(self) -> None:
        """Stop the status server, within a second, and forget all callbacks.

        Metrics go on counting, and ``metrics.prometheus_expfmt()`` still renders them.
        """
        self._native.shutdown()

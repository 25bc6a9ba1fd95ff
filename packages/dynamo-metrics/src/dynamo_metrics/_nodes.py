"""The nodes of the hierarchy: runtime, namespace, component, endpoint."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

# All that is needed after start-up is imported now: CPython before 3.13 crashes when it finalises
# while a thread imports.
from dynamo_metrics import (
    _arguments,
    _native,
    _process,
    _sampling,
    _settings,
    _shared,
    _traces,
)
from dynamo_metrics._runtime_metrics import RuntimeMetrics
from dynamo_metrics._threads.callbacks import start_callbacks
from dynamo_metrics._threads.log import start_log

if TYPE_CHECKING:
    import asyncio
    import os
    from collections.abc import Callable

    from dynamo_metrics.push import Push


class Node:
    """A node of the hierarchy. Asking twice for the same path gives equal nodes."""

    __slots__ = ("__weakref__", "_native", "_path", "_shared")

    def __init__(
        self, native: _native.Node, path: tuple[str, ...] = (), shared: object = None
    ) -> None:
        self._native = native
        self._path = path
        # What a subclass of Runtime shares with all nodes below it; nothing in this package.
        self._shared = shared

    @property
    def metrics(self) -> RuntimeMetrics:
        """The metrics of this node: create them, register callbacks, render them."""
        return RuntimeMetrics(self._native)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Node):
            return self._native == other._native
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._native)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'/'.join(self._path) or 'runtime'}>"

    def _endpoint(self, name: str) -> tuple[_native.Node, tuple[str, ...], object]:
        name = _arguments.path_part(name, "endpoint")
        return self._native.endpoint(name), (*self._path, name), self._shared

    def _component(self, name: str) -> tuple[_native.Node, tuple[str, ...], object]:
        name = _arguments.path_part(name, "component")
        return self._native.component(name), (*self._path, name), self._shared

    def _namespace(self, name: str) -> tuple[_native.Node, tuple[str, ...], object]:
        name = _arguments.namespace(name)
        return self._native.namespace(name), (".".join((*self._path, name)),), self._shared


class Endpoint(Node):
    """An endpoint of a component, such as ``generate``."""

    __module__ = "dynamo_metrics"
    __slots__ = ()

    def set_health_status(self, status: Literal["ready", "notready"]) -> None:
        """Set what ``/health`` shows for this endpoint: ``"ready"`` or ``"notready"``.

        Once an endpoint has reported, ``/health`` is ready when all that have are.

        Raises ``ValueError`` for any other word.
        """
        self._native.set_health_status(_arguments.text(status, "health status"))

    def clear_health_status(self) -> None:
        """Remove the endpoint from ``/health``: it is no longer served."""
        self._native.clear_health_status()


class Component(Node):
    """A part of a serving system: a frontend, a router, a kind of worker."""

    __module__ = "dynamo_metrics"
    __slots__ = ()

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint of this component; ``ValueError`` if ``name`` is empty."""
        return Endpoint(*self._endpoint(name))


class Namespace(Node):
    """A group of components that work together."""

    __module__ = "dynamo_metrics"
    __slots__ = ()

    def namespace(self, name: str) -> Namespace:
        """Return a namespace inside this one; dots in ``name`` separate nested namespaces."""
        return Namespace(*self._namespace(name))

    def component(self, name: str) -> Component:
        """Return a component of this namespace; ``ValueError`` if ``name`` is empty."""
        return Component(*self._component(name))


class Runtime(Node):
    """The root of a tree of metrics, with the status server that exposes them.

    Settings come from the environment: ``DYN_SYSTEM_PORT`` enables the server. A second runtime of
    the process with the same fixed port joins the first one's tree; without a fixed port each
    runtime has a tree of its own. The server runs while any node or metric of the tree lives, until
    ``shutdown()`` or the end of the process.

    Settings given here win over the environment: ``port`` over ``DYN_SYSTEM_PORT`` (-1 is off, 0 a
    free port), ``host``, ``health_path`` and ``live_path`` over the ``DYN_SYSTEM_*`` variables of
    these names, ``starting_health_status`` (``"ready"`` or ``"notready"``) over
    ``DYN_SYSTEM_STARTING_HEALTH_STATUS``, ``callback_timeout`` (seconds) and ``max_series`` over
    ``DYN_METRICS_CALLBACK_TIMEOUT`` and ``DYN_METRICS_MAX_SERIES``, ``name_style``
    (``"hierarchy"``, the default, or ``"component"``) over ``DYN_METRICS_NAME_STYLE``. The lag of
    ``event_loop``, if one is given, is sampled.

    All processes with the same ``shared_dir``, or ``DYN_METRICS_SHARED_DIR``, form a group, and a
    scrape of one shows all: see docs/processes.md. ``"auto"`` makes a directory for this process
    and its children.

    Raises ``ValueError`` for a wrong setting, ``TypeError`` for one of the wrong type, ``OSError``
    with ``errno`` if the port is in use or the directory cannot be used.
    """

    __module__ = "dynamo_metrics"
    __slots__ = ("_before_rendering", "_event_loop")

    def __init__(
        self,
        event_loop: asyncio.AbstractEventLoop | None = None,
        *,
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
        if not (event_loop is None or _is_event_loop(event_loop)):
            raise TypeError(
                f"{type(self).__name__}({_arguments.shown(event_loop)}): the first argument is an "
                "event loop; settings have names, as in port=8081"
            )
        settings = _settings.in_code(
            port=port,
            host=host,
            health_path=health_path,
            live_path=live_path,
            starting_health_status=starting_health_status,
            callback_timeout=callback_timeout,
            max_series=max_series,
            name_style=name_style,
        )
        shows_process = _settings.PROCESS_METRICS.read()
        _traces.install_if_asked()
        directory = _shared.directory(shared_dir)
        if shared_dir is not None and directory is not None:
            settings.append(("shared_dir", _shared.VARIABLE, directory))
        super().__init__(_native.Node.runtime(settings=settings))
        self._event_loop = event_loop
        self._before_rendering: Callable[[], None] | None = None
        if shows_process:
            self._show_process()
        if directory is not None:
            start_log()
            _shared.when_forked(start_log)
            _shared.when_forked(start_callbacks)
        elif self.system_status_address is not None:
            start_log()
            _shared.mark_port(self.system_status_address)
        if _settings.METRICS_EXPORTER.read():
            self._start_push()

    @property
    def metrics(self) -> RuntimeMetrics:
        """The metrics of the runtime and, when rendered, of all nodes below it."""
        return RuntimeMetrics(self._native, self._before_rendering)

    def _start_push(self) -> None:
        from dynamo_metrics.push._exporter import start_if_asked

        start_if_asked(self.push)

    def _show_process(self) -> None:
        """Expose the metrics of the process; sample those that a scrape must not wait for."""
        _process.expose_on(self._native)
        self._before_rendering = _process.refresh
        is_shared = self.shared_dir is not None
        if is_shared or self.system_status_address is not None:
            _sampling.start(self._native)
            if is_shared:
                _shared.when_forked(_sampling.resume)
            if self._event_loop is not None:
                _sampling.watch_loop(self._event_loop)

    @property
    def push(self) -> Push:
        """The OTLP export of all metrics of the runtime: start it, flush it, stop it."""
        from dynamo_metrics.push import Push

        return Push(self._native, self.metrics._prepare_rendering)

    def namespace(self, name: str) -> Namespace:
        """Return a namespace: ``"a.b"`` is ``"b"`` inside ``"a"``.

        Raises ``ValueError`` if a part is empty.
        """
        return Namespace(*self._namespace(name))

    @property
    def system_status_address(self) -> str | None:
        """Where the status server listens, ``"host:port"`` with the real port; None if off."""
        return self._native.system_status_address

    @property
    def system_status_url(self) -> str | None:
        """``"http://host:port"`` or, with TLS, ``https``; None if off or on a Unix socket."""
        address = self.system_status_address
        if address is None or address.startswith("unix:"):
            return None
        return f"{self._native.system_status_scheme}://{address}"

    @property
    def shared_dir(self) -> str | None:
        """The directory in which this process shares its metrics; None if it does not."""
        directory = self._native.shared_dir
        return None if directory is None else str(directory)

    @property
    def process_number(self) -> int | None:
        """The value of the label ``dynamo_process`` for this process; None without a directory."""
        return self._native.process_number

    def set_health_status(self, status: Literal["ready", "notready"]) -> None:
        """Set what ``/health`` shows while no endpoint reports: ``"ready"`` or ``"notready"``.

        Raises ``ValueError`` for any other word.
        """
        self._native.set_health_status(_arguments.text(status, "health status"))

    def watch_event_loop(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Sample from now on how late an event loop runs its calls, by default the running one.

        For loops that others run, such as those of uvicorn. The samples are
        ``dynamo_runtime_event_loop_lag_seconds`` of this runtime. Nothing is sampled with
        ``DYN_METRICS_PROCESS=0``.

        Raises ``RuntimeError`` if no loop is given and none runs in this thread, ``TypeError`` if
        ``loop`` is not an event loop, ``MetricsError`` if a metric of your own has the name of a
        sampled one.
        """
        if loop is None:
            import asyncio

            loop = asyncio.get_running_loop()
        elif not _is_event_loop(loop):
            raise _arguments.wrong_type(loop, "loop", "an event loop of asyncio")
        if _settings.PROCESS_METRICS.read():
            _sampling.start(self._native)
            _sampling.watch_loop(loop)

    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the event loop the runtime was created with, if any."""
        return self._event_loop

    def shutdown(self) -> None:
        """Stop the status server, within a second, and unregister all callbacks.

        Metrics go on counting, and ``metrics.prometheus_expfmt()`` still renders them. What is
        pushed is exported once more, within a second.
        """
        shut_down(self._native)


def shut_down(root: _native.Node) -> None:
    """End a runtime: export once more what is pushed, stop the status server, drop callbacks."""
    push = sys.modules.get("dynamo_metrics.push._exporter")
    if push is not None:
        push.stop(root)
    root.shutdown()


def _is_event_loop(value: object) -> bool:
    """Say whether ``value`` has the methods of an event loop, without importing asyncio."""
    return hasattr(value, "call_soon_threadsafe") and not isinstance(value, type)

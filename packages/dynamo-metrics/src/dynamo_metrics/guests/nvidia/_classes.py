"""Dynamo's own classes, given the API of the metrics guide."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dynamo_metrics
from dynamo_metrics.guests.nvidia._exposition import PACKAGE, TESTED, metrics_of, parts_of

if TYPE_CHECKING:
    from dynamo_metrics import RuntimeMetrics

_TYPES = "dynamo.prometheus_metrics"
"""The module that the guide names for annotations; Dynamo has only a stub of it."""

_OWN = ("register_prometheus_expfmt_callback", "register_prometheus_typed_callback")

_lock = threading.Lock()
_installed: Installation | None = None
_loop: asyncio.AbstractEventLoop | None = None


def install() -> Installation:
    """Give the classes of ai-dynamo-runtime 1.x the API of the metrics guide.

    ``DistributedRuntime`` gets ``namespace()``, ``metrics`` and defaults for its arguments,
    ``Endpoint.metrics`` gets ``create_*()``. Call it before endpoints are made; names that were
    imported before are replaced. Calling it again does nothing.

    Returns a handle with ``uninstall()``. Raises ``ImportError`` without ai-dynamo-runtime,
    ``RuntimeError`` for a release whose classes differ.
    """
    global _installed
    with _lock:
        if _installed is None:
            _installed = Installation(*_classes())
        return _installed


def _classes() -> tuple[Any, Any]:
    try:
        core = importlib.import_module("dynamo._core")
    except ImportError as error:
        raise ImportError(
            f"install() needs {PACKAGE}: pip install {PACKAGE}=={TESTED}.*"
        ) from error
    runtime = getattr(core, "DistributedRuntime", None)
    endpoint = getattr(core, "Endpoint", None)
    if not isinstance(endpoint, type) or not hasattr(runtime, "endpoint"):
        raise RuntimeError(
            f"install() changes the classes of {PACKAGE} 1.x (tested with {TESTED}), and those of "
            f"{core.__file__} differ: use dynamo_metrics.attach(), or a release that is tested"
        )
    return runtime, endpoint


class Installation:
    """What ``install()`` changed."""

    def __init__(self, runtime: Any, endpoint: Any) -> None:
        self._before = [
            (owner, name, vars(owner).get(name))
            for owner, name in (
                (runtime, "endpoint"),
                (runtime, "namespace"),
                (runtime, "metrics"),
                (endpoint, "metrics"),
            )
        ]
        self._runtime = runtime
        # Endpoints take no attributes and no weak references: each is kept, one for each path.
        self._endpoints: dict[tuple[int, str], Any] = {}
        self._nodes: dict[int, tuple[Any, str]] = {}
        make, own_metrics = runtime.endpoint, endpoint.metrics

        def endpoint_of(self_: Any, path: str) -> Any:
            return self._endpoint(self_, make(self_, path), path)

        endpoint_of.__name__, endpoint_of.__doc__ = "endpoint", make.__doc__
        runtime.endpoint = endpoint_of
        runtime.namespace = lambda self_, name: Namespace(self_, name)
        runtime.metrics = property(lambda self_: metrics_of(self_, ()))
        endpoint.metrics = property(
            lambda self_: EndpointMetrics(
                own_metrics.__get__(self_), *self._nodes.get(id(self_), (None, None))
            )
        )
        self._facade = _facade(runtime)
        _replace(runtime, self._facade)
        self._types = _add_types()

    def uninstall(self) -> None:
        """Put everything back. Metrics that were created stay, and are shown."""
        global _installed
        with _lock:
            if _installed is not self:
                return
            for owner, name, before in self._before:
                if before is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, before)
            _replace(self._facade, self._runtime)
            if self._types is not None and sys.modules.get(_TYPES) is self._types:
                del sys.modules[_TYPES]
            _installed = None

    def _endpoint(self, runtime: Any, made: Any, path: str) -> Any:
        path = path.removeprefix("dyn://")
        endpoint = self._endpoints.setdefault((made.connection_id(), path), made)
        self._nodes[id(endpoint)] = runtime, path
        return endpoint


class Namespace:
    """A namespace of a Dynamo runtime."""

    __slots__ = ("_name", "_runtime")

    def __init__(self, runtime: Any, name: str) -> None:
        self._runtime = runtime
        self._name = name

    def namespace(self, name: str) -> Namespace:
        """Return a namespace inside this one."""
        return Namespace(self._runtime, f"{self._name}.{name}")

    def component(self, name: str) -> Component:
        """Return a component of this namespace."""
        return Component(self._runtime, self._name, name)

    @property
    def metrics(self) -> RuntimeMetrics:
        """The metrics of this namespace."""
        return metrics_of(self._runtime, (self._name,))


class Component:
    """A component of a Dynamo runtime."""

    __slots__ = ("_name", "_namespace", "_runtime")

    def __init__(self, runtime: Any, namespace: str, name: str) -> None:
        self._runtime = runtime
        self._namespace = namespace
        self._name = name

    def endpoint(self, name: str) -> Any:
        """Return an endpoint of this component: Dynamo's own ``Endpoint``."""
        return self._runtime.endpoint(f"{self._namespace}.{self._name}.{name}")

    @property
    def metrics(self) -> RuntimeMetrics:
        """The metrics of this component."""
        return metrics_of(self._runtime, (self._namespace, self._name))


class EndpointMetrics:
    """The guide's ``metrics`` of an endpoint, with the two methods that Dynamo's own has."""

    __slots__ = ("_path", "_runtime", "_theirs")

    def __init__(self, theirs: Any, runtime: Any, path: str | None) -> None:
        self._theirs = theirs
        self._runtime = runtime
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name in _OWN or not hasattr(dynamo_metrics.RuntimeMetrics, name):
            return getattr(self._theirs, name)
        if self._path is None:
            raise RuntimeError(
                f"metrics.{name} needs to know the endpoint's path, and the endpoint was made "
                "before dynamo_metrics.install(): ask the runtime for it again, or use "
                "dynamo_metrics.attach(endpoint, path)"
            )
        return getattr(metrics_of(self._runtime, parts_of(self._path)), name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(dynamo_metrics.RuntimeMetrics), *dir(self._theirs)})


def _facade(runtime: Any) -> type:
    """Return what stands for the class where it is called: its arguments have defaults.

    ``__new__`` of a native class cannot be replaced and still be called, and the class has no
    subclasses.
    """

    class Facade(type):
        def __call__(
            cls,
            event_loop: asyncio.AbstractEventLoop | None = None,
            discovery_backend: str | None = None,
            request_plane: str | None = None,
            *args: Any,
            **options: Any,
        ) -> Any:
            return runtime(
                _running_loop() if event_loop is None else event_loop,
                discovery_backend or os.environ.get("DYN_DISCOVERY_BACKEND") or "mem",
                request_plane or os.environ.get("DYN_REQUEST_PLANE") or "tcp",
                *args,
                **options,
            )

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, runtime)

        def __getattr__(cls, name: str) -> Any:
            return getattr(runtime, name)

        def __dir__(cls) -> list[str]:
            return dir(runtime)

    return Facade(
        "DistributedRuntime", (), {"__doc__": runtime.__doc__, "__module__": "dynamo._core"}
    )


def _running_loop() -> asyncio.AbstractEventLoop:
    """Return the running loop, or else one that runs in a thread, the same at each call."""
    global _loop
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="dynamo-loop", daemon=True).start()
        return _loop


def _replace(old: object, new: object) -> None:
    """Replace an object in all modules that have it under some name."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None) or {}
        for name, value in list(names.items()):
            if value is old and isinstance(module, ModuleType) and not _is_ours(module):
                setattr(module, name, new)


def _is_ours(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] == "dynamo_metrics"


def _add_types() -> ModuleType | None:
    """Make the guide's ``dynamo.prometheus_metrics`` importable, if nothing of that name is."""
    try:
        importlib.import_module(_TYPES)
    except ImportError:
        module = ModuleType(_TYPES, "The types of metrics, from dynamo_metrics.")
        names = [name for name in dynamo_metrics.__all__ if name not in _NODES]
        vars(module).update({name: getattr(dynamo_metrics, name) for name in names}, __all__=names)
        sys.modules[_TYPES] = module
        return module
    return None


_NODES = {"Component", "Endpoint", "Namespace", "Runtime", "as_collector", "attach", "install"}

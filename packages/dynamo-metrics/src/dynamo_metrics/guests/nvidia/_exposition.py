"""One tree of metrics for each Dynamo runtime, on that runtime's ``/metrics`` and OTLP export."""

from __future__ import annotations

import atexit
import logging
import threading
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dynamo_metrics import _native
from dynamo_metrics._runtime_metrics import RuntimeMetrics
from dynamo_metrics._threads.log import start_log
from dynamo_metrics.guests._families import Reader
from dynamo_metrics.guests.nvidia import _names

PACKAGE = "ai-dynamo-runtime"
TESTED = "1.6"

_DOOR = "dynamo_metrics.dynamo_metrics.exposition"
"""An endpoint that is asked for to register callbacks, and never served."""

_log = logging.getLogger("dynamo.runtime")
_lock = threading.Lock()
_trees: dict[int, _Tree] = {}

_Typed = list[
    tuple[str, str, str, str, list[tuple[str, list[tuple[str, str]], float, float | None]]]
]


def attach(endpoint: Any, path: str) -> RuntimeMetrics:
    """Return the ``metrics`` of a node, exposed on ``/metrics`` of Dynamo's own status server.

    ``endpoint`` is an ``Endpoint`` or ``DistributedRuntime`` of ai-dynamo-runtime 1.x. ``path``
    names the node: ``"ns.comp.ep"``, as in ``runtime.endpoint()``, is an endpoint, ``"ns.comp"`` a
    component, ``"ns"`` a namespace, ``""`` the runtime. Attaching again returns the metrics of the
    same node and registers nothing.

    Raises ``TypeError`` for an ``endpoint`` of another kind, ``ValueError`` for a path that names
    no node, ``RuntimeError`` for a release of Dynamo that exposes no metrics of others.
    """
    return metrics_of(endpoint, parts_of(path))


def parts_of(path: str) -> tuple[str, ...]:
    """Return the names of a namespace, component and endpoint that a path has."""
    if not isinstance(path, str):
        raise TypeError(f"a path is a str such as 'ns.comp.ep', not {type(path).__name__}")
    bare = path.removeprefix("dyn://")
    parts = tuple(bare.split(".")) if bare else ()
    if len(parts) > 3 or not all(parts):
        raise ValueError(
            f"path {path!r} names no node: use 'namespace.component.endpoint', the first one or "
            "two of them, or '' for the runtime"
        )
    return parts


def metrics_of(door: Any, parts: tuple[str, ...]) -> RuntimeMetrics:
    """Return the metrics of a node in the tree of the runtime that ``door`` belongs to."""
    runtime = door if callable(getattr(door, "endpoint", None)) else None
    endpoint = door if runtime is None else runtime.endpoint(_DOOR)
    try:
        connection = endpoint.connection_id()
        theirs = endpoint.metrics
    except AttributeError:
        raise TypeError(
            f"an Endpoint or DistributedRuntime of {PACKAGE} 1.x is needed, not "
            f"{type(door).__name__}"
        ) from None
    with _lock:
        tree = _trees.get(connection)
        if tree is None:
            tree = _trees[connection] = _Tree(theirs, runtime)
        if runtime is not None:
            tree.shut_down_at_exit(runtime)
    return tree.metrics(parts)


class _Tree:
    """The metrics of one Dynamo runtime.

    Dynamo appends what each text callback returns to its own exposition. So there is one for the
    whole tree, which writes each family once.
    """

    def __init__(self, theirs: Any, runtime: Any) -> None:
        show = getattr(theirs, "register_prometheus_expfmt_callback", None)
        if show is None:
            raise RuntimeError(
                f"{PACKAGE} {_release()} has no register_prometheus_expfmt_callback, by which it "
                f"exposes metrics: install {PACKAGE}=={TESTED}.*, or use dynamo_metrics.Runtime() "
                "with a port of its own"
            )
        if not _release().startswith(f"{TESTED}."):
            _log.warning(f"{PACKAGE} {_release()} is not tested with dynamo-metrics; {TESTED} is")
        url = _names.status_server() if runtime is None else runtime.system_status_server_url()
        names = _names.reserved(url)
        self._root = _native.Node.runtime(serve=False)
        self._root.reserve(names, _names.REASON)
        self._reserved = set(names)
        self._metrics = RuntimeMetrics(self._root)
        self._reader = Reader(self._metrics)
        self._left_out = {_names.UPTIME}
        self._ends_at_exit = False
        start_log()
        show(self._text)
        export = getattr(theirs, "register_prometheus_typed_callback", None)
        if export is None:
            _log.warning(
                f"{PACKAGE} {_release()} has no register_prometheus_typed_callback: metrics are on "
                "/metrics and not in its OTLP export"
            )
        else:
            export(self._typed)

    def shut_down_at_exit(self, runtime: Any) -> None:
        """Stop Dynamo's server before the interpreter finalises.

        It takes the GIL for each scrape, and CPython before 3.14 aborts the process then.
        """
        if not self._ends_at_exit:
            self._ends_at_exit = True
            atexit.register(runtime.shutdown)

    def metrics(self, parts: tuple[str, ...]) -> RuntimeMetrics:
        """Return the metrics of a node: of the runtime, if there are no parts."""
        node = self._root
        for part, descend in zip(parts, ("namespace", "component", "endpoint"), strict=False):
            node = getattr(node, descend)(part)
        return RuntimeMetrics(node)

    def _text(self) -> str:
        """Return what Dynamo appends to its exposition. Called by a thread of Dynamo."""
        start = "# HELP "
        text = self._metrics.prometheus_expfmt().removeprefix(start)
        # Line breaks in labels are escaped: no sample contains what a family begins with.
        families = text.split(f"\n{start}") if text else []
        shown = [family for family in families if self._is_shown(family[: family.index(" ")])]
        return start + f"\n{start}".join(shown).rstrip("\n") + "\n" if shown else ""

    def _typed(self) -> _Typed:
        """Return what Dynamo exports by OTLP. Called by a thread of Dynamo."""
        counters = {name for name, kind, _ in self._metrics._families() if kind == "counter"}
        return [
            (
                family.exposed_name,
                family.description,
                "counter" if family.name in counters else family.type,
                family.unit,
                [
                    (sample.name, list(sample.labels), sample.value, sample.timestamp)
                    for sample in family.samples
                    if sample.name != f"{family.name}_created"
                ],
            )
            for family in self._reader.read()
            if self._is_shown(family.exposed_name)
        ]

    def _is_shown(self, name: str) -> bool:
        """Whether Dynamo has no family of this name; external expositions may bring one."""
        if name not in self._reserved:
            return True
        if name not in self._left_out:
            self._left_out.add(name)
            _log.warning(f"metric {name!r} of an external exposition is left out: {_names.REASON}")
        return False


def _release() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "(unknown)"

"""Our metrics in a registry of ``prometheus_client``, as one collector among others.

    REGISTRY.register(dynamo_metrics.as_collector(runtime))

Whatever exposes the registry then shows them: a FastAPI app, vLLM's API server, Ray Serve. A
scrape of the registry runs callbacks as a scrape of the status server does.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

try:
    from prometheus_client.core import Exemplar, Metric, Sample
    from prometheus_client.registry import Collector, CollectorRegistry
except ImportError as error:
    raise ImportError(
        "as_collector() needs prometheus_client: pip install 'dynamo-metrics[prometheus]'"
    ) from error

from dynamo_metrics import _collector
from dynamo_metrics.guests._families import Family, Reader

if TYPE_CHECKING:
    from dynamo_metrics import RuntimeMetrics

_log = logging.getLogger("dynamo.runtime")

_OF_THE_PROCESS = ("process_", "python_")
"""What prometheus_client's own collectors show."""

_SUFFIXES = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "summary": ("_sum", "_count", "_created"),
}
"""What a registry adds to the names of families to know those of their samples."""


class _HasMetrics(Protocol):
    @property
    def metrics(self) -> RuntimeMetrics: ...


def as_collector(node: _HasMetrics | RuntimeMetrics) -> Collector:
    """Return a collector of the metrics of ``node`` and below, for any ``CollectorRegistry``.

    ``node`` is a runtime, namespace, component or endpoint, or the ``metrics`` of one. Names are
    those that ``name()`` returns; characters outside ``[a-zA-Z0-9_:]`` become underscores, and of
    two families that get one name one is left out. A counter whose name does not end in ``_total``
    is of type ``unknown``, for which ``prometheus_client`` adds no suffix. ``process_*`` and
    ``python_*`` are left out: ``prometheus_client`` has collectors for them.

    ``registry.register()`` raises ``ValueError`` if the registry has one of the names already. A
    metric that is created later and has such a name is left out and logged once.

    Raises ``TypeError`` for anything without metrics; ``ImportError`` without
    ``prometheus_client``.
    """
    metrics: Any = node if hasattr(node, "exposition") else getattr(node, "metrics", None)
    if not hasattr(metrics, "exposition"):
        raise TypeError(
            f"as_collector() takes a runtime, namespace, component or endpoint, or its metrics, "
            f"not {type(node).__name__}"
        )
    return _NodeCollector(metrics)


class _NodeCollector(Collector):
    """The collector of one node. It may be registered in several registries."""

    def __init__(self, metrics: RuntimeMetrics) -> None:
        self._metrics = metrics
        self._reader = Reader(metrics)
        self._names: WeakKeyDictionary[CollectorRegistry, set[tuple[str, str]]]
        self._names = WeakKeyDictionary()
        self._refused: set[str] = set()

    def describe(self) -> Iterable[Metric]:
        """Return the families that exist, for the registry to compare their names."""
        described = [
            Metric(*_in_openmetrics(name, kind, description))
            for name, kind, description in self._metrics._families()
            if not name.startswith(_OF_THE_PROCESS)
        ]
        registry = _calling_registry()
        if registry is not None:
            self._names[registry] = {(metric.name, metric.type) for metric in described}
            _collector.shown.setdefault(registry, set())
        return described

    def collect(self) -> Iterable[Metric]:
        """Run the callbacks and return the families that have series."""
        registry = _calling_registry()
        if _collector.is_collecting_for(self._metrics._tree_id()):
            return []  # register_collector() of the same tree asks for what others have there
        return [
            _metric(family)
            for family in self._reader.read()
            if not family.name.startswith(_OF_THE_PROCESS)
            and (registry is None or self._may_show(family, registry))
        ]

    def _may_show(self, family: Family, registry: CollectorRegistry) -> bool:
        """Return whether no other collector has the name; then others are refused it from now on.

        A registry compares names when a collector is registered and has no call for those that
        come later: they are entered here where ``register()`` enters them.
        """
        names = self._names.setdefault(registry, set())
        if (family.name, family.type) in names:
            return True
        if family.exposed_name in _collector.shown.get(registry, ()):
            return False  # it came from this registry, by register_collector()
        exposed = [family.name, *(family.name + end for end in _SUFFIXES.get(family.type, ()))]
        with registry._lock:
            owners = registry._names_to_collectors
            taken = [name for name in exposed if owners.get(name, self) is not self]
            if not taken and self in registry._collector_to_names:
                new = [name for name in exposed if name not in owners]
                owners.update(dict.fromkeys(new, self))
                registry._collector_to_names[self].extend(new)
        if not taken:
            names.add((family.name, family.type))
        elif family.name not in self._refused:
            self._refused.add(family.name)
            _log.warning(
                f"metric {family.exposed_name!r} is left out of a registry of prometheus_client, "
                f"where another collector has the name {taken[0]!r}: use another name"
            )
        return not taken


def _calling_registry() -> CollectorRegistry | None:
    """Return the registry whose method called the collector's; it does not pass itself."""
    frame = sys._getframe(2)
    registry = frame.f_locals.get("self")
    if not isinstance(registry, CollectorRegistry):
        # register_collector() asks each collector of a registry by itself.
        registry = _collector.collected_registry()
    return registry if isinstance(registry, CollectorRegistry) else None


def _in_openmetrics(name: str, kind: str, description: str) -> tuple[str, str, str]:
    if kind != "counter":
        return name, description, kind
    base = name.removesuffix("_total")
    return (base, description, "counter") if base != name else (name, description, "unknown")


def _metric(family: Family) -> Metric:
    name, kind, description, unit, samples = family
    # Metric appends a unit that the name does not end in; ours do, those of others need not.
    unit = unit if unit and name.endswith(f"_{unit}") else ""
    metric = Metric(name, description, kind, unit)
    metric.samples = [
        Sample(
            sample.name,
            dict(sample.labels),
            sample.value,
            sample.timestamp,
            Exemplar(dict(sample.exemplar.labels), *sample.exemplar[1:])
            if sample.exemplar
            else None,
        )
        for sample in samples
    ]
    return metric

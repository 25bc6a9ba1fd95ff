"""Registries of ``prometheus_client``, as text.

The text keeps what ``generate_latest()`` loses: names of any characters, exemplars, the families of
the other collectors when one collector raises, and the other samples when one cannot be written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from dynamo_metrics._threads.callbacks import PartialExpositionError

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.samples import Exemplar, Sample

_TYPES = {"unknown": "untyped", "info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram"}
"""The types of OpenMetrics that Prometheus' text format has under another name."""

_ENDINGS = {"counter": "_total", "info": "_info"}
"""What the samples of a type add to the name of their family."""

_GAUGES = ("_created", "_gcount", "_gsum")
"""The endings of samples of OpenMetrics that are gauges of their own in Prometheus' text format."""

_running = threading.local()

shown: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""The families that a registry showed last, by registry."""


def exposition_of(registry: Any, tree: int) -> Callable[[], str]:
    """Return a function that writes what ``registry`` holds then, in the text format.

    Any collector will do, and a ``CollectorRegistry`` with a ``MultiProcessCollector`` as well.
    ``tree`` is the ``tree_id`` of the metrics among which it is shown.

    Raises ``TypeError`` if it is none; ``ImportError`` without ``prometheus_client``.
    """
    if not callable(getattr(registry, "collect", None)):
        raise TypeError(
            f"a registry or collector of prometheus_client is needed, {type(registry).__name__} "
            "has no collect(): pass prometheus_client.REGISTRY, for example"
        )
    try:
        import prometheus_client  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "register_collector() needs prometheus_client: pip install 'dynamo-metrics[prometheus]'"
        ) from error

    def exposition() -> str:
        _running.tree, _running.registry = tree, registry
        try:
            return _write(registry)
        finally:
            _running.tree = _running.registry = None

    exposition.__qualname__ = f"register_collector({registry!r})"
    return exposition


def is_collecting_for(tree: int) -> bool:
    """Whether this thread writes a registry for the metrics of this ``tree_id``."""
    return getattr(_running, "tree", None) == tree


def collected_registry() -> Any:
    """Return the registry that this thread writes, or None."""
    return getattr(_running, "registry", None)


def _write(registry: Any) -> str:
    """Return the text of a registry.

    Raises ``PartialExpositionError`` if a part of it failed, what a collector raised if it is all.
    """
    lines: list[str] = []
    names: set[str] = set()
    collectors = _collectors(registry)
    failures: list[tuple[str, Exception]] = []
    for collector, collect in collectors:
        # Collectors are code of the user: one that raises must not cost the families of the others.
        try:
            for metric in collect():
                begin = len(lines)
                try:
                    names.update(_write_family(metric, lines))
                except Exception as error:
                    del lines[begin:]
                    failures.append((f"family {getattr(metric, 'name', metric)!r}", error))
        except Exception as error:
            failures.append((f"collector {collector!r}", error))
    if registry in shown:
        shown[registry] = names
    text = "".join(lines)
    if failures:
        what, cause = failures[0]
        if not lines:
            raise cause
        others = f", and {len(failures) - 1} others" if len(failures) > 1 else ""
        raise PartialExpositionError(f"{what} raised{others}", text) from cause
    return text


def _collectors(registry: Any) -> list[tuple[object, Callable[[], Iterable[Metric]]]]:
    """Return the collectors of a registry, each by itself; or the registry, if it has none."""
    from prometheus_client import CollectorRegistry

    is_plain = isinstance(registry, CollectorRegistry) and (
        type(registry).collect is CollectorRegistry.collect
    )
    try:
        if is_plain:
            with registry._lock:
                collectors: list[Any] = list(registry._collector_to_names)
                has_target = bool(registry._target_info)
        else:
            collectors, has_target = [registry], False
    except AttributeError:  # another version of prometheus_client
        return [(registry, registry.collect)]
    found = [(collector, collector.collect) for collector in collectors]
    if has_target:
        found.insert(0, ("target_info", lambda: [registry._target_info_metric()]))
    return found


def _write_family(metric: Metric, lines: list[str]) -> Iterator[str]:
    """Append the lines of a family, and yield the names that they declare."""
    type_ = _TYPES.get(metric.type, metric.type)
    name = metric.name + _ENDINGS.get(metric.type, "")
    help_ = metric.documentation.replace("\\", r"\\").replace("\n", r"\n")
    help_ = help_.encode(errors="replace").decode()  # lone surrogates
    _declare(name, help_, type_, lines)
    yield name
    gauges: dict[str, list[str]] = {}
    for sample in metric.samples:
        line = _line_or_cause(sample, name)
        ending = sample.name[len(metric.name) :]
        if ending in _GAUGES and sample.name.startswith(metric.name):
            gauges.setdefault(ending, []).append(line)
        else:
            lines.append(line)
    for ending, of_ending in sorted(gauges.items()):
        _declare(metric.name + ending, help_, "gauge", lines)
        yield metric.name + ending
        lines.extend(of_ending)


def _declare(name: str, help_: str, type_: str, lines: list[str]) -> None:
    shown_name = name if _is_plain(name) else _quoted(name)
    declaration = f"# HELP {shown_name} {help_}\n# TYPE {shown_name} {type_}\n"
    declaration.encode()
    lines.append(declaration)


def _line_or_cause(sample: Sample, family: str) -> str:
    """Return the line of a sample, or one that is not valid and says why the sample has none.

    Such a line is dropped, counted and logged as one of a text, and the other samples are shown.
    """
    try:
        line = _line(sample)
        line.encode()
    except Exception as error:
        name = family if _is_plain(family) else f"{{{_quoted(family)}}}"
        return f"{name} {_cause(error)}\n"
    return line


def _cause(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return _quoted(text.encode(errors="backslashreplace").decode())


def _line(sample: Sample) -> str:
    labels = _labels(sample.labels)
    if _is_plain(sample.name):
        head = f"{sample.name}{{{labels}}}" if labels else sample.name
    else:
        head = f"{{{_quoted(sample.name)}{',' if labels else ''}{labels}}}"
    timestamp = ""
    if sample.timestamp is not None:
        timestamp = f" {int(float(sample.timestamp) * 1000)}"
    return f"{head} {float(sample.value)!r}{timestamp}{_exemplar(sample.exemplar)}\n"


def _exemplar(exemplar: Exemplar | None) -> str:
    if not exemplar:
        return ""
    try:
        # A Timestamp has nanoseconds, which its str() keeps.
        time = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
        text = f"{{{_labels(exemplar.labels)}}} {float(exemplar.value)!r}{time}"
        text.encode()
    except Exception as error:
        text = _cause(error)
    return f" # {text}"


def _labels(labels: dict[str, str]) -> str:
    return ",".join(
        f"{name if _is_plain(name) and ':' not in name else _quoted(name)}={_quoted(value)}"
        for name, value in labels.items()
    )


def _is_plain(name: str) -> bool:
    """Whether a name needs no quotes."""
    return name.isascii() and name.replace(":", "_").isidentifier()


def _quoted(text: str) -> str:
    text = str(text).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'"{text}"'

"""The metrics of an engine, in a registry of prometheus_client, on the exposition of an endpoint.

    register_engine_metrics_callback(endpoint, REGISTRY, metric_prefix_filters=["vllm:"])

``endpoint.metrics.register_collector(registry)`` does the same with less work per scrape. This
module is for programs written for Dynamo. prometheus_client is imported with the first scrape.
"""

from __future__ import annotations

import copy
import functools
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dynamo.prometheus_names import labels

if TYPE_CHECKING:
    from prometheus_client.registry import Collector, CollectorRegistry

    from dynamo.runtime import Endpoint

__all__ = ["get_prometheus_expfmt", "register_engine_metrics_callback"]

_RESERVED = ("le", "quantile")
_log = logging.getLogger("dynamo.common.utils.prometheus")


def register_engine_metrics_callback(
    endpoint: Endpoint,
    registry: CollectorRegistry,
    metric_prefix_filters: Sequence[str] | None = None,
    exclude_prefixes: Sequence[str] | None = None,
    add_prefix: str | None = None,
    inject_custom_labels: Mapping[str, str] | None = None,
    namespace_name: str | None = None,
    component_name: str | None = None,
    endpoint_name: str | None = None,
    model_name: str | None = None,
) -> None:
    """Show the registry's metrics on the exposition of the endpoint, at each scrape.

    ``metric_prefix_filters`` are the prefixes of names to show, all if there are none;
    ``exclude_prefixes`` win over them. ``add_prefix`` takes the place of the prefix that matched.

    The names given, ``model_name`` as ``model`` and ``model_name``, and with any of them the
    ``worker_id``, are added to each series as labels, and ``inject_custom_labels`` too. A label
    that a series has already stays; a custom one that has the name of another one is left out, and
    logged.

    Raises ``ValueError`` if a custom label is called ``le`` or ``quantile``.
    """
    automatic = _automatic(namespace_name, component_name, endpoint_name, model_name)
    if automatic:
        automatic[labels.WORKER_ID] = f"{endpoint.connection_id():x}"
    injected = _together(automatic, inject_custom_labels)
    endpoint.metrics.register_prometheus_expfmt_callback(
        lambda: _expfmt(registry, metric_prefix_filters, exclude_prefixes, add_prefix, injected)
    )


def get_prometheus_expfmt(
    registry: CollectorRegistry,
    metric_prefix_filters: Sequence[str] | None = None,
    exclude_prefixes: Sequence[str] | None = None,
    add_prefix: str | None = None,
    inject_custom_labels: Mapping[str, str] | None = None,
    namespace_name: str | None = None,
    component_name: str | None = None,
    endpoint_name: str | None = None,
    model_name: str | None = None,
) -> str:
    """Return the registry's metrics as text, filtered as ``register_engine_metrics_callback`` says.

    Whatever goes wrong with the registry is logged, and the text empty. Raises ``ValueError`` if a
    custom label is called ``le`` or ``quantile``.
    """
    automatic = _automatic(namespace_name, component_name, endpoint_name, model_name)
    injected = _together(automatic, inject_custom_labels)
    return _expfmt(registry, metric_prefix_filters, exclude_prefixes, add_prefix, injected)


def _automatic(
    namespace: str | None, component: str | None, endpoint: str | None, model: str | None
) -> dict[str, str]:
    given = {
        labels.NAMESPACE: namespace,
        labels.COMPONENT: component,
        labels.ENDPOINT: endpoint,
        labels.MODEL: model,
        labels.MODEL_NAME: model,
    }
    return {name: value for name, value in given.items() if value is not None}


def _together(automatic: dict[str, str], custom: Mapping[str, str] | None) -> dict[str, str]:
    together = dict(automatic)
    for name, value in (custom or {}).items():
        if name in _RESERVED:
            raise ValueError(
                f'label name "{name}" belongs to histograms and summaries: use another one'
            )
        if name in automatic:
            _log.warning("label %s=%s is left out: %s is set already", name, value, automatic[name])
        together.setdefault(name, value)
    return together


def _expfmt(
    registry: CollectorRegistry,
    filters: Sequence[str] | None,
    excluded: Sequence[str] | None,
    prefix: str | None,
    injected: Mapping[str, str],
) -> str:
    try:
        from prometheus_client import generate_latest

        source: Any = _Labelled(registry, injected) if injected else registry
        lines = generate_latest(source).decode().splitlines()
        return "".join(_selected(lines, tuple(filters or ()), tuple(excluded or ()), prefix))
    except Exception as error:  # of the registry's collectors
        _log.error("the metrics of the engine could not be read", exc_info=error)
        return ""


class _Labelled:
    """A registry whose series have more labels."""

    def __init__(self, registry: Collector, injected: Mapping[str, str]) -> None:
        self._registry = registry
        self._injected = injected

    def collect(self) -> Iterable[Any]:
        for family in self._registry.collect():
            labelled = copy.copy(family)  # a collector may give the same one again
            labelled.samples = [
                sample._replace(labels={**self._injected, **sample.labels})
                for sample in family.samples
            ]
            yield labelled


def _selected(
    lines: Iterable[str], filters: tuple[str, ...], excluded: tuple[str, ...], prefix: str | None
) -> Iterable[str]:
    wanted, unwanted = _beginning(filters), _beginning(excluded)
    rename = _renaming(filters, prefix) if prefix else None
    for line in lines:
        if (filters and not wanted(line)) or (excluded and unwanted(line)):
            continue
        yield f"{rename(line) if rename else line}\n"


_START = r"^(# (?:HELP|TYPE) )?"


@functools.cache
def _beginning(prefixes: tuple[str, ...]) -> Callable[[str], object]:
    """Whether the name in a line begins with one of the prefixes."""
    return re.compile(f"{_START}(?:{'|'.join(map(re.escape, prefixes))})").match


@functools.cache
def _renaming(filters: tuple[str, ...], prefix: str) -> Callable[[str], str]:
    """Put a prefix before the name in a line, instead of the longest one that matched."""
    longest_first = sorted(filters, key=len, reverse=True)
    pattern = re.compile(f"{_START}(?:{'|'.join(map(re.escape, longest_first))})")
    return lambda line: pattern.sub(lambda found: f"{found[1] or ''}{prefix}", line, count=1)

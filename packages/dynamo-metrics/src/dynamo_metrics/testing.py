"""What tests of metrics need: read a sample, and assert by how much it changes.

    with assert_delta(endpoint, "demo_backend_generate_requests_total", 1, model="llama"):
        handle(request)

pytest finds the fixture ``metrics_runtime``, a runtime of the test's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dynamo_metrics._arguments import label_value, quoted
from dynamo_metrics._nodes import Node
from dynamo_metrics._runtime_metrics import RuntimeMetrics

if TYPE_CHECKING:
    from dynamo_metrics._types import LabelValues

__all__ = ["assert_delta", "sample"]

_SAMPLE = re.compile(r"^(?P<name>[^\s{]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(?P<name>\w+)="(?P<value>(?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


def sample(node: Node | RuntimeMetrics, name: str, /, **labels: LabelValues) -> float | None:
    """Return the value of one sample, as a scrape of ``node`` shows it now; None if there is none.

    ``name`` is the sample's name as exposed, such as ``ns_requests_total`` or ``ns_latency_count``;
    see ``name()`` of a metric. ``labels`` are those that tell the sample apart; others need not be
    given. Callbacks run as for a scrape.

    Raises ``LookupError`` if several samples have these labels.
    """
    wanted = {label: label_value(value, label) for label, value in labels.items()}
    found = [
        (given, value)
        for given, value in _samples(node, name)
        if all(given.get(label, "") == text for label, text in wanted.items())
    ]
    if len(found) > 1:
        shown = ", ".join(_shown(name, given) for given, _ in found[:5])
        raise LookupError(
            f"{len(found)} samples match {_shown(name, wanted)}: give more labels to choose one of "
            f"{shown}{', …' if len(found) > 5 else ''}"
        )
    return found[0][1] if found else None


@contextmanager
def assert_delta(
    node: Node | RuntimeMetrics, name: str, expected: float, /, **labels: LabelValues
) -> Iterator[None]:
    """Assert that a sample changes by ``expected`` during a ``with`` block.

    ``name`` and ``labels`` are those of ``sample()``. A sample that does not exist counts as 0. An
    exception of the block goes on, and nothing is asserted.

    Raises ``AssertionError`` for another change, ``LookupError`` as ``sample()`` does.
    """
    before = sample(node, name, **labels) or 0.0
    yield
    after = sample(node, name, **labels) or 0.0
    delta = after - before
    if not math.isclose(delta, expected, rel_tol=1e-9, abs_tol=1e-9):
        shown = _shown(name, {label: label_value(value, label) for label, value in labels.items()})
        raise AssertionError(
            f"{shown} changed by {delta:g}, expected {expected:g}: it was {before:g} and is "
            f"{after:g}"
        )


def _samples(node: Node | RuntimeMetrics, name: str) -> Iterator[tuple[dict[str, str], float]]:
    metrics = node if isinstance(node, RuntimeMetrics) else node.metrics
    for line in metrics.prometheus_expfmt().splitlines():
        match = _SAMPLE.match(line)
        if match is not None and match["name"] == name:
            yield dict(_labels(match["labels"] or "")), float(match["value"])


def _labels(text: str) -> Iterator[tuple[str, str]]:
    for match in _LABEL.finditer(text):
        yield match["name"], _ESCAPE.sub(_unescaped, match["value"])


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


def _shown(name: str, labels: dict[str, str]) -> str:
    pairs = ", ".join(f"{label}={quoted(value)}" for label, value in labels.items())
    return f"{name}{{{pairs}}}" if pairs else name

"""What tests of metrics need: read a sample, and assert by how much it changes.

    with assert_delta(endpoint, "demo_backend_generate_requests_total", 1, model="llama"):
        handle(request)

pytest finds the fixture ``metrics_runtime``, a runtime of the test's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dynamo_metrics import _arguments
from dynamo_metrics._arguments import label_value, number, quoted, wrong_type
from dynamo_metrics._nodes import Node
from dynamo_metrics._runtime_metrics import RuntimeMetrics
from dynamo_metrics.scrape import Sample, read
from dynamo_metrics.scrape._line import number_of

if TYPE_CHECKING:
    from dynamo_metrics._types import LabelValues

__all__ = ["assert_delta", "sample"]

_ACCEPT = "text/plain; version=1.0.0; escaping=allow-utf-8"
"""The text format that holds names of any characters."""

_INTEGER = re.compile(rb"-?\d{1,20}")
_NOT_PLAIN = re.compile(r"^[0-9]|[^a-zA-Z0-9_:]")
_NOT_PLAIN_LABEL = re.compile(r"^[0-9]|[^a-zA-Z0-9_]")

_BOUNDS = ("le", "quantile")
"""The labels whose values are numbers."""


def sample(
    node: Node | RuntimeMetrics, name: str, /, **labels: LabelValues | float
) -> float | None:
    """Return the value of one sample, as a scrape of ``node`` shows it now; None if there is none.

    ``name`` is the sample's name as exposed, such as ``ns_requests_total`` or ``ns_latency_count``;
    see ``name()`` of a metric. ``labels`` are those that tell the sample apart; others need not be
    given; ``le`` and ``quantile`` may be numbers. Callbacks run as for a scrape. The value is a
    float, or an int if it is one that a float cannot hold.

    Raises ``LookupError`` if several samples have these labels, or ``name`` is that of a histogram
    or summary, whose samples have names of their own; ``TypeError`` for an argument of the wrong
    type.
    """
    value = _value(node, name, labels)
    return value if value is None or float(value) != value else float(value)


@contextmanager
def assert_delta(
    node: Node | RuntimeMetrics, name: str, expected: float, /, **labels: LabelValues | float
) -> Iterator[None]:
    """Assert that a sample changes by ``expected`` during a ``with`` block.

    ``name`` and ``labels`` are those of ``sample()``. A sample that does not exist counts as 0, so
    that 0 is also the change of one that never exists. An exception of the block goes on, and
    nothing is asserted.

    Raises ``AssertionError`` for another change, ``LookupError`` and ``TypeError`` as ``sample()``
    does.
    """
    if not isinstance(expected, int):
        expected = number(expected, "expected")
    before = _value(node, name, labels) or 0
    yield
    after = _value(node, name, labels) or 0
    delta = after - before if after != before else 0  # of infinities too
    if not _are_equal(delta, expected):
        raise AssertionError(
            f"{_shown(name, _texts(labels))} changed by {_formatted(delta)}, expected "
            f"{_formatted(expected)}: it was {_formatted(before)} and is {_formatted(after)}"
        )


def _value(
    node: Node | RuntimeMetrics, name: str, labels: Mapping[str, LabelValues | float]
) -> float | None:
    """Return the value of one sample, exact if it is an integer."""
    if not isinstance(name, str):
        remedy = "; pass its name()" if callable(getattr(name, "name", None)) else ""
        raise TypeError(f"{wrong_type(name, 'name', 'a str')}{remedy}")
    wanted = _texts(labels)
    content_type, _, body = _metrics(node).exposition(_ACCEPT)
    families = read(body, content_type, checks_series=False).families
    samples = [one for family in families.values() for one in family.samples]
    # A name with further characters can also be given as text 0.0.4 escapes it.
    named = [one for one in samples if one.name == name] or [
        one for one in samples if _NOT_PLAIN.sub("_", one.name) == name
    ]
    if name in families and families[name].samples and not named:
        raise LookupError(
            f"{name} is a {families[name].type}: choose one of its samples, {name}_count or "
            f"{name}_sum for example"
        )
    found = [one for one in named if _has(dict(one.labels), wanted)]
    if len(found) > 1:
        shown = ", ".join(_shown(name, dict(one.labels)) for one in found[:5])
        raise LookupError(
            f"{len(found)} samples match {_shown(name, wanted)}: give more labels to choose one of "
            f"{shown}{', …' if len(found) > 5 else ''}"
        )
    return _exact(found[0], body) if found else None


def _metrics(node: Node | RuntimeMetrics) -> RuntimeMetrics:
    if isinstance(node, RuntimeMetrics):
        return node
    _arguments.check_node(node, "sample()")
    return node.metrics


def _exact(sample: Sample, body: bytes) -> float:
    """Return the value of a sample, as an int if its line shows one."""
    line = body.split(b"\n")[sample.line - 1]
    figure = line.split(b" ")[-1 if sample.timestamp is None else -2]
    return int(figure) if _INTEGER.fullmatch(figure) else sample.value


def _are_equal(delta: float, expected: float) -> bool:
    if isinstance(delta, int) and isinstance(expected, int):
        return delta == expected
    return math.isclose(delta, expected, rel_tol=1e-9, abs_tol=1e-9)


def _has(given: dict[str, str], wanted: dict[str, str]) -> bool:
    plain = {_NOT_PLAIN_LABEL.sub("_", label): text for label, text in given.items()}
    return all(
        _is_same(label, given.get(label, plain.get(label, "")), text)
        for label, text in wanted.items()
    )


def _is_same(label: str, given: str, wanted: str) -> bool:
    if given == wanted or label not in _BOUNDS:
        return given == wanted
    bounds = number_of(given), number_of(wanted)
    return None not in bounds and bounds[0] == bounds[1]


def _texts(labels: Mapping[str, LabelValues | float]) -> dict[str, str]:
    return {
        label: str(value)
        if label in _BOUNDS and isinstance(value, float)
        else label_value(value, label)
        for label, value in labels.items()
    }


def _shown(name: str, labels: dict[str, str]) -> str:
    pairs = ", ".join(f"{label}={quoted(value)}" for label, value in labels.items())
    return f"{name}{{{pairs}}}" if pairs else name


def _formatted(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.15g}"

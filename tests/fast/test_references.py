"""Nothing leaks, neither references nor memory, on success and on failure."""

from __future__ import annotations

import contextlib
import gc
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from tests.support import FACTORIES, create
from tests.support.stress import repeats

CALLS = repeats(50_000, 500_000)
SLACK = 10 * CALLS
"""Bytes by which a process may grow in so many calls: ten for each, less than any object takes."""


class Number(float):
    """A float that nobody else holds."""


class Used:
    """Metrics, and what they are used with."""

    def __init__(self, metrics: RuntimeMetrics) -> None:
        self.metrics = metrics
        self.gauge = metrics.create_gauge("g", "help")
        self.counter = metrics.create_intcounter("c", "help")
        self.vec = metrics.create_gaugevec("v", "help", ["a", "b"])
        self.histogram = metrics.create_histogramvec("h", "help", ["a", "b"])
        self.value = Number(12345.5)
        self.text = "".join(["x"] * 50)
        self.labels = {"a": self.text, "b": "größe"}
        self.text_that_is_not_utf8 = "".join(["\ud800", "x"])
        self.bad_labels: list[Any] = [
            {"a": self.text},
            {"a": self.text, "c": self.text},
            {**self.labels, "c": self.text},
            {"a": self.text, "b": self.value},
            {"a": self.text, self.value: self.text},
            {"a": self.text, "b": self.text_that_is_not_utf8},
            self.value,
        ]

    def objects(self) -> list[object]:
        """Whatever could be kept by mistake."""
        return [self.gauge, self.vec, self.value, self.text, self.labels, self.bad_labels[-2]]


WAYS: dict[str, Callable[[Used], object]] = {
    "step": lambda used: used.gauge.inc(),
    "update": lambda used: used.gauge.set(used.value),
    "update by name": lambda used: used.gauge.set(value=used.value),
    "update by 2**63": lambda used: used.counter.inc_by(2**63),
    "read": lambda used: used.gauge.get(),
    "vec step": lambda used: used.vec.inc(used.labels),
    "vec update": lambda used: used.vec.set(used.value, used.labels),
    "vec update by name": lambda used: used.vec.set(labels=used.labels, value=used.value),
    "vec read": lambda used: used.vec.get(used.labels),
    "observe": lambda used: used.histogram.observe(used.value, used.labels),
    "with_label_values": lambda used: used.vec.with_label_values([used.text, used.text]),
    "labels by name": lambda used: used.vec.labels(**used.labels),
    "remove": lambda used: (used.vec.inc(used.labels), used.vec.remove(used.labels)),
    "time": lambda used: used.histogram.labels("x", "y").time(),
    "introspection": lambda used: (used.vec.const_labels(), used.vec.variable_labels()),
    "create again": lambda used: used.metrics.create_gauge("g", "help"),
}
REFUSALS: dict[str, Callable[[Used], object]] = {
    "wrong arity": lambda used: used.gauge.set(used.value, used.value),  # type: ignore[call-arg]
    "unknown argument": lambda used: used.gauge.set(amount=used.value),  # type: ignore[call-arg]
    "no number": lambda used: used.gauge.set(used.text),  # type: ignore[arg-type]
    "no integer": lambda used: used.counter.inc_by(used.value),  # type: ignore[arg-type]
    "negative increment": lambda used: used.counter.inc_by(-1),
    "no number for a series": lambda used: used.vec.set(used.text, used.labels),  # type: ignore[call-overload]
    **{
        f"bad labels {number}": lambda used, number=number: used.vec.inc(used.bad_labels[number])
        for number in range(7)
    },
}


def is_refused(call: Callable[[Used], object], used: Used) -> bool:
    with contextlib.suppress(ValueError, TypeError):
        call(used)
        return False
    return True


@pytest.fixture
def used(metrics: RuntimeMetrics) -> Used:
    return Used(metrics)


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def assert_nothing_is_kept(used: Used, call: Callable[[], object]) -> None:
    for _ in range(CALLS // 20):
        call()
    references = [sys.getrefcount(thing) for thing in used.objects()]
    before = resident()
    for _ in range(CALLS):
        call()
    assert resident() - before < SLACK
    assert [sys.getrefcount(thing) for thing in used.objects()] == references


@pytest.mark.parametrize("way", WAYS)
def test_a_call_keeps_nothing(used: Used, way: str) -> None:
    assert_nothing_is_kept(used, lambda: WAYS[way](used))


@pytest.mark.parametrize("way", REFUSALS)
def test_a_refused_call_keeps_nothing(used: Used, way: str) -> None:
    assert is_refused(REFUSALS[way], used)
    assert_nothing_is_kept(used, lambda: is_refused(REFUSALS[way], used))


@pytest.mark.parametrize("factory", FACTORIES)
def test_metrics_that_come_and_go_leave_nothing(endpoint: Any, factory: str) -> None:
    def come_and_go() -> None:
        endpoint.metrics.unregister(create(endpoint, factory))

    for _ in range(1000):
        come_and_go()
    before = resident()
    for _ in range(CALLS // 10):
        come_and_go()
    assert resident() - before < SLACK


def test_a_metric_that_nobody_holds_is_freed(metrics: RuntimeMetrics) -> None:
    counter = metrics.create_counter("m", "help")
    reference = weakref.ref(counter)
    del counter
    assert reference() is None


def test_series_that_come_and_go_leave_nothing(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_intcountervec("m", "help", ["a"])

    def come_and_go(begin: int) -> None:
        for number in range(begin, begin + 100):
            vec.inc({"a": str(number)})
        vec.clear()

    come_and_go(0)
    before = resident()
    for begin in range(0, CALLS, 100):
        come_and_go(begin)
    assert resident() - before < SLACK

"""Exemplars: kept with the update they belong to, shown where a format has a place for them."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime
from tests.support import create, refused
from tests.support.formats import (
    ALL,
    OPENMETRICS,
    OPENMETRICS_2,
    PROTOBUF,
    TEXT,
    Exemplar,
    Key,
    key,
    render,
)

TRACE = {"trace_id": "4bf92f3577b34da6", "span_id": "00f067aa"}

COUNTERS = [
    ("create_counter", 2.5),
    ("create_intcounter", 2),
]
# All ways to update with an exemplar: factory, method, what it is called with, the value shown.
UPDATES = [
    *((factory, "inc", (), 1) for factory, _ in COUNTERS),
    *((factory, "inc_by", (value,), value) for factory, value in COUNTERS),
    *((f"{factory}vec", "inc", ({"a": "x"},), 1) for factory, _ in COUNTERS),
    *((f"{factory}vec", "inc_by", (value, {"a": "x"}), value) for factory, value in COUNTERS),
    *((f"{factory}vec", "inc_by", ({"a": "x"}, value), value) for factory, value in COUNTERS),
    ("create_histogram", "observe", (0.3,), 0.3),
    ("create_histogramvec", "observe", (0.3, {"a": "x"}), 0.3),
    ("create_histogramvec", "observe", ({"a": "x"}, 0.3), 0.3),
]


def exemplars(runtime: DistributedRuntime, accept: str = OPENMETRICS) -> dict[Key, Exemplar]:
    return render(runtime, accept).exemplars


@pytest.mark.parametrize("accept", [OPENMETRICS, PROTOBUF])
@pytest.mark.parametrize(("factory", "method", "arguments", "value"), UPDATES)
def test_an_update_keeps_its_exemplar(
    runtime: DistributedRuntime,
    factory: str,
    method: str,
    arguments: tuple[Any, ...],
    value: float,
    accept: str,
) -> None:
    metric = create(runtime, factory, "m_total" if "counter" in factory else "m")
    began = time.time() - 0.001  # times are told in milliseconds
    getattr(metric, method)(*arguments, exemplar=TRACE)
    [(at, exemplar)] = exemplars(runtime, accept).items()
    assert at.name == ("m_total" if "counter" in factory else "m_bucket")
    assert dict(at.labels).get("le", "0.5") == "0.5"
    assert (exemplar.labels, exemplar.value) == (TRACE, value)
    assert began <= exemplar.timestamp <= time.time()


@pytest.mark.parametrize(("factory", "method", "arguments", "value"), UPDATES)
def test_no_exemplar_is_as_good_as_none(
    runtime: DistributedRuntime,
    factory: str,
    method: str,
    arguments: tuple[Any, ...],
    value: float,
) -> None:
    metric = create(runtime, factory, "m_total" if "counter" in factory else "m")
    getattr(metric, method)(*arguments, exemplar=None)
    assert exemplars(runtime) == {}
    total = "m_total" if "counter" in factory else "m_sum"
    [counted] = render(runtime, OPENMETRICS).named(total).values()
    assert counted == value


def test_each_bucket_keeps_its_last_exemplar(runtime: DistributedRuntime) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", buckets=[1, 10])
    for value in (0.5, 0.6, 5, 50):
        histogram.observe(value, exemplar={"id": str(value)})
    histogram.observe(0.7)
    shown = {dict(at.labels)["le"]: one.labels["id"] for at, one in exemplars(runtime).items()}
    assert shown == {"1.0": "0.6", "10.0": "5", "+Inf": "50"}


def test_a_native_histogram_keeps_exemplars_of_several_magnitudes(
    runtime: DistributedRuntime,
) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", native=True)
    for value in (0.001, 0.01, 1, 100):
        histogram.observe(value, exemplar={"id": str(value)})
    for _ in range(100):
        histogram.observe(1, exemplar={"id": "common"})
    for accept in (PROTOBUF, OPENMETRICS_2):
        shown = render(runtime, accept).native_exemplars[key("m")]
        assert {one.labels["id"] for one in shown} == {"0.001", "0.01", "100", "common"}
        assert [one.timestamp for one in shown] == sorted(one.timestamp for one in shown)
    [(at, exemplar)] = exemplars(runtime).items()
    assert (at, exemplar.labels) == (key("m_bucket", le="+Inf"), {"id": "common"})


def test_only_totals_and_buckets_have_exemplars_in_openmetrics(
    runtime: DistributedRuntime,
) -> None:
    runtime.metrics.create_counter("without_suffix", "help").inc(exemplar=TRACE)
    runtime.metrics.create_counter("taken_total", "help").inc(exemplar=TRACE)
    runtime.metrics.create_gauge("taken", "help")
    assert exemplars(runtime) == {}
    assert {at.name for at in exemplars(runtime, PROTOBUF)} == {"without_suffix", "taken_total"}


def test_the_text_format_has_no_exemplars(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_counter("m_total", "help").inc(exemplar=TRACE)
    assert " # " not in runtime.metrics.prometheus_expfmt()


@pytest.mark.parametrize(
    "labels",
    [
        {"a": "x" * 127},
        {"a" * 64: "\u20ac" * 64},  # characters count, not bytes
        {},
        {"q": "backslash \\ newline \n brace } hash # comma , equal ="},
        {"le": "x", "quantile": "y", "dynamo_namespace": "z"},
    ],
    ids=["127 characters", "128 of several bytes", "none", "awkward", "reserved elsewhere"],
)
@pytest.mark.parametrize("accept", [OPENMETRICS, PROTOBUF])
def test_labels_arrive_as_they_were_given(
    runtime: DistributedRuntime, labels: dict[str, str], accept: str
) -> None:
    runtime.metrics.create_counter("m_total", "help").inc(exemplar=labels)
    [exemplar] = exemplars(runtime, accept).values()
    assert exemplar.labels == labels


@pytest.mark.parametrize("accept", [OPENMETRICS_2, PROTOBUF])
def test_quotes_in_labels_arrive(runtime: DistributedRuntime, accept: str) -> None:
    # The parser of OpenMetrics 1 in prometheus_client cannot read them.
    labels = {"q": 'quote " backslash and quote \\" quotes ""'}
    runtime.metrics.create_counter("m_total", "help").inc(exemplar=labels)
    [exemplar] = exemplars(runtime, accept).values()
    assert exemplar.labels == labels


def test_labels_may_be_pairs(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_counter("m_total", "help").inc(exemplar=list(TRACE.items()))
    [exemplar] = exemplars(runtime).values()
    assert exemplar.labels == TRACE


@pytest.mark.parametrize("value", [math.inf, -math.inf, -2.5])
def test_values_of_any_sort_have_exemplars(runtime: DistributedRuntime, value: float) -> None:
    histogram = runtime.metrics.create_histogram("m", "help")
    histogram.observe(value, exemplar=TRACE)
    # OpenMetrics 1 has no histograms with a sum below zero, and exemplars of no other type.
    histogram.observe(math.inf if value == math.inf else -value)
    if value == -math.inf:
        assert exemplars(runtime, PROTOBUF)
        return
    for accept in (OPENMETRICS, PROTOBUF):
        [exemplar] = exemplars(runtime, accept).values()
        assert exemplar.value == value


@pytest.mark.parametrize(("factory", "method", "arguments", "value"), UPDATES)
def test_labels_that_are_too_long_are_refused_and_nothing_is_counted(
    metrics: RuntimeMetrics,
    endpoint: Any,
    factory: str,
    method: str,
    arguments: tuple[Any, ...],
    value: float,
) -> None:
    metric = create(endpoint, factory)
    before = render(endpoint, TEXT).values
    with refused(ValueError, "129 characters", "128"):
        getattr(metric, method)(*arguments, exemplar={"a" * 64: "b" * 65})
    assert render(endpoint, TEXT).values == before


def test_what_is_no_exemplar_is_refused_and_nothing_is_counted(metrics: RuntimeMetrics) -> None:
    cases = [
        ({"a-b": "x"}, ValueError, ['"a-b"', "not valid"]),
        ({"": "x"}, ValueError, ['""', "not valid"]),
        ({"__a": "x"}, ValueError, ['"__a"', "reserved"]),
        ([("a", "x"), ("a", "y")], ValueError, ['"a"', "twice"]),
        ({"a": 1.5}, TypeError, ['label "a"', "str", "float"]),
        ({1: "a"}, TypeError, ["label name", "str", "int"]),
        ("trace_id", TypeError, ["exemplar"]),
        (1, TypeError, ["exemplar", "int"]),
        ({"a": "\ud800"}, ValueError, ["UTF-8"]),
    ]
    for exemplar, kind, parts in cases:
        counter = metrics.create_counter("m", "help")
        with refused(kind, *parts):
            counter.inc(exemplar=exemplar)
        assert counter.get() == 0


def test_an_increment_that_is_refused_leaves_no_exemplar(runtime: DistributedRuntime) -> None:
    counter = runtime.metrics.create_counter("m_total", "help")
    with refused(ValueError, "-1"):
        counter.inc_by(-1, exemplar=TRACE)
    assert exemplars(runtime) == {}


def test_gauges_have_no_exemplars(metrics: RuntimeMetrics) -> None:
    for method in ["set", "inc", "dec", "add", "sub", "inc_by", "dec_by"]:
        gauge = metrics.create_gauge("m", "help")
        arguments = () if method in ("inc", "dec") else (1,)
        with refused(TypeError, "exemplar"):
            getattr(gauge, method)(*arguments, exemplar=TRACE)


@pytest.mark.parametrize("accept", ALL.values(), ids=ALL)
def test_exemplars_change_no_value(runtime: DistributedRuntime, accept: str) -> None:
    runtime.metrics.create_intcounter("m_total", "help").inc_by(7, exemplar=TRACE)
    assert render(runtime, accept).values[key("m_total")] == 7

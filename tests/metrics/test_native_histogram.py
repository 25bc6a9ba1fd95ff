"""Native histograms: what they are made of, and what each format shows of them."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

from dynamo.prometheus_metrics import Histogram, MetricsError, RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import buckets, exposition, refused, sample
from tests.support.formats import OPENMETRICS, OPENMETRICS_2, PROTOBUF, Native, key, render

ALL_WITH_NATIVE = pytest.mark.parametrize("accept", [PROTOBUF, OPENMETRICS_2])


def native(runtime: DistributedRuntime, accept: str = PROTOBUF, name: str = "m") -> Native:
    return render(runtime, accept).natives[key(name)]


@ALL_WITH_NATIVE
def test_by_default_buckets_grow_by_nine_percent(runtime: DistributedRuntime, accept: str) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", native=True)
    assert type(histogram) is Histogram
    observed = [0.0, 2.0**-128, -3.0, 0.011, 1.0, 1.01, 1.09, 4096.0, 1e300]
    for value in observed:
        histogram.observe(value)
    shown = native(runtime, accept)
    assert (shown.schema, shown.zero_threshold, shown.zero_count) == (3, 2.0**-128, 2)
    assert set(shown.negative) == {_index(3.0, 3)}
    assert shown.positive == {_index(0.011, 3): 1, 0: 1, 1: 2, 96: 1, _index(1e300, 3): 1}
    assert shown.count == len(observed) == histogram.get_sample_count()


def _index(magnitude: float, schema: int) -> int:
    """The bucket by the definition: it ends at 2**(index / 2**schema)."""
    return math.ceil(math.log2(magnitude) * 2**schema)


def test_without_buckets_there_are_no_classic_ones(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_histogram("m", "help", native=True).observe(2)
    assert buckets(exposition(runtime), "m") == {"+Inf": 1}
    assert sample(exposition(runtime), "m_sum") == 2
    shown = {at.name for at in render(runtime, OPENMETRICS).values}
    assert {"m_bucket", "m_sum", "m_count"} <= shown


@ALL_WITH_NATIVE
def test_with_buckets_there_are_both(runtime: DistributedRuntime, accept: str) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", buckets=[1, 10], native=True)
    for value in (0.5, 5, 50):
        histogram.observe(value)
    shown = render(runtime, accept)
    counts = {dict(at.labels)["le"]: value for at, value in shown.named("m_bucket").items()}
    assert counts == {"1.0": 1, "10.0": 2, "+Inf": 3}
    assert shown.natives[key("m")].count == 3


def test_each_series_of_a_vec_has_its_own(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_histogramvec("m", "help", ["a"], native=True, schema=0)
    vec.observe(3, {"a": "x"})
    vec.observe({"a": "y"}, 100)
    labels = {"dynamo_namespace": "ns", "dynamo_component": "comp", "dynamo_endpoint": "ep"}
    shown = render(endpoint, PROTOBUF).natives
    assert shown[key("ns_comp_ep_m", a="x", **labels)].positive == {2: 1}
    assert shown[key("ns_comp_ep_m", a="y", **labels)].positive == {7: 1}


@pytest.mark.parametrize(
    ("options", "schema"),
    [
        ({"schema": -4}, -4),
        ({"schema": 8}, 8),
        ({"growth_factor": 1.1}, 3),
        ({"growth_factor": 1.09}, 4),
        ({"growth_factor": 2}, 0),
        ({"growth_factor": 1e9}, -4),
        ({"growth_factor": 1.0001}, 8),
    ],
)
def test_the_resolution_is_chosen(
    runtime: DistributedRuntime, options: dict[str, Any], schema: int
) -> None:
    runtime.metrics.create_histogram("m", "help", native=True, **options)
    assert native(runtime).schema == schema
    factor = options.get("growth_factor", math.inf)
    assert 2 ** (2**-schema) <= factor or schema == 8


def test_what_is_close_to_zero_counts_as_zero(runtime: DistributedRuntime) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", native=True, zero_threshold=0.5)
    for value in (0.5, -0.5, 0, 0.51, -0.51):
        histogram.observe(value)
    shown = native(runtime)
    assert (shown.zero_threshold, shown.zero_count) == (0.5, 3)
    assert (sum(shown.positive.values()), sum(shown.negative.values())) == (1, 1)


@ALL_WITH_NATIVE
def test_an_empty_histogram_is_still_a_native_one(runtime: DistributedRuntime, accept: str) -> None:
    runtime.metrics.create_histogram("m", "help", native=True, zero_threshold=0)
    assert native(runtime, accept) == Native(3, 0, 0, {}, {})


@ALL_WITH_NATIVE
@pytest.mark.parametrize("limit", [1, 2, 10, 160])
def test_too_many_buckets_cost_resolution_and_no_observation(
    runtime: DistributedRuntime, accept: str, limit: int
) -> None:
    histogram = runtime.metrics.create_histogram(
        "m", "help", native=True, schema=8, max_buckets=limit
    )
    for step in range(-300, 300):
        histogram.observe(1.05**step)
    shown = native(runtime, accept)
    assert shown.count == 600
    assert shown.schema < 8
    # At the coarsest schema there is no way to have fewer.
    assert len(shown.positive) <= limit or shown.schema == -4


@pytest.mark.parametrize("value", [math.inf, -math.inf, 5e-324, 1.7976931348623157e308])
def test_the_ends_of_the_number_line_have_buckets(
    runtime: DistributedRuntime, value: float
) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", native=True, zero_threshold=0)
    histogram.observe(value)
    shown = native(runtime)
    side = shown.positive if value > 0 else shown.negative
    expected = (1024 << 3) + 1 if math.isinf(value) else _index(abs(value), 3)
    assert side == {expected: 1}


def test_nan_changes_nothing(runtime: DistributedRuntime) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", native=True)
    histogram.observe(math.nan)
    assert native(runtime).count == 0


def test_options_that_prometheus_does_not_know_are_refused(metrics: RuntimeMetrics) -> None:
    cases = [
        ({"schema": 9}, ["schema=9", "-4 to 8"]),
        ({"schema": -5}, ["schema=-5", "-4 to 8"]),
        ({"growth_factor": 1.0}, ["growth_factor=1", "above 1"]),
        ({"growth_factor": math.nan}, ["growth_factor=NaN", "above 1"]),
        ({"zero_threshold": -1}, ["zero_threshold=-1", ">= 0"]),
        ({"zero_threshold": math.inf}, ["zero_threshold=inf", ">= 0"]),
        ({"max_buckets": 0}, ["max_buckets=0", "at least 1"]),
        ({"max_buckets": -3}, ["max_buckets=-3", "at least 1"]),
    ]
    for options, parts in cases:
        with refused(MetricsError, '"ns_comp_ep_m"', *parts):
            metrics.create_histogram("m", "help", native=True, **options)


def test_two_ways_to_say_the_resolution_are_one_too_many(metrics: RuntimeMetrics) -> None:
    with refused(ValueError, "schema and growth_factor", "one of them"):
        metrics.create_histogram("m", "help", native=True, schema=3, growth_factor=1.1)


@pytest.mark.parametrize("option", ["schema", "growth_factor", "zero_threshold", "max_buckets"])
def test_options_of_native_buckets_need_native_buckets(
    metrics: RuntimeMetrics, option: str
) -> None:
    with refused(ValueError, f"{option} is about native buckets", "native=True"):
        metrics.create_histogramvec("m", "help", ["a"], **{option: 2})


def test_the_same_again_is_the_same_and_anything_else_conflicts(metrics: RuntimeMetrics) -> None:
    first = metrics.create_histogram("m", "help", native=True)
    assert metrics.create_histogram("m", "help", native=True, schema=3) is first
    with refused(MetricsError, "schema 4", "schema 3", "the same buckets"):
        metrics.create_histogram("m", "help", {"a": "x"}, native=True, schema=4)
    with refused(MetricsError, "schema 3", "the same buckets"):
        metrics.create_histogram("m", "help", {"a": "x"})


def test_count_and_buckets_agree_while_threads_observe(runtime: DistributedRuntime) -> None:
    histogram = runtime.metrics.create_histogram("m", "help", buckets=[1], native=True)
    done = threading.Event()

    def observe(start: int) -> None:
        value = start
        while not done.is_set():
            value = value * 7 % 1009
            histogram.observe(value / 10 - 5)

    threads = [threading.Thread(target=observe, args=(start,)) for start in (1, 2, 3)]
    for thread in threads:
        thread.start()
    try:
        before = 0.0
        for _ in range(300):
            shown = render(runtime, PROTOBUF)
            count = shown.values[key("m_count")]
            assert shown.natives[key("m")].count == count
            assert shown.values[key("m_bucket", le="+Inf")] == count
            assert float(count) >= before
            before = float(count)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert before > 0
    assert native(runtime).count == histogram.get_sample_count()

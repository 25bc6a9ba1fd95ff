"""Bucket bounds: the prepared lists, the helpers, and what makes no histogram."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from dynamo import prometheus_metrics
from dynamo.prometheus_metrics import (
    DEFAULT,
    ITL,
    REQUEST_DURATION,
    TTFT,
    MetricsError,
    RuntimeMetrics,
    exponential_buckets,
    linear_buckets,
)
from dynamo.runtime import Endpoint
from tests.support import buckets, exposition, refused
from tests.support.documents import ROOT

INF = float("inf")
NAN = float("nan")


def test_the_default_bounds_are_those_of_prometheus(endpoint: Endpoint) -> None:
    assert DEFAULT == (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
    histogram = endpoint.metrics.create_histogram("m", "help")
    bounds = [float(le) for le in buckets(exposition(endpoint), histogram.name())]
    assert bounds == [*DEFAULT, INF]


@pytest.mark.parametrize("prepared", [DEFAULT, TTFT, ITL, REQUEST_DURATION])
def test_the_prepared_lists_make_histograms(
    endpoint: Endpoint, prepared: tuple[float, ...]
) -> None:
    histogram = endpoint.metrics.create_histogram("m", "help", buckets=prepared)
    bounds = [float(le) for le in buckets(exposition(endpoint), histogram.name())]
    assert bounds == [*prepared, INF]


def test_whole_requests_and_first_tokens_reach_ten_minutes() -> None:
    assert TTFT[-1] == REQUEST_DURATION[-1] == 600


@pytest.mark.parametrize(
    "given",
    [[1, 2], (1, 2), range(1, 3), [1.0, 2.0, INF], [True, 2]],
    ids=["list", "tuple", "range", "with +Inf", "with a bool"],
)
def test_bounds_may_be_any_numbers_and_end_with_infinity_or_not(
    endpoint: Endpoint, given: Any
) -> None:
    histogram = endpoint.metrics.create_histogram("m", "help", buckets=given)
    assert list(buckets(exposition(endpoint), histogram.name())) == ["1.0", "2.0", "+Inf"]


def test_bounds_that_make_no_histogram_are_refused(metrics: RuntimeMetrics) -> None:
    boundss = [
        ([], ["empty", "omit buckets"]),
        ([INF], ["empty"]),
        ([1, NAN], ["NaN at position 1", "finite"]),
        ([-INF, 1], ["-inf at position 0", "finite"]),
        ([1, INF, 2], ["inf at position 1", "finite"]),
        ([1, 1], ["1 at position 1", "previous one, 1", "strictly increasing"]),
        ([1, 3, 2], ["2 at position 2", "previous one, 3", "strictly increasing"]),
        ([-0.0, 0.0], ["position 1", "strictly increasing"]),
    ]
    for bounds, parts in boundss:
        for factory in ["create_histogram", "create_histogramvec"]:
            arguments = [["a"]] if factory.endswith("vec") else []
            with refused(MetricsError, '"ns_comp_ep_m"', *parts):
                getattr(metrics, factory)("m", "help", *arguments, buckets=bounds)


def test_bounds_that_are_no_numbers_are_refused(metrics: RuntimeMetrics) -> None:
    for bounds in ["123", 5, [1, "2"], [None], {"a": 1}]:
        with refused(TypeError, "buckets must be a list of numbers", repr(bounds)):
            metrics.create_histogram("m", "help", buckets=bounds)


def test_a_bound_beyond_any_float_is_refused(metrics: RuntimeMetrics) -> None:
    with refused(ValueError, 'metric "m": buckets=', "too large"):
        metrics.create_histogram("m", "help", buckets=[10**400])


# Helpers


def test_linear_buckets_are_a_width_apart() -> None:
    assert linear_buckets(0.5, 2, 4) == [0.5, 2.5, 4.5, 6.5]
    assert linear_buckets(start=-1, width=1, count=1) == [-1]


def test_exponential_buckets_are_a_factor_apart() -> None:
    assert exponential_buckets(0.25, 2, 4) == [0.25, 0.5, 1, 2]
    assert exponential_buckets(start=1, factor=10, count=1) == [1]


def test_linear_buckets_refuse_what_describes_no_list() -> None:
    cases = [
        ((0, 1, 0), ["count=0", "give 1 to"]),
        ((0, 1, -5), ["count=-5", "give 1 to"]),
        ((0, 1, 2**62), ["count=", "give 1 to"]),
        ((0, 0, 3), ["width=0", "above 0"]),
        ((0, -1, 3), ["width=-1", "above 0"]),
        ((0, NAN, 3), ["width=NaN", "above 0"]),
        ((NAN, 1, 3), ["NaN at position 0"]),
        ((0, INF, 3), ["position", "finite"]),
        ((1e308, 1e308, 3), ["inf at position 1", "finite"]),
        ((1e20, 1, 3), ["position 1", "strictly increasing"]),
    ]
    for arguments, parts in cases:
        with refused(ValueError, *parts):
            linear_buckets(*arguments)


def test_exponential_buckets_refuse_what_describes_no_list() -> None:
    cases = [
        ((1, 2, 0), ["count=0", "give 1 to"]),
        ((1, 2, -5), ["count=-5", "give 1 to"]),
        ((1, 1 + 1e-15, 2**62), ["count=", "give 1 to"]),
        ((0, 2, 3), ["start=0", "above 0"]),
        ((NAN, 2, 3), ["start=NaN", "above 0"]),
        ((1, 1, 3), ["factor=1", "above 1"]),
        ((1, NAN, 3), ["factor=NaN", "above 1"]),
        ((1, 1e200, 3), ["inf at position 2", "finite"]),
    ]
    for arguments, parts in cases:
        with refused(ValueError, *parts):
            exponential_buckets(*arguments)


def test_the_first_names_of_the_lists_are_aliases() -> None:
    assert DEFAULT is prometheus_metrics.DEFAULT_BUCKETS
    assert TTFT is prometheus_metrics.TTFT_BUCKETS
    assert ITL is prometheus_metrics.ITL_BUCKETS
    assert REQUEST_DURATION is prometheus_metrics.REQUEST_DURATION_BUCKETS


def test_the_rust_library_has_the_same_lists() -> None:
    for name in ["DEFAULT", "TTFT", "ITL", "REQUEST_DURATION"]:
        source = (ROOT / "crates/dynamo-runtime/src/metrics/buckets.rs").read_text()
        found = re.search(rf"pub const {name}(?:_BUCKETS)?: &\[f64\] = &\[([^\]]*)\]", source)
        assert found
        bounds = [float(bound) for bound in found[1].replace(",", " ").split()]
        assert bounds == list(getattr(prometheus_metrics, name))


@pytest.mark.parametrize("function", [linear_buckets, exponential_buckets])
def test_helpers_refuse_what_is_no_number(function: Callable[..., object]) -> None:
    with refused(TypeError, "start must be a number", "'1'"):
        function("1", 2, 3)
    with refused(TypeError, "integer"):
        function(1, 2, 2.5)

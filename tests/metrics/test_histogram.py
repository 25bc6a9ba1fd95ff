"""Histograms."""

from __future__ import annotations

from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import Endpoint
from tests.support import buckets, exposition, refused, sample

INF = float("inf")
NAN = float("nan")


def test_observations_are_counted_in_cumulative_buckets(endpoint: Endpoint) -> None:
    histogram = endpoint.metrics.create_histogram("m", "help", buckets=[1, 2.5, 10])
    for value in (0.5, 1, 1.5, 2.5, 3, 100, -1):
        assert histogram.observe(value) is None
    families = exposition(endpoint)
    assert families["ns_comp_ep_m"].type == "histogram"
    assert buckets(families, "ns_comp_ep_m") == {"1.0": 3, "2.5": 5, "10.0": 6, "+Inf": 7}
    assert sample(families, "ns_comp_ep_m_count") == histogram.get_sample_count() == 7
    assert sample(families, "ns_comp_ep_m_sum") == histogram.get_sample_sum() == 107.5


def test_a_new_histogram_shows_all_its_buckets_empty(endpoint: Endpoint) -> None:
    endpoint.metrics.create_histogram("m", "help", buckets=[1])
    families = exposition(endpoint)
    assert [(sample.name, sample.value) for sample in families["ns_comp_ep_m"].samples] == [
        ("ns_comp_ep_m_bucket", 0),
        ("ns_comp_ep_m_bucket", 0),
        ("ns_comp_ep_m_sum", 0),
        ("ns_comp_ep_m_count", 0),
    ]


def test_what_a_histogram_returns_is_a_whole_count_and_a_float_sum(metrics: RuntimeMetrics) -> None:
    histogram = metrics.create_histogram("m", "help")
    assert type(histogram.get_sample_count()) is int
    assert type(histogram.get_sample_sum()) is float


def test_infinities_are_observed(endpoint: Endpoint) -> None:
    histogram = endpoint.metrics.create_histogram("m", "help", buckets=[1])
    histogram.observe(INF)
    assert histogram.get_sample_sum() == INF
    assert buckets(exposition(endpoint), "ns_comp_ep_m") == {"1.0": 0, "+Inf": 1}


def test_nan_changes_nothing(metrics: RuntimeMetrics) -> None:
    histogram = metrics.create_histogram("m", "help")
    histogram.observe(NAN)
    histogram.observe(NAN, exemplar={"trace_id": "a"})
    assert (histogram.get_sample_count(), histogram.get_sample_sum()) == (0, 0)


@pytest.mark.parametrize("value", ["1", None, [], {}, 1j])
def test_an_observation_that_is_no_number_is_refused(metrics: RuntimeMetrics, value: Any) -> None:
    histogram = metrics.create_histogram("m", "help")
    with refused(TypeError, repr(value)):
        histogram.observe(value)
    assert histogram.get_sample_count() == 0


def test_the_value_has_a_name(metrics: RuntimeMetrics) -> None:
    histogram = metrics.create_histogram("m", "help")
    histogram.observe(value=2)
    assert histogram.get_sample_sum() == 2

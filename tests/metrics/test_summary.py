"""Summaries, and gauges that hold information."""

from __future__ import annotations

import math

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics, Summary, SummaryVec
from dynamo.runtime import Endpoint
from tests.support import exposition, refused
from tests.support.formats import OPENMETRICS, OPENMETRICS_2, PROTOBUF, TEXT, render


def test_a_summary_counts_and_adds_up(endpoint: Endpoint) -> None:
    summary = endpoint.metrics.create_summary("m", "help", {"a": 1})
    assert isinstance(summary, Summary)
    summary.observe(2.5)
    summary.observe(value=1)
    assert (summary.get_sample_count(), summary.get_sample_sum()) == (2, 3.5)
    assert summary.name() == "ns_comp_ep_m"
    family = exposition(endpoint)["ns_comp_ep_m"]
    assert family.type == "summary"
    assert {sample.name: sample.value for sample in family.samples} == {
        "ns_comp_ep_m_sum": 3.5,
        "ns_comp_ep_m_count": 2,
    }


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS, OPENMETRICS_2, PROTOBUF])
def test_every_format_shows_the_same_summary(endpoint: Endpoint, accept: str) -> None:
    vec = endpoint.metrics.create_summaryvec("m", "help", ["a"])
    assert isinstance(vec, SummaryVec)
    vec.observe(2, {"a": "x"})
    vec.observe({"a": 5}, 3)
    shown = render(endpoint, accept)
    for part, values in (("_sum", [2, 3]), ("_count", [1, 1])):
        assert sorted(shown.named(f"ns_comp_ep_m{part}").values()) == values


def test_series_of_a_vec_are_summaries(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_summaryvec("m", "help", ["a"])
    child = vec.labels(a="x")
    with child.time():
        pass
    child.observe(1)
    assert vec.get_sample_count({"a": "x"}) == child.get_sample_count() == 2
    assert vec.get_sample_sum({"a": "x"}) == child.get_sample_sum() > 1
    assert vec.remove({"a": "x"})
    assert vec.get_sample_count({"a": "x"}) == 0


def test_a_summary_takes_no_exemplar_and_no_nan(metrics: RuntimeMetrics) -> None:
    summary = metrics.create_summary("m", "help")
    with refused(TypeError, 'observe() has no argument "exemplar"'):
        summary.observe(1, exemplar={})  # type: ignore[call-arg]
    summary.observe(math.nan)
    assert summary.get_sample_count() == 0


@pytest.mark.parametrize("suffix", ["_sum", "_count"])
def test_the_names_of_its_samples_are_taken(metrics: RuntimeMetrics, suffix: str) -> None:
    metrics.create_summary("m", "help")
    metrics.create_gauge("n_sum", "help")
    with refused(ValueError, f"the {suffix} samples of the summary"):
        metrics.create_gauge(f"m{suffix}", "help")
    with refused(ValueError, "the _sum samples of the summary"):
        metrics.create_summary("n", "help")
    metrics.create_gauge("m_bucket", "help")


def test_information_is_a_gauge_of_one(endpoint: Endpoint) -> None:
    info = endpoint.metrics.create_info("build", "Build", {"version": "1.2", "workers": 4})
    assert (info.name(), info.get()) == ("ns_comp_ep_build_info", 1)
    [sample] = exposition(endpoint)["ns_comp_ep_build_info"].samples
    assert (sample.labels["version"], sample.labels["workers"], sample.value) == ("1.2", "4", 1)
    assert endpoint.metrics.create_info("a_info", "help").name() == "ns_comp_ep_a_info"

"""Metrics whose definition was edited: unregister, or replace=True."""

from __future__ import annotations

import pytest

from dynamo.prometheus_metrics import MetricsError, RuntimeMetrics
from dynamo.runtime import DistributedRuntime
from tests.support import exposition, refused


def test_the_error_of_an_edited_metric_says_how_to_replace_it(metrics: RuntimeMetrics) -> None:
    metrics.create_histogram("m", "help", buckets=[1])
    with refused(MetricsError, "buckets here are", "unregister", "replace=True"):
        metrics.create_histogram("m", "help", buckets=[1, 2])
    with refused(MetricsError, "description here is", "unregister", "replace=True"):
        metrics.create_histogram("m", "other", buckets=[1])


def test_replace_takes_the_place_of_a_metric_in_conflict(runtime: DistributedRuntime) -> None:
    metrics = runtime.metrics
    first = metrics.create_histogram("m", "help", buckets=[1])
    first.observe(1)
    second = metrics.create_histogram("m", "other", buckets=[1, 2], replace=True)
    assert second is not first
    first.observe(1)
    assert exposition(runtime)["m"].help == "other"
    assert second.get_sample_count() == 0
    vec = metrics.create_intcountervec("m", "a vec", ["a"], replace=True)
    vec.inc({"a": "x"})
    assert exposition(runtime)["m"].type == "counter"


def test_replace_keeps_a_metric_that_is_identical(metrics: RuntimeMetrics) -> None:
    first = metrics.create_intcounter("m", "help", replace=True)
    first.inc(3)
    assert metrics.create_intcounter("m", "help", replace=True) is first
    other = metrics.create_intcounter("m", "help", {"a": "x"}, replace=True)
    assert other is not first
    assert metrics.create_intcounter("m", "help").get() == 3


def test_replace_leaves_the_metrics_of_other_nodes(runtime: DistributedRuntime) -> None:
    one, other = runtime.namespace("one"), runtime.namespace("other")
    one.metrics.create_gauge("m", "help", full_name=True).set(1)
    with pytest.raises(MetricsError) as caught:
        other.metrics.create_gauge("m", "edited", full_name=True, replace=True)
    assert "replace=True" not in str(caught.value)
    assert exposition(runtime)["m"].help == "help"


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("name", ["process_cpu_seconds_total", "dynamo_component_uptime_seconds"])
def test_replace_leaves_the_metrics_of_the_runtime_itself(
    runtime: DistributedRuntime, name: str, replace: bool
) -> None:
    before = exposition(runtime)[name].help
    with pytest.raises(MetricsError) as caught:
        runtime.metrics.create_gauge(name, "mine", replace=replace)
    assert "replace=True" not in str(caught.value)
    assert exposition(runtime)[name].help == before


def test_replace_takes_the_place_of_a_metric_that_style_component_names_as_one_of_serving() -> None:
    runtime = DistributedRuntime(name_style="component")
    metrics = runtime.namespace("n").component("c").endpoint("e").metrics
    first = metrics.create_intcounter("requests_total", "help")
    with refused(MetricsError, "replace=True"):
        metrics.create_intcounter("requests_total", "edited")
    assert metrics.create_intcounter("requests_total", "edited", replace=True) is not first


def test_replace_is_no_way_out_of_a_conflict_with_samples_of_another_name(
    metrics: RuntimeMetrics,
) -> None:
    metrics.create_intcounter("jobs_count", "help").inc()
    for replace in (False, True):
        with pytest.raises(MetricsError, match="_count samples of the summary") as caught:
            metrics.create_summary("jobs", "help", replace=replace)
        assert "replace=True" not in str(caught.value)


def test_unregister_lets_an_edited_metric_be_created(metrics: RuntimeMetrics) -> None:
    metrics.unregister(metrics.create_gauge("m", "help"))
    assert metrics.create_gauge("m", "edited").description() == "edited"

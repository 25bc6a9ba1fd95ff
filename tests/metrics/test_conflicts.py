"""Which metrics may share a name, and what is said of those that may not."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from dynamo.prometheus_metrics import MetricsError, RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import exposition, refused, series

ENDPOINT = "endpoint ns/comp/ep"


def other_endpoint(runtime: DistributedRuntime) -> RuntimeMetrics:
    return runtime.namespace("ns").component("comp").endpoint("other").metrics


# Allowed


def test_constant_labels_that_only_one_of_them_has_keep_two_metrics_apart(
    endpoint: Endpoint,
) -> None:
    endpoint.metrics.create_intcounter("m", "help").inc()
    endpoint.metrics.create_intcounter("m", "help", {"region": "us-west"}).inc_by(2)
    [family] = exposition(endpoint).values()
    assert [sample.value for sample in family.samples] == [1, 2]


def test_a_constant_label_with_two_values_keeps_two_metrics_apart(endpoint: Endpoint) -> None:
    for region in ("us", "eu"):
        endpoint.metrics.create_counter("m", "help", {"region": region}).inc()
    assert series(exposition(endpoint), "ns_comp_ep_m", "region") == {"us": 1, "eu": 1}


def test_different_label_names_keep_two_vecs_apart(endpoint: Endpoint) -> None:
    endpoint.metrics.create_countervec("m", "help", ["a"]).inc({"a": "x"})
    endpoint.metrics.create_countervec("m", "help", ["a", "b"]).inc({"a": "x", "b": "y"})
    [family] = exposition(endpoint).values()
    assert [len(sample.labels) for sample in family.samples] == [4, 5]


def test_a_vec_and_a_plain_metric_may_share_a_family(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gaugevec("m", "help", ["a"]).set(1, {"a": "x"})
    endpoint.metrics.create_gauge("m", "help").set(2)
    [family] = exposition(endpoint).values()
    assert [sample.value for sample in family.samples] == [1, 2]


def test_integers_and_floats_may_share_a_family(endpoint: Endpoint) -> None:
    endpoint.metrics.create_intgauge("m", "help", {"a": "int"}).set(1)
    endpoint.metrics.create_gauge("m", "help", {"a": "float"}).set(2.5)
    assert series(exposition(endpoint), "ns_comp_ep_m", "a") == {"int": 1, "float": 2.5}


def test_a_suffix_is_only_taken_below_a_histogram(metrics: RuntimeMetrics) -> None:
    metrics.create_gauge("m", "help")
    for suffix in ("bucket", "sum", "count"):
        metrics.create_gauge(f"m_{suffix}", "help")


# Refused, naming both owners and what differs


def test_two_kinds_conflict(runtime: DistributedRuntime, metrics: RuntimeMetrics) -> None:
    factories = ["create_counter", "create_gauge", "create_histogram"]
    for number, (first, second) in enumerate(permutations(factories, 2)):
        getattr(metrics, first)(f"m{number}", "help", full_name=True)
        existing, new = first.removeprefix("create_"), second.removeprefix("create_")
        with refused(
            MetricsError,
            f'"m{number}"',
            "the runtime",
            ENDPOINT,
            f"this is a {new}, that a {existing}",
            "another name",
        ):
            getattr(runtime.metrics, second)(f"m{number}", "help")


def test_two_descriptions_conflict(runtime: DistributedRuntime, metrics: RuntimeMetrics) -> None:
    metrics.create_counter("m", "first\nhelp", full_name=True)
    with refused(
        MetricsError,
        '"m"',
        "endpoint ns/comp/other",
        ENDPOINT,
        'here is "second help", there "first\\nhelp"',
        "same description or another name",
    ):
        other_endpoint(runtime).create_counter("m", "second help", full_name=True)


def test_two_lists_of_buckets_conflict(
    runtime: DistributedRuntime, metrics: RuntimeMetrics
) -> None:
    metrics.create_histogram("m", "help", buckets=[1, 2.5], full_name=True)
    with refused(
        MetricsError,
        '"m"',
        "endpoint ns/comp/other",
        ENDPOINT,
        "here are [1.0, 3.0], there [1.0, 2.5]",
        "same buckets or another name",
    ):
        other_endpoint(runtime).create_histogramvec(
            "m", "help", ["a"], buckets=[1, 3], full_name=True
        )


@pytest.mark.parametrize(
    ("first", "second", "here", "there"),
    [
        (("create_counter",), ("create_intcounter",), "IntCounter", "Counter"),
        (("create_intgauge",), ("create_gauge",), "Gauge", "IntGauge"),
        (("create_gaugevec", ["a"]), ("create_gauge", {"a": "x"}), "Gauge", "Gauge"),
        (("create_gauge", {"a": "x"}), ("create_gaugevec", ["a"]), "Gauge", "Gauge"),
        (("create_gaugevec", ["a", "b"]), ("create_gaugevec", ["b", "a"]), "Gauge", "Gauge"),
        (
            ("create_countervec", ["a"], {"b": "x"}),
            ("create_countervec", ["b"], {"a": "x"}),
            "Counter",
            "Counter",
        ),
        (
            ("create_histogramvec", ["a"]),
            ("create_histogram", {"a": "x"}),
            "Histogram",
            "Histogram",
        ),
    ],
)
def test_metrics_that_could_write_the_same_series_conflict(
    metrics: RuntimeMetrics, first: tuple[Any, ...], second: tuple[Any, ...], here: str, there: str
) -> None:
    getattr(metrics, first[0])("m", "help", *first[1:])
    with refused(
        MetricsError,
        '"ns_comp_ep_m"',
        ENDPOINT,
        ENDPOINT,
        f"{here} here and {there} there could both write the same series",
        "another value",
    ):
        getattr(metrics, second[0])("m", "help", *second[1:])


@pytest.mark.parametrize("suffix", ["_bucket", "_sum", "_count"])
@pytest.mark.parametrize("histogram", ["create_histogram", "create_histogramvec"])
def test_a_name_of_a_histograms_samples_is_taken(
    metrics: RuntimeMetrics, histogram: str, suffix: str
) -> None:
    arguments = [["a"]] if histogram.endswith("vec") else []
    getattr(metrics, histogram)("m", "help", *arguments)
    with refused(
        MetricsError,
        f'"ns_comp_ep_m{suffix}"',
        ENDPOINT,
        ENDPOINT,
        f'the {suffix} samples of the histogram "ns_comp_ep_m" have this name',
    ):
        metrics.create_intcounter(f"m{suffix}", "help")


@pytest.mark.parametrize("suffix", ["_bucket", "_sum", "_count"])
@pytest.mark.parametrize("histogram", ["create_histogram", "create_histogramvec"])
def test_a_histogram_whose_samples_names_are_taken_is_refused(
    metrics: RuntimeMetrics, histogram: str, suffix: str
) -> None:
    arguments = [["a"]] if histogram.endswith("vec") else []
    metrics.create_gauge(f"m{suffix}", "help")
    with refused(MetricsError, '"ns_comp_ep_m"', f"the {suffix} samples", '"ns_comp_ep_m"'):
        getattr(metrics, histogram)("m", "help", *arguments)


def test_the_runtimes_own_metrics_are_owners_like_any_other(metrics: RuntimeMetrics) -> None:
    with refused(MetricsError, ENDPOINT, "the runtime", "this is a counter, that a gauge"):
        metrics.create_counter("dynamo_component_uptime_seconds", "help", full_name=True)


def test_conflicts_between_nodes_with_different_paths_are_found_by_the_exposed_name(
    runtime: DistributedRuntime,
) -> None:
    runtime.namespace("a_b").component("c").metrics.create_counter("m", "help")
    with refused(MetricsError, '"a_b_c_m"', "component a/b_c", "component a_b/c", "description"):
        runtime.namespace("a").component("b_c").metrics.create_counter("m", "another help")


def test_a_conflict_changes_nothing_in_the_exposition(endpoint: Endpoint) -> None:
    endpoint.metrics.create_intcounter("m", "help").inc()
    before = exposition(endpoint)
    for factory in ("create_counter", "create_gauge", "create_histogram"):
        with pytest.raises(MetricsError):
            getattr(endpoint.metrics, factory)("m", "help")
    assert exposition(endpoint) == before


def test_a_name_is_free_again_when_the_last_metric_has_gone(metrics: RuntimeMetrics) -> None:
    metrics.unregister(metrics.create_histogram("m", "help"))
    assert metrics.create_counter("m", "another help").get() == 0
    assert metrics.create_counter("m_sum", "help").get() == 0

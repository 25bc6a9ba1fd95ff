"""The exposition itself: orders, spellings, escapes."""

from __future__ import annotations

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import buckets, exposition


def lines(endpoint: Endpoint) -> list[str]:
    return endpoint.metrics.prometheus_expfmt().splitlines()


def test_a_family_has_its_description_its_type_and_its_samples(endpoint: Endpoint) -> None:
    endpoint.metrics.create_intcounter("m", "What it is").inc()
    assert lines(endpoint) == [
        "# HELP ns_comp_ep_m What it is",
        "# TYPE ns_comp_ep_m counter",
        'ns_comp_ep_m{dynamo_component="comp",dynamo_endpoint="ep",dynamo_namespace="ns"} 1',
    ]


def test_the_exposition_ends_with_a_line_feed_and_an_empty_one_is_empty(endpoint: Endpoint) -> None:
    assert endpoint.metrics.prometheus_expfmt() == ""
    endpoint.metrics.create_gauge("m", "help")
    assert endpoint.metrics.prometheus_expfmt().endswith(" 0\n")


def test_a_metric_without_labels_has_no_braces(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_gauge("m", "help")
    assert "\nm 0\n" in runtime.metrics.prometheus_expfmt()


def test_families_are_sorted_by_name(runtime: DistributedRuntime) -> None:
    for name in ("b", "a", "B", "a_b", "_", "a:b", "b1"):
        runtime.metrics.create_gauge(name, "help", full_name=True)
    names = [name for name in exposition(runtime) if not name.startswith(("dynamo_", "process_"))]
    assert names == sorted(names) == ["B", "_", "a", "a:b", "a_b", "b", "b1"]


def test_labels_are_sorted_by_name_with_le_last(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_histogramvec("m", "help", ["z", "a", "m"], {"zz": "1", "b": "2"})
    vec.labels("", "", "")
    for sample in exposition(endpoint)["ns_comp_ep_m"].samples:
        names = [name for name in sample.labels if name != "le"]
        assert names == sorted(names)
        assert len(names) == 8
        if sample.name.endswith("_bucket"):
            assert list(sample.labels)[-1] == "le"


def test_series_stand_in_order_of_creation_whichever_metric_they_are_of(endpoint: Endpoint) -> None:
    metrics = endpoint.metrics
    vec = metrics.create_gaugevec("m", "help", ["a"])
    vec.set(1, {"a": "z"})
    metrics.create_gauge("m", "help").set(2)
    vec.set(3, {"a": "b"})
    metrics.create_gauge("m", "help", {"x": "y"}).set(4)
    vec.set(5, {"a": "c"})
    vec.set(1.5, {"a": "z"})
    values = [sample.value for sample in exposition(endpoint)["ns_comp_ep_m"].samples]
    assert values == [1.5, 2, 3, 4, 5]


def test_series_of_many_batches_stand_in_order_of_creation(endpoint: Endpoint) -> None:
    first = endpoint.metrics.create_intgaugevec("m", "help", ["a"])
    second = endpoint.metrics.create_intgaugevec("m", "help", ["b"])
    for number in range(2000):
        (second if number % 3 else first).labels(str(number)).set(number)
    values = [sample.value for sample in exposition(endpoint)["ns_comp_ep_m"].samples]
    assert values == list(range(2000))


def test_the_samples_of_a_histogram_stand_together(endpoint: Endpoint) -> None:
    vec = endpoint.metrics.create_histogramvec("m", "help", ["a"], buckets=[1])
    vec.labels("x")
    vec.labels("y")
    suffixes = ["_bucket", "_bucket", "_sum", "_count"]
    assert [
        (sample.name.removeprefix("ns_comp_ep_m"), sample.labels["a"])
        for sample in exposition(endpoint)["ns_comp_ep_m"].samples
    ] == [(suffix, value) for value in "xy" for suffix in suffixes]


# Numbers


def test_a_float_is_spelled_as_short_as_it_reads_back(runtime: DistributedRuntime) -> None:
    cases = [
        (0, "0"),
        (-0.0, "-0"),
        (42, "42"),
        (7.5, "7.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e15, "1000000000000000"),
        (1e300, "1e300"),
        (-2.5e-10, "-2.5e-10"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
    ]
    for value, text in cases:
        runtime.metrics.create_gauge("m", "help").set(value)
        assert f"\nm {text}\n" in runtime.metrics.prometheus_expfmt()


@pytest.mark.parametrize("value", [0, -1, 2**63 - 1, -(2**63)])
def test_a_whole_thing_is_spelled_in_full(runtime: DistributedRuntime, value: int) -> None:
    runtime.metrics.create_intgauge("m", "help").set(value)
    assert f"\nm {value}\n" in runtime.metrics.prometheus_expfmt()


@pytest.mark.parametrize(
    ("bound", "le"),
    [
        (-10, "-10.0"),
        (-0.0, "0.0"),
        (0.00001, "1e-05"),
        (0.0001, "0.0001"),
        (0.005, "0.005"),
        (1, "1.0"),
        (2.5, "2.5"),
        (600, "600.0"),
        (100_000, "100000.0"),
        (1e6, "1e+06"),
        (1_234_567.5, "1.2345675e+06"),
        (1e100, "1e+100"),
    ],
)
def test_le_is_spelled_as_prometheus_normalises_it(
    endpoint: Endpoint, bound: float, le: str
) -> None:
    endpoint.metrics.create_histogram("m", "help", buckets=[bound])
    assert list(buckets(exposition(endpoint), "ns_comp_ep_m")) == [le, "+Inf"]


# Escapes


def test_label_values_are_escaped(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gaugevec("m", "help", ["a"]).labels('\\ " \n \r \t').set(1)
    assert r'{a="\\ \" \n ' in endpoint.metrics.prometheus_expfmt()
    [sample] = exposition(endpoint)["ns_comp_ep_m"].samples
    assert sample.labels["a"] == '\\ " \n \r \t'


@pytest.mark.parametrize(
    "description", ["", 'a "quoted" word', "back\\slash\\n", "two\nlines", "größe 🦀"]
)
def test_descriptions_are_escaped(endpoint: Endpoint, description: str) -> None:
    endpoint.metrics.create_gauge("m", description)
    assert exposition(endpoint)["ns_comp_ep_m"].help == description
    assert len(lines(endpoint)) == 3


def test_a_description_does_not_become_a_line_of_its_own(metrics: RuntimeMetrics) -> None:
    metrics.create_gauge("m", "x\n# TYPE other counter\nother 5")
    assert len(metrics.prometheus_expfmt().splitlines()) == 3

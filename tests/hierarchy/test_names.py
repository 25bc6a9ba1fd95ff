"""The names under which metrics are exposed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import FACTORIES, VECS, create, exposition, refused, sample
from tests.support.formats import ALL, OPENMETRICS_0, TEXT, TEXT_1, key, read, render

DROPPED = "dynamo_runtime_text_dropped_total"


def nodes(runtime: DistributedRuntime) -> list[Any]:
    namespace = runtime.namespace("my_namespace")
    component = namespace.component("my_component")
    return [runtime, namespace, component, component.endpoint("my_endpoint")]


def test_a_name_is_completed_by_the_path_of_its_node(runtime: DistributedRuntime) -> None:
    names = [node.metrics.create_counter("m", "help").name() for node in nodes(runtime)]
    assert names == [
        "m",
        "my_namespace_m",
        "my_namespace_my_component_m",
        "my_namespace_my_component_my_endpoint_m",
    ]


@pytest.mark.parametrize("factory", FACTORIES)
def test_the_exposition_shows_the_very_name(endpoint: Endpoint, factory: str) -> None:
    metric = create(endpoint, factory, "requests_total")
    if factory in VECS:
        metric.with_label_values(["x"])
    assert list(exposition(endpoint)) == [metric.name()] == ["ns_comp_ep_requests_total"]


def test_each_part_is_sanitised_on_its_own(runtime: DistributedRuntime) -> None:
    endpoint = runtime.namespace("my-ns.1gen").component("é comp").endpoint("a:b")
    counter = endpoint.metrics.create_counter("2nd requests/total", "help")
    assert counter.name() == "my_ns__1gen___comp_a:b__2nd_requests_total"
    assert counter.name() in exposition(endpoint)


def test_labels_hold_the_path_as_given(runtime: DistributedRuntime) -> None:
    endpoint = runtime.namespace("my-ns.größe").component('a"b\\c').endpoint("line\nbreak 🦀")
    counter = endpoint.metrics.create_counter("m", "help")
    as_given = {
        "dynamo_namespace": "my-ns.größe",
        "dynamo_component": 'a"b\\c',
        "dynamo_endpoint": "line\nbreak 🦀",
    }
    assert counter.const_labels() == as_given
    [shown] = exposition(endpoint)[counter.name()].samples
    assert shown.labels == as_given


def test_each_level_has_its_own_labels(runtime: DistributedRuntime) -> None:
    labels = [node.metrics.create_counter("m", "help").const_labels() for node in nodes(runtime)]
    assert [list(names) for names in labels] == [
        [],
        ["dynamo_namespace"],
        ["dynamo_namespace", "dynamo_component"],
        ["dynamo_namespace", "dynamo_component", "dynamo_endpoint"],
    ]


@pytest.mark.parametrize("name", ["", "@@@", "é", "___"])
def test_a_name_that_cannot_be_salvaged_is_refused(endpoint: Endpoint, name: str) -> None:
    with refused(MetricsError, "metric", f'"{name}"', "cannot be"):
        endpoint.metrics.create_counter(name, "help")


def test_a_path_part_that_cannot_be_salvaged_is_refused_with_its_level(
    runtime: DistributedRuntime,
) -> None:
    endpoint = runtime.namespace("ns").component("@@@").endpoint("ep")
    with refused(MetricsError, "component", '"@@@"'):
        endpoint.metrics.create_counter("m", "help")


# Name styles


def test_the_component_style_puts_one_prefix_before_every_name() -> None:
    runtime = DistributedRuntime(name_style="component")
    for node in nodes(runtime):
        assert node.metrics.create_counter("m", "help").name() == "dynamo_component_m"
    [family] = [family for name, family in exposition(runtime).items() if name.endswith("_m")]
    assert [len(sample.labels) for sample in family.samples] == [0, 1, 2, 3]


def test_the_component_style_does_not_need_a_path_that_can_be_salvaged() -> None:
    endpoint = DistributedRuntime(name_style="component").namespace("@").component("@")
    assert endpoint.metrics.create_counter("1 m", "help").name() == "dynamo_component__1_m"


def test_the_component_style_sanitises_the_values_of_the_hierarchy_labels_as_dynamo_does() -> None:
    runtime = DistributedRuntime(name_style="component")
    metrics = runtime.namespace("my-ns.1gen").component("é comp").endpoint("日本").metrics
    expected = {
        "dynamo_namespace": "my_ns_1gen",
        "dynamo_component": "comp",
        "dynamo_endpoint": "日本",
    }
    assert dict(metrics.create_counter("m", "help").const_labels()) == expected
    registry = CollectorRegistry()
    Gauge("external", "help", registry=registry).set(1)
    metrics.register_collector(registry)
    [external] = exposition(runtime)["external"].samples
    assert external.labels == expected


def test_the_environment_chooses_the_style(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_METRICS_NAME_STYLE", "component")
    metrics = DistributedRuntime().namespace("ns").metrics
    assert metrics.create_counter("m", "help").name() == "dynamo_component_m"


def test_the_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_METRICS_NAME_STYLE", "component")
    metrics = DistributedRuntime(name_style="hierarchy").namespace("ns").metrics
    assert metrics.create_counter("m", "help").name() == "ns_m"


def test_a_style_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with refused(ValueError, "name_style=flat", "hierarchy or component"):
        DistributedRuntime(name_style="flat")
    with refused(TypeError, "name_style must be a str", "5"):
        DistributedRuntime(name_style=5)  # type: ignore[arg-type]


# Full names


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_full_name_is_kept_and_the_labels_are_added(endpoint: Endpoint, factory: str) -> None:
    metric = create(endpoint, factory, "vllm:tokens_total", full_name=True)
    assert metric.name() == "vllm:tokens_total"
    assert list(metric.const_labels()) == [
        "dynamo_namespace",
        "dynamo_component",
        "dynamo_endpoint",
    ]


def test_a_full_name_is_kept_in_the_component_style_too() -> None:
    metrics = DistributedRuntime(name_style="component").metrics
    assert metrics.create_gauge("up", "help", full_name=True).name() == "up"


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_full_name_is_refused(endpoint: Endpoint, name: str) -> None:
    with refused(MetricsError, f'full metric name "{name}" is empty'):
        endpoint.metrics.create_gauge(name, "help", full_name=True)


@pytest.mark.parametrize("factory", ["create_gauge", "create_countervec"])
@pytest.mark.parametrize("name", ["http.server.requests", "1up", "é", 'a "b"'])
def test_a_full_name_may_have_any_characters(endpoint: Endpoint, factory: str, name: str) -> None:
    """Formats that hold them show them; others show the name escaped."""
    metric = create(endpoint, factory, name, full_name=True)
    assert metric.name() == name
    if factory.endswith("vec"):
        metric.with_label_values(["x"])
    quoted = name.replace('"', '\\"')
    text = in_format(endpoint, "text/plain;version=1.0.0;escaping=allow-utf-8")
    assert f'# TYPE "{quoted}"' in text
    assert f'{{"{quoted}' in text
    openmetrics = in_format(
        endpoint, "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
    )
    assert f'"{quoted}' in openmetrics
    escaped = re.sub("[^a-zA-Z0-9_:]|^[0-9]", "_", name)
    assert f"# TYPE {escaped} " in endpoint.metrics.prometheus_expfmt()


def test_names_that_are_equal_when_escaped_stay_apart(runtime: DistributedRuntime) -> None:
    """In formats without such names one of them stays, and the other is counted as dropped."""
    for name in ("a.b", "a_b", "a-b"):
        runtime.metrics.create_gauge(name, "help", full_name=True).set(1)
    text = in_format(runtime, "text/plain;version=1.0.0;escaping=allow-utf-8")
    assert [f"# TYPE {name} gauge" in text for name in ('"a.b"', "a_b", '"a-b"')] == [True] * 3
    assert runtime.metrics.prometheus_expfmt().count("# TYPE a_b gauge") == 1


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS_0])
@pytest.mark.parametrize(
    ("factory", "name", "sample_name"),
    [
        ("create_histogram", "a.b", "a_b_count"),
        ("create_histogram", "a_b", "a.b_bucket"),
        ("create_summary", "a_b", "a.b_sum"),
    ],
)
def test_samples_with_names_that_are_equal_when_escaped_stay_apart(
    runtime: DistributedRuntime, accept: str, factory: str, name: str, sample_name: str
) -> None:
    getattr(runtime.metrics, factory)(name, "help", full_name=True).observe(1)
    runtime.metrics.create_gauge(sample_name, "help", full_name=True).set(5)
    render(runtime, accept)
    series = [line.split(" ")[0] for line in in_format(runtime, accept).splitlines()]
    series = [one for one in series if one.startswith("a_b")]
    assert len(series) == len(set(series)) > 0
    assert sample(exposition(runtime), DROPPED, reason="escaping") > 0
    assert render(runtime, TEXT_1).values[key(sample_name)] == 5


@pytest.mark.parametrize("accept", ALL.values(), ids=ALL)
@pytest.mark.parametrize(
    "asked",
    [
        "a.b_total",
        "a_b_total",
        "a.b",
        "a_b",
        "a_dot_b__total",
        "U__a_2e_b__total",
    ],
)
def test_a_family_is_found_by_its_name_and_by_the_name_that_is_shown(
    runtime: DistributedRuntime, accept: str, asked: str
) -> None:
    runtime.metrics.create_counter("a.b_total", "help", full_name=True).inc()
    runtime.metrics.create_gauge("b", "help").set(1)
    scheme = {"a_d": "dots", "U__": "values"}.get(asked[:3])
    if scheme:
        accept = f"{accept.partition(';escaping=')[0]};escaping={scheme}"
    content_type, _, body = runtime.metrics.exposition(accept, names=[asked])
    [value] = read(content_type, body).values.values()
    assert value == 1


def in_format(node: Endpoint | DistributedRuntime, accept: str) -> str:
    return node.metrics.exposition(accept)[2].decode()


def test_equal_full_names_of_two_endpoints_are_one_family(runtime: DistributedRuntime) -> None:
    component = runtime.namespace("ns").component("comp")
    for name in ("first", "second"):
        component.endpoint(name).metrics.create_counter("m", "help", full_name=True)
    endpoints = [sample.labels["dynamo_endpoint"] for sample in exposition(component)["m"].samples]
    assert endpoints == ["first", "second"]

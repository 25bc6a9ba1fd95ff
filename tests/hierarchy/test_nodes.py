"""Which nodes are the same, and what each of them shows."""

from __future__ import annotations

from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import exposition, refused, sample, series


def test_asking_twice_for_an_endpoint_gives_one_node(runtime: DistributedRuntime) -> None:
    component = runtime.namespace("ns").component("comp")
    first, second = component.endpoint("x"), component.endpoint("x")
    assert first == second
    assert hash(first) == hash(second)
    counter = first.metrics.create_intcounter("m", "help")
    assert second.metrics.create_intcounter("m", "help") is counter


def test_every_level_compares_by_its_place(runtime: DistributedRuntime) -> None:
    def nodes() -> list[Any]:
        namespace = runtime.namespace("ns")
        component = namespace.component("comp")
        return [namespace, component, component.endpoint("ep")]

    assert nodes() == nodes()
    assert len({*nodes(), *nodes()}) == 3


def test_nodes_of_different_runtimes_are_different(runtime: DistributedRuntime) -> None:
    other = DistributedRuntime()
    assert other != runtime
    assert other.namespace("ns") != runtime.namespace("ns")
    other.namespace("ns").metrics.create_gauge("m", "help")
    assert "ns_m" not in exposition(runtime)


def test_paths_that_read_alike_when_joined_are_different_nodes(runtime: DistributedRuntime) -> None:
    first = runtime.namespace("a_b").component("c")
    second = runtime.namespace("a").component("b_c")
    assert first != second
    first.metrics.create_intgauge("m", "help").set(1)
    second.metrics.create_intgauge("m", "help").set(2)
    families = exposition(runtime)
    labels = ("dynamo_namespace", "dynamo_component")
    assert series(families, "a_b_c_m", *labels) == {("a_b", "c"): 1, ("a", "b_c"): 2}


def test_a_dotted_namespace_is_the_nested_one(runtime: DistributedRuntime) -> None:
    nested = runtime.namespace("ns1").namespace("ns2")
    assert runtime.namespace("ns1.ns2") == nested
    assert runtime.namespace("ns1").namespace("ns2.ns3") == runtime.namespace("ns1.ns2.ns3")
    gauge = nested.component("comp").metrics.create_gauge("m", "help")
    assert gauge.name() == "ns1_ns2_comp_m"
    assert gauge.const_labels() == {"dynamo_namespace": "ns1.ns2", "dynamo_component": "comp"}


def test_a_namespace_in_a_namespace_is_not_a_component_in_it(runtime: DistributedRuntime) -> None:
    assert runtime.namespace("a.b") != runtime.namespace("a").component("b")


def test_a_node_shows_itself_and_all_below_it(runtime: DistributedRuntime) -> None:
    namespace = runtime.namespace("a")
    component = namespace.component("c")
    nodes: dict[str, Any] = {
        "m": runtime,
        "a_m": namespace,
        "a_b_m": runtime.namespace("a.b"),
        "a_c_m": component,
        "a_c_e_m": component.endpoint("e"),
        "a_d_m": namespace.component("d"),
        "ab_m": runtime.namespace("ab"),
    }
    for node in nodes.values():
        node.metrics.create_gauge("m", "help")
    everything = {name for name in exposition(runtime) if not name.startswith("process_")}
    assert everything == {*nodes, "dynamo_component_uptime_seconds"}
    assert set(exposition(namespace)) == {"a_m", "a_b_m", "a_c_m", "a_c_e_m", "a_d_m"}
    assert set(exposition(component)) == {"a_c_m", "a_c_e_m"}
    assert set(exposition(component.endpoint("e"))) == {"a_c_e_m"}


def test_the_runtime_shows_its_uptime(runtime: DistributedRuntime) -> None:
    families = exposition(runtime)
    assert families["dynamo_component_uptime_seconds"].type == "gauge"
    assert sample(families, "dynamo_component_uptime_seconds") > 0
    assert sample(exposition(runtime), "dynamo_component_uptime_seconds") > sample(
        families, "dynamo_component_uptime_seconds"
    )


@pytest.mark.parametrize("name", ["", ".", "a..b", ".a", "a."])
def test_a_namespace_with_an_empty_part_is_refused(runtime: DistributedRuntime, name: str) -> None:
    with refused(ValueError, "namespace", f'"{name}"', "empty"):
        runtime.namespace(name)
    with refused(ValueError, "namespace", f'"{name}"', "empty"):
        runtime.namespace("a").namespace(name)


def test_an_empty_component_or_endpoint_is_refused(runtime: DistributedRuntime) -> None:
    namespace = runtime.namespace("ns")
    with refused(ValueError, "component", '""', "empty"):
        namespace.component("")
    with refused(ValueError, "endpoint", '""', "empty"):
        namespace.component("comp").endpoint("")


@pytest.mark.parametrize("name", [None, 5, b"ns"])
def test_a_name_that_is_no_str_is_refused(runtime: DistributedRuntime, name: Any) -> None:
    with refused(TypeError, "namespace must be a str", repr(name)):
        runtime.namespace(name)
    with refused(TypeError, "component must be a str", repr(name)):
        runtime.namespace("ns").component(name)
    with refused(TypeError, "endpoint must be a str", repr(name)):
        runtime.namespace("ns").component("comp").endpoint(name)


def test_a_name_with_a_lone_surrogate_is_refused(runtime: DistributedRuntime) -> None:
    with refused(ValueError, r"'\ud800'", "UTF-8", "surrogate"):
        runtime.namespace("\ud800")


def test_a_health_status_that_is_not_known_is_refused(endpoint: Endpoint) -> None:
    with refused(ValueError, "health status", "`fine`", "ready or notready"):
        endpoint.set_health_status("fine")


def test_metrics_go_on_counting_after_shutdown(runtime: DistributedRuntime) -> None:
    counter = runtime.metrics.create_intcounter("m", "help")
    runtime.shutdown()
    counter.inc()
    assert sample(exposition(runtime), "m") == 1

"""``install()``: the guide's API on Dynamo's own classes."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

import dynamo_metrics
from dynamo import _core, runtime
from tests.guests.nvidia.host import Dynamo, metrics_text, scrape
from tests.support import FACTORIES, refused, sample

CLASS = _core.DistributedRuntime
"""A name that install() replaces, as those of any module."""

OWN = {"runtime": CLASS, "endpoint": _core.Endpoint}
"""The classes themselves."""

BEFORE = {name: dict(vars(owner)) for name, owner in OWN.items()}


@pytest.mark.usefixtures("installed")
def test_every_level_has_the_factories() -> None:
    drt: Any = runtime.DistributedRuntime()
    namespace = drt.namespace("ns")
    component = namespace.component("comp")
    for node in (drt, namespace, component, component.endpoint("ep"), drt.endpoint("a.b.c")):
        for factory in FACTORIES:
            assert callable(getattr(node.metrics, factory))


@pytest.mark.usefixtures("installed")
def test_nodes_are_those_of_attach(loop: asyncio.AbstractEventLoop) -> None:
    drt: Any = runtime.DistributedRuntime(loop)
    names = ("m", "ns_m", "eu_prod_m", "ns_comp_m", "ns_comp_ep_m")
    namespace = drt.namespace("ns")
    nested = drt.namespace("eu").namespace("prod")
    component = namespace.component("comp")
    for node in (drt, namespace, nested, component, component.endpoint("ep")):
        node.metrics.create_intcounter("m", "help").inc()
    dynamo_metrics.attach(drt, "ns.comp.ep").create_intcounter("m", "help").inc()
    families = scrape(drt)
    assert [sample(families, name) for name in names] == [1, 1, 1, 1, 2]


@pytest.mark.usefixtures("installed")
def test_endpoints_are_dynamos_own(loop: asyncio.AbstractEventLoop) -> None:
    drt: Any = runtime.DistributedRuntime(loop, "mem", "tcp")
    endpoint = drt.namespace("ns").component("comp").endpoint("ep")
    assert type(endpoint) is _core.Endpoint
    assert endpoint is drt.endpoint("dyn://ns.comp.ep")
    assert type(drt) is OWN["runtime"]
    assert isinstance(drt, runtime.DistributedRuntime)
    with pytest.raises(ValueError, match="Invalid endpoint path"):
        drt.endpoint("ns.comp")


@pytest.mark.usefixtures("installed")
def test_both_registrations_of_dynamo_still_work(loop: asyncio.AbstractEventLoop) -> None:
    drt: Any = runtime.DistributedRuntime(loop)
    endpoint = drt.endpoint("ns.comp.ep")
    endpoint.metrics.register_prometheus_expfmt_callback(lambda: "theirs 1\n")
    endpoint.metrics.register_prometheus_typed_callback(list)
    endpoint.metrics.create_gauge("m", "help")
    assert "\ntheirs 1\n" in metrics_text(drt)
    assert not hasattr(endpoint.metrics, "create_nothing")
    assert {"create_gauge", "register_prometheus_typed_callback"} <= set(dir(endpoint.metrics))


def test_installing_again_changes_nothing(installed: None) -> None:
    facade, endpoint = runtime.DistributedRuntime, vars(OWN["runtime"])["endpoint"]
    again = dynamo_metrics.install()
    assert (runtime.DistributedRuntime, vars(OWN["runtime"])["endpoint"]) == (facade, endpoint)
    again.uninstall()
    again.uninstall()
    assert vars(OWN["runtime"]) == BEFORE["runtime"]


def test_uninstalling_puts_everything_back(loop: asyncio.AbstractEventLoop) -> None:
    installation = dynamo_metrics.install()
    drt: Any = runtime.DistributedRuntime(loop)
    counter = drt.endpoint("ns.comp.ep").metrics.create_intcounter("m", "help")
    installation.uninstall()
    assert _core.DistributedRuntime is runtime.DistributedRuntime is CLASS is OWN["runtime"]
    assert vars(OWN["runtime"]) == BEFORE["runtime"]
    assert vars(_core.Endpoint) == BEFORE["endpoint"]
    assert "dynamo.prometheus_metrics" not in sys.modules
    counter.inc()
    assert sample(scrape(drt), "ns_comp_ep_m") == 1


def test_an_endpoint_from_before_says_what_to_do(dynamo: Dynamo) -> None:
    endpoint = dynamo.endpoint()
    installation = dynamo_metrics.install()
    try:
        endpoint.metrics.register_prometheus_expfmt_callback(lambda: "theirs 1\n")
        with refused(RuntimeError, "create_gauge", "install()", "attach(endpoint, path)"):
            endpoint.metrics.create_gauge("m", "help")
        assert dynamo.endpoint().metrics.create_gauge("m", "help").name() == "ns_comp_ep_m"
    finally:
        installation.uninstall()


@pytest.mark.usefixtures("installed")
def test_names_imported_before_are_replaced() -> None:
    assert CLASS is _core.DistributedRuntime is runtime.DistributedRuntime
    assert CLASS is not OWN["runtime"]


@pytest.mark.usefixtures("installed")
def test_the_decorator_of_dynamo_hands_out_such_a_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_DISCOVERY_BACKEND", "mem")

    @runtime.dynamo_worker()
    async def worker(drt: Any) -> None:
        drt.endpoint("ns.comp.ep").metrics.create_intcounter("m", "help").inc()
        families = await asyncio.to_thread(scrape, drt)
        assert sample(families, "ns_comp_ep_m") == 1

    asyncio.run(worker())


@pytest.mark.usefixtures("installed")
def test_the_types_are_in_the_module_that_the_guide_names() -> None:
    from dynamo.prometheus_metrics import IntCounter, RuntimeMetrics

    assert IntCounter is dynamo_metrics.IntCounter
    assert RuntimeMetrics is dynamo_metrics.RuntimeMetrics
    assert not hasattr(sys.modules["dynamo.prometheus_metrics"], "Runtime")

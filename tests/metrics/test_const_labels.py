"""``DYN_METRICS_CONST_LABELS``: labels of every series of the process."""

from __future__ import annotations

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from tests.support import exposition, refused

VARIABLE = "DYN_METRICS_CONST_LABELS"


@pytest.fixture
def labelled(monkeypatch: pytest.MonkeyPatch) -> DistributedRuntime:
    """A runtime of a process with two labels."""
    monkeypatch.setenv(VARIABLE, "region=eu, cluster=a")
    return DistributedRuntime()


def test_every_series_has_the_labels_of_the_process(labelled: DistributedRuntime) -> None:
    registry = CollectorRegistry()
    prometheus_client.Gauge("engine_level", "help", registry=registry)
    endpoint = labelled.namespace("ns").component("comp").endpoint("ep")
    endpoint.metrics.create_counter("c", "help")
    endpoint.metrics.create_histogramvec("h", "help", ["a"]).observe(1, {"a": "x"})
    endpoint.metrics.register_collector(registry)
    endpoint.metrics.register_prometheus_expfmt_callback(lambda: "external 1\n")
    samples = [one for family in exposition(labelled).values() for one in family.samples]
    assert {one.name for one in samples} >= {
        "ns_comp_ep_c",
        "ns_comp_ep_h_count",
        "engine_level",
        "external",
        "dynamo_component_uptime_seconds",
    }
    # Those of the process exist since the import, before the variable was set.
    for one in (one for one in samples if not one.name.startswith("process_")):
        assert (one.labels["region"], one.labels["cluster"]) == ("eu", "a"), one.name


def test_a_metric_keeps_its_own_label_of_the_same_name(labelled: DistributedRuntime) -> None:
    labelled.metrics.create_gauge("g", "help", {"region": "us"})
    labelled.metrics.create_gaugevec("v", "help", ["region"]).set(1, {"region": "x"})
    families = exposition(labelled)
    assert families["g"].samples[0].labels == {"region": "us", "cluster": "a"}
    assert families["v"].samples[0].labels == {"region": "x", "cluster": "a"}


def test_creating_a_metric_again_returns_the_first(labelled: DistributedRuntime) -> None:
    gauge = labelled.metrics.create_gauge("g", "help")
    assert labelled.metrics.create_gauge("g", "help") is gauge
    assert gauge.const_labels() == {"region": "eu", "cluster": "a"}


@pytest.mark.parametrize("value", ["a", "le=1", "dynamo_process=1", "a=1,a=2", "1=1"])
def test_labels_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with refused(ValueError, VARIABLE, value, "name=value"):
        DistributedRuntime()


def test_the_label_of_processes_is_reserved(runtime: DistributedRuntime) -> None:
    with refused(MetricsError, "dynamo_process"):
        runtime.metrics.create_gauge("g", "help", {"dynamo_process": "1"})
    with refused(MetricsError, "dynamo_process"):
        runtime.metrics.create_gaugevec("v", "help", ["dynamo_process"])


def test_a_constant_label_without_a_value_is_no_label(runtime: DistributedRuntime) -> None:
    plain = runtime.metrics.create_gauge("g", "help")
    assert runtime.metrics.create_gauge("g", "help", {"a": ""}) is plain
    with refused(MetricsError, "Gauge"):
        runtime.metrics.create_intgauge("g", "help", {"a": ""})

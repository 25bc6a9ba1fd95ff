"""What OpenMetrics forbids goes out in a form that it takes; what only it has is there."""

from __future__ import annotations

import time

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import create
from tests.support.formats import OPENMETRICS, OPENMETRICS_2, PROTOBUF, TEXT, key, render


def test_a_counter_keeps_its_name_whatever_else_there_is(endpoint: Endpoint) -> None:
    def create(factory: str, *names: str) -> None:
        for name in names:
            getattr(endpoint.metrics, factory)(name, "help", full_name=True)

    create("create_counter", "ends_well_total", "ends_badly")
    create("create_counter", "taken_total", "waiting_count_total", "waiting_created_total")
    create("create_counter", "nested_total", "nested_total_total", "nested_created_total")
    create("create_gauge", "taken")
    create("create_histogram", "waiting")
    exposition = render(endpoint, OPENMETRICS)
    assert exposition.values.keys() == render(endpoint, TEXT).values.keys()
    assert exposition.types == {
        "ends_well": "counter",
        "ends_badly": "unknown",
        "taken": "gauge",
        "taken_total": "unknown",
        "waiting": "histogram",
        "waiting_count_total": "unknown",
        "waiting_created_total": "unknown",
        "nested": "counter",
        "nested_total_total": "unknown",
        "nested_created_total": "unknown",
    }


@pytest.mark.parametrize(
    ("buckets", "observed"),
    [([-1.0, 1.0], 0.5), ([1.0], -0.5), ([1.0], float("-inf"))],
    ids=["a bound below zero", "a sum below zero", "an infinite sum below zero"],
)
def test_a_histogram_below_zero_goes_out_as_unknown_with_all_its_samples(
    runtime: DistributedRuntime, buckets: list[float], observed: float
) -> None:
    runtime.metrics.create_histogram("m", "help", buckets=buckets).observe(observed)
    whole = render(runtime, TEXT)
    assert whole.values[key("m_count")] == 1
    exposition = render(runtime, OPENMETRICS)
    names = ("m_bucket", "m_sum", "m_count")
    assert exposition.named(*names) == whole.named(*names)
    assert {exposition.types[name] for name in names} == {"unknown"}
    for accept in (OPENMETRICS_2, PROTOBUF):
        assert render(runtime, accept).values[key("m_sum")] == observed


def test_series_of_a_histogram_below_zero_keep_their_order(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_histogramvec("h", "help", ["a"], buckets=[-1.0])
    plain = runtime.metrics.create_histogram("h", "help", buckets=[-1.0])
    vec.observe(1, {"a": "x"})
    plain.observe(1)
    for accept in (TEXT, OPENMETRICS):
        counts = render(runtime, accept).named("h_count")
        assert list(counts) == [key("h_count"), key("h_count", a="x")]


def test_a_gauge_named_like_creation_times_is_their_sample(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_counter("made_total", "help")
    runtime.metrics.create_gauge("made_created", "help").set(7)
    exposition = render(runtime, OPENMETRICS)
    assert exposition.types["made"] == "counter"
    assert "made_created" not in exposition.types
    assert exposition.values[key("made_created")] == 7
    assert render(runtime, TEXT).types["made_created"] == "gauge"


@pytest.mark.parametrize("of", ["create_counter", "create_histogram"])
@pytest.mark.parametrize("factory", ["create_gaugevec", "create_histogram"])
def test_what_is_named_like_creation_times_and_is_not_keeps_its_values(
    endpoint: Endpoint, of: str, factory: str
) -> None:
    create(endpoint, of, "made_total" if of == "create_counter" else "made")
    other = create(endpoint, factory, "made_created")
    if factory == "create_gaugevec":
        other.inc({"a": "x"})
    values = render(endpoint, OPENMETRICS).values
    assert values == render(endpoint, TEXT).values
    assert values


def test_units_are_shown_where_the_format_has_them(runtime: DistributedRuntime) -> None:
    metrics = runtime.metrics
    metrics.create_counter("sent_bytes_total", "help", unit="bytes")
    metrics.create_counter("odd_bytes_total", "help", unit="bytes")
    metrics.create_gauge("odd_bytes", "help")
    metrics.create_histogram("waiting_seconds", "help", unit="seconds")
    metrics.create_gauge("level_ratio", "help")
    assert render(runtime, TEXT).units == {}
    # odd_bytes_total is no counter there, and its whole name does not end in the unit.
    assert render(runtime, OPENMETRICS).units == {
        "sent_bytes": "bytes",
        "waiting_seconds": "seconds",
    }
    for accept in (OPENMETRICS_2, PROTOBUF):
        assert render(runtime, accept).units == {
            "sent_bytes_total": "bytes",
            "odd_bytes_total": "bytes",
            "waiting_seconds": "seconds",
        }


def _born(metrics: RuntimeMetrics) -> tuple[float, float]:
    """Creates a series of each kind; when that began and ended."""
    began = time.time()
    metrics.create_counter("counted_total", "help")
    metrics.create_histogram("observed", "help")
    metrics.create_gauge("set", "help")
    vec = metrics.create_intcountervec("each_total", "help", ["a"])
    vec.inc({"a": "x"})
    return began - 0.001, time.time() + 0.001  # times are told in milliseconds


@pytest.mark.parametrize("accept", [PROTOBUF, OPENMETRICS_2])
def test_the_birth_of_counters_and_histograms_is_shown_where_it_has_a_place(
    runtime: DistributedRuntime, accept: str
) -> None:
    began, ended = _born(runtime.metrics)
    created = render(runtime, accept).created
    for at in (key("counted_total"), key("observed"), key("each_total", a="x")):
        assert began <= created[at] <= ended
    assert key("set") not in created


def test_the_birth_of_series_is_a_sample_only_on_request(
    runtime: DistributedRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _born(runtime.metrics)
    assert not [at for at in render(runtime, OPENMETRICS).values if at.name.endswith("_created")]
    monkeypatch.setenv("DYN_METRICS_CREATED_SAMPLES", "yes")
    asked = DistributedRuntime()
    began, ended = _born(asked.metrics)
    values = render(asked, OPENMETRICS).values
    for at in (key("counted_created"), key("observed_created"), key("each_created", a="x")):
        assert began <= float(values[at]) <= ended
    assert key("set_created") not in values
    assert not [at for at in render(asked, TEXT).values if at.name.endswith("_created")]


def test_a_series_removed_and_created_again_is_born_again(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m_total", "help", ["a"])
    at = key("m_total", a="x")
    vec.inc({"a": "x"})
    first = render(runtime, PROTOBUF).created[at]
    vec.remove({"a": "x"})
    while time.time() < first + 0.002:
        pass
    vec.inc({"a": "x"})
    assert render(runtime, PROTOBUF).created[at] > first

"""What is dropped from external expositions: the smallest part, by reason, named once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, Sample

from dynamo.prometheus_metrics import MetricsError
from dynamo.runtime import DistributedRuntime
from tests.support import exposition, sample
from tests.support.formats import (
    ALL,
    OPENMETRICS,
    OPENMETRICS_2,
    PROTOBUF,
    TEXT,
    TEXT_1,
    key,
    render,
)
from tests.support.log import Log

DROPPED = "dynamo_runtime_text_dropped_total"
ERRORS = "dynamo_runtime_callback_errors_total"


def show(runtime: DistributedRuntime, text: str) -> None:
    def external() -> str:
        return text

    runtime.metrics.register_prometheus_expfmt_callback(external)


class Raises:
    """A collector that raises after its first family."""

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        yield GaugeMetricFamily("before_it_raises", "help", 1)
        raise KeyError("the cause")


class Yields:
    """A collector of these families."""

    def __init__(self, *families: Any) -> None:
        self.families = families

    def collect(self) -> Iterator[Any]:
        yield from self.families


@pytest.mark.parametrize(
    ("text", "reason", "parts"),
    [
        ("# TYPE n_requests gauge\nn_requests 1\n", "other_type", ['"n_requests"', "line 2"]),
        ("a 1\nbad line here\n", "invalid_line", ['"bad"', "line 2"]),
        ("h_sum 1\n", "sample_name", ['"h_sum"', "line 1"]),
        ("a 1\na 2\n", "duplicate", ['"a"', "line 2"]),
        (
            '# TYPE t histogram\nt_bucket{le="+Inf"} 1\nt_count 2\na 1\n',
            "invalid_series",
            ['"t"', "line 2"],
        ),
        (
            '# TYPE e counter\ne 1 # {t="1"} 1 -5\n',
            "invalid_exemplar",
            ['"e"', "line 2", "1 -5", "without it"],
        ),
        ("e 1 -5\n", "invalid_timestamp", ['"e"', "line 1", "e 1 -5", "without it"]),
        ('{"a.b"} 1\na_b 2\n', "duplicate", ['"a_b"', "line 1"]),
        ('x{"a.b"="1",a_b="2"} 1\n', "escaping", ['"x"', "line 1", "two labels of a series"]),
        ('x{"a.b"="1"} 1\nx{a_b="1"} 2\n', "escaping", ['"x"', "line 1", "two series"]),
        ('a 1\nx{"..name.."="y"} 1\n', "escaping", ['"x"', "line 2", "a reserved one"]),
    ],
)
def test_a_loss_is_counted_by_reason_and_logged_once(
    runtime: DistributedRuntime, log: Log, text: str, reason: str, parts: list[str]
) -> None:
    runtime.metrics.create_counter("n_requests", "help")
    runtime.metrics.create_histogram("h", "help")
    show(runtime, text)
    exposition(runtime)
    assert sample(exposition(runtime), DROPPED, reason=reason) >= 1
    message = log.until("show.<locals>.external: ")[-1].getMessage()
    assert "later losses of this kind are only counted" in message
    assert all(part in message for part in parts), message


def test_a_family_of_our_own_whose_escaped_name_is_taken_is_logged_with_the_reason(
    runtime: DistributedRuntime, log: Log
) -> None:
    for name in ("http.server.active", "http_server_active"):
        runtime.metrics.create_gauge(name, "help", full_name=True).set(1)
    exposition(runtime)
    message = log.until('family "http.server.active" is not shown')[-1].getMessage()
    assert "has the same name after escaping" in message
    assert "rename one of them" in message
    assert sample(exposition(runtime), DROPPED, reason="escaping") >= 1


def test_a_collector_that_raises_costs_no_other_of_its_registry(
    runtime: DistributedRuntime, log: Log
) -> None:
    registry = CollectorRegistry()
    prometheus_client.Gauge("first", "help", registry=registry).set(1)
    registry.register(Raises())
    prometheus_client.Gauge("last", "help", registry=registry).set(2)
    runtime.metrics.register_collector(registry)
    families = exposition(runtime)
    assert (sample(families, "first"), sample(families, "last")) == (1, 2)
    assert sample(families, "before_it_raises") == 1
    assert sample(families, ERRORS) == 1
    record = log.until("Raises object")[-1]
    assert record.exc_info
    assert "other families are shown" in record.getMessage()


SURROGATE = "\ud800"


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (Sample("bad", {"a": "1"}, "x"), "ValueError: could not convert string to float: 'x'"),
        (Sample("bad", {"a": "1"}, None), "TypeError"),
        (Sample("bad", {"a": "1"}, 10**400), "OverflowError"),
        (Sample("bad", {"a": "1"}, 1, "x"), "ValueError"),
        (Sample("bad", {"a": SURROGATE}, 1), "surrogates not allowed"),
        (Sample("bad", {SURROGATE: "1"}, 1), "surrogates not allowed"),
        (Sample("bad", {5: "1"}, 1), "AttributeError"),
    ],
)
def test_a_sample_that_cannot_be_written_costs_nothing_but_itself(
    runtime: DistributedRuntime, log: Log, bad: Any, cause: str
) -> None:
    family = GaugeMetricFamily("bad", f"help {SURROGATE}")
    family.samples = [bad, Sample("bad", {"a": "2"}, 2)]
    runtime.metrics.register_collector(Yields(family, GaugeMetricFamily("ok", "help", 1)))
    exposition(runtime)
    families = exposition(runtime)
    assert [one.value for one in families["bad"].samples] == [2]
    assert (families["bad"].help, sample(families, "ok")) == ("help ?", 1)
    assert sample(families, DROPPED, reason="invalid_line") >= 1
    assert sample(families, ERRORS) == 0
    message = log.until('family "bad"')[-1].getMessage()
    assert all(part in message for part in ("Yields object", "line 3", cause)), message


def test_a_family_that_cannot_be_written_costs_nothing_but_itself(
    runtime: DistributedRuntime,
) -> None:
    broken = GaugeMetricFamily("broken", "help", 1)
    broken.name = SURROGATE
    runtime.metrics.register_collector(Yields(broken, GaugeMetricFamily("ok", "help", 1)))
    families = exposition(runtime)
    assert sample(families, "ok") == 1
    assert sample(families, ERRORS) == 1


@pytest.mark.parametrize(
    "exemplar",
    [
        Exemplar({"t": SURROGATE}, 1),
        Exemplar({"t": "1"}, "x"),
        Exemplar({"t": "1"}, 1, "x"),
        Exemplar({"t": "1" * 200}, 1),
        Exemplar({"t.t": "1"}, 1),
        5,
    ],
)
def test_an_exemplar_of_a_registry_that_is_not_valid_costs_no_sample(
    runtime: DistributedRuntime, exemplar: Any
) -> None:
    family = CounterMetricFamily("requests", "help")
    family.add_metric([], 3, exemplar=exemplar)
    runtime.metrics.register_collector(Yields(family))
    for accept in ALL.values():
        shown = render(runtime, accept)
        assert shown.values[key("requests_total")] == 3
        assert not shown.exemplars
    assert sample(exposition(runtime), DROPPED, reason="invalid_exemplar") >= 1


def test_target_info_and_restricted_registries_are_shown(runtime: DistributedRuntime) -> None:
    registry = CollectorRegistry(target_info={"zone": "a"})
    prometheus_client.Gauge("kept", "help", registry=registry).set(1)
    prometheus_client.Gauge("left_out", "help", registry=registry)
    runtime.metrics.register_collector(registry)
    assert sample(exposition(runtime), "target_info", zone="a") == 1
    other = DistributedRuntime()
    other.metrics.register_collector(registry.restricted_registry(["kept"]))
    families = exposition(other)
    assert sample(families, "kept") == 1
    assert "left_out" not in families


def test_names_of_any_characters_are_kept_where_the_format_allows_it(
    runtime: DistributedRuntime,
) -> None:
    registry = CollectorRegistry()
    prometheus_client.Counter(
        "http.server.requests", "help", ["http.route"], registry=registry
    ).labels("/").inc(3)
    prometheus_client.Gauge("a.b", "help", registry=registry).set(1)
    prometheus_client.Gauge("a_b", "help", registry=registry).set(2)
    runtime.metrics.register_collector(registry)
    for accept in (TEXT_1, OPENMETRICS, OPENMETRICS_2, PROTOBUF):
        values = render(runtime, accept).values
        assert values[key("http.server.requests_total", **{"http.route": "/"})] == 3
        assert (values[key("a.b")], values[key("a_b")]) == (1, 2)
    values = render(runtime, TEXT).values
    assert values[key("http_server_requests_total", http_route="/")] == 3
    assert values[key("a_b")] == 2


def test_exemplars_of_a_registry_are_passed_on(runtime: DistributedRuntime) -> None:
    registry = CollectorRegistry()
    prometheus_client.Counter("requests", "help", registry=registry).inc(exemplar={"trace_id": "a"})
    prometheus_client.Histogram("seconds", "help", buckets=[1], registry=registry).observe(
        0.5, exemplar={"trace_id": "b"}
    )
    runtime.metrics.register_collector(registry)
    exemplars = render(runtime, OPENMETRICS).exemplars
    assert {at.name: one.labels["trace_id"] for at, one in exemplars.items()} == {
        "requests_total": "a",
        "seconds_bucket": "b",
    }


def test_the_time_of_an_exemplar_is_exact(runtime: DistributedRuntime) -> None:
    show(runtime, '# TYPE a counter\na_total 1 # {t="1"} 1 1708470054.261\n# EOF\n')
    [exemplar] = render(runtime, OPENMETRICS).exemplars.values()
    assert float(exemplar.timestamp) == 1708470054.261


def test_an_exemplar_without_a_time_keeps_the_time_it_was_first_seen(
    runtime: DistributedRuntime,
) -> None:
    value = 1.0

    def external() -> str:
        return f'# TYPE a counter\na_total {value} # {{t="1"}} {value}\n# EOF\n'

    def shown() -> float:
        [exemplar] = render(runtime, OPENMETRICS).exemplars.values()
        return float(exemplar.timestamp)

    runtime.metrics.register_prometheus_expfmt_callback(external)
    first = shown()
    time.sleep(0.01)
    assert shown() == first
    value = 2.0
    assert shown() > first


def test_a_histogram_without_a_sum_is_the_same_in_all_formats(runtime: DistributedRuntime) -> None:
    show(runtime, '# TYPE h histogram\nh_bucket{le="-1"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\n')
    for accept in ALL.values():
        values = render(runtime, accept).values
        assert (values[key("h_sum")], values[key("h_count")]) == ("NaN", 2)


def test_creation_times_are_start_times_in_formats_that_have_them(
    runtime: DistributedRuntime,
) -> None:
    show(
        runtime,
        '# TYPE a counter\na_total{x="1"} 1\na_created{x="1"} 1708470054.261\n'
        '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\nh_created 1708470054.5\n'
        "# EOF\n",
    )
    for accept in (OPENMETRICS_2, PROTOBUF):
        created = render(runtime, accept).created
        assert created[key("a_total", x="1")] == pytest.approx(1708470054.261, abs=1e-4)
        assert created[key("h")] == pytest.approx(1708470054.5)


# Labels without a value


def test_a_label_without_a_value_is_no_label(runtime: DistributedRuntime) -> None:
    show(runtime, 'x{a=""} 1\nx 2\n')
    families = exposition(runtime)
    assert [one.value for one in families["x"].samples] == [1]
    assert sample(families, DROPPED, reason="duplicate") >= 1


def test_an_external_series_equals_ours_without_the_value(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_gaugevec("x", "help", ["a"]).set(1, {"a": ""})
    show(runtime, "# TYPE x gauge\nx 2\n")
    assert [one.value for one in exposition(runtime)["x"].samples] == [1]


@pytest.mark.parametrize("accept", ALL.values(), ids=ALL)
@pytest.mark.parametrize("vec_first", [True, False], ids=["vec first", "vec second"])
def test_a_series_of_a_vec_without_values_is_the_plain_one(
    runtime: DistributedRuntime, accept: str, vec_first: bool
) -> None:
    if not vec_first:
        running = runtime.metrics.create_gauge("running", "help")
    loras = runtime.metrics.create_gaugevec("running", "help", ["lora"])
    loras.set(2, {"lora": ""})
    if vec_first:
        running = runtime.metrics.create_gauge("running", "help")
    assert running.get() == 2
    running.inc()
    assert loras.get({"lora": ""}) == 3
    assert runtime.metrics.create_gaugevec("running", "help", ["pod"]).get({"pod": ""}) == 3
    loras.set(4, {"lora": "a"})
    expected = {key("running"): 3, key("running", lora="a"): 4}
    assert render(runtime, accept).named("running") == expected
    assert (
        DROPPED not in exposition(runtime)
        or sample(exposition(runtime), DROPPED, reason="duplicate") == 0
    )
    runtime.metrics.unregister(running)
    loras.inc({"lora": ""})
    expected = {key("running", lora=""): 1, key("running", lora="a"): 4}
    assert render(runtime, accept).named("running") == expected


def test_vecs_whose_series_differ_in_a_label_without_a_value_share_them(
    runtime: DistributedRuntime,
) -> None:
    both = runtime.metrics.create_countervec("x", "help", ["a", "b"])
    one = runtime.metrics.create_countervec("x", "help", ["a"])
    both.inc({"a": "1", "b": ""})
    one.inc({"a": "1"})
    assert both.get({"a": "1", "b": ""}) == 2
    [series] = exposition(runtime)["x"].samples
    assert series.value == 2
    assert both.remove({"a": "1"})
    one.inc({"a": "1"})
    [series] = exposition(runtime)["x"].samples
    assert series.value == 1


def test_a_plain_metric_of_another_type_than_the_vec_with_its_series_is_refused(
    runtime: DistributedRuntime,
) -> None:
    runtime.metrics.create_intgaugevec("x", "help", ["a"]).set(1, {"a": ""})
    with pytest.raises(MetricsError, match="could both write the same series"):
        runtime.metrics.create_gauge("x", "help")

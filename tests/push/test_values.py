"""What arrives at an OTLP receiver equals what a scrape shows, for every kind of metric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

from dynamo.runtime import DistributedRuntime
from tests.support.exposition import exposition, sample
from tests.support.otlp import Answer, Receiver, attributes, resource_of

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA

HIERARCHY = {"dynamo_namespace": "ns", "dynamo_component": "comp", "dynamo_endpoint": "ep"}


@pytest.fixture
def pushed(runtime: DistributedRuntime, receiver: Receiver) -> Iterator[DistributedRuntime]:
    """A runtime that exports when it is flushed."""
    yield from exporting(runtime, receiver)


@pytest.fixture
def changes(runtime: DistributedRuntime, receiver: Receiver) -> Iterator[DistributedRuntime]:
    """A runtime that exports changes when it is flushed."""
    yield from exporting(runtime, receiver, temporality="delta")


def exporting(
    runtime: DistributedRuntime, receiver: Receiver, **settings: str
) -> Iterator[DistributedRuntime]:
    runtime.push.start(receiver.url, interval=3600, **settings)
    yield runtime
    runtime.push.stop(0)


def flushed(runtime: DistributedRuntime, receiver: Receiver) -> dict[str, Metric]:
    assert runtime.push.flush()
    return receiver.metrics()


def value(point: Any) -> float:
    number: float = getattr(point, point.WhichOneof("value"))
    return number


def test_counters_are_monotonic_sums_with_the_time_of_their_creation(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    metrics = pushed.namespace("ns").component("comp").endpoint("ep").metrics
    metrics.create_intcounter("requests_total", "Requests received").inc_by(7)
    metrics.create_counter("busy_seconds_total", "Busy", unit="seconds").inc_by(0.5)
    sent = flushed(pushed, receiver)
    requests, busy = sent["ns_comp_ep_requests_total"], sent["ns_comp_ep_busy_seconds_total"]
    assert requests.description == "Requests received"
    assert busy.unit == "s"
    for metric, expected in ((requests, 7), (busy, 0.5)):
        assert metric.sum.is_monotonic
        assert metric.sum.aggregation_temporality == CUMULATIVE
        [point] = metric.sum.data_points
        assert value(point) == expected
        assert attributes(point) == HIERARCHY
        assert 0 < point.start_time_unix_nano <= point.time_unix_nano


def test_gauges_are_gauges_of_integers_or_floats(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    pushed.metrics.create_intgauge("whole", "help").set(-3)
    pushed.metrics.create_gaugevec("parts", "help", ["of"]).set(0.25, {"of": "ü"})
    sent = flushed(pushed, receiver)
    [whole] = sent["whole"].gauge.data_points
    assert (whole.as_int, whole.WhichOneof("value")) == (-3, "as_int")
    [part] = sent["parts"].gauge.data_points
    assert (part.as_double, attributes(part)) == (0.25, {"of": "ü"})


def test_a_classic_histogram_keeps_bounds_counts_and_sum(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    histogram = pushed.metrics.create_histogram("latency", "help", buckets=[0.1, 1.0, 10.0])
    for seconds in (0.1, 0.5, 5.0, 50.0, 60.0):
        histogram.observe(seconds)
    [point] = flushed(pushed, receiver)["latency"].histogram.data_points
    assert list(point.explicit_bounds) == [0.1, 1.0, 10.0]
    assert list(point.bucket_counts) == [1, 1, 1, 2]
    assert (point.count, point.sum) == (5, 115.6)


@pytest.mark.parametrize("schema", [-4, 0, 3, 8])
def test_a_native_histogram_is_an_exponential_one_without_loss(
    pushed: DistributedRuntime, receiver: Receiver, schema: int
) -> None:
    histogram = pushed.metrics.create_histogram("latency", "help", native=True, schema=schema)
    values = [0.0, 0.001, 0.5, 1.0, 1.5, 2.0, 2.0, -4.0, -1000.0]
    for observed in values:
        histogram.observe(observed)
    [point] = flushed(pushed, receiver)["latency"].exponential_histogram.data_points
    assert point.scale == schema
    assert (point.count, point.sum, point.zero_count) == (len(values), sum(values), 1)
    base = 2.0**2.0**-schema
    for side, observed in (
        (point.positive, [number for number in values if number > 0]),
        (point.negative, [-number for number in values if number < 0]),
    ):
        # A bucket's lower bound is base ** index, exclusive; its upper bound is inclusive.
        expected: dict[int, int] = {}
        for number in observed:
            index = math.ceil(round(math.log(number, base), 6)) - 1
            expected[index] = expected.get(index, 0) + 1
        counts = dict(enumerate(side.bucket_counts, side.offset))
        assert {index: count for index, count in counts.items() if count} == expected


def test_buckets_that_are_far_apart_keep_their_places(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    histogram = pushed.metrics.create_histogram("latency", "help", native=True, schema=3)
    for observed in (1e-30, 1e30):
        histogram.observe(observed)
    [point] = flushed(pushed, receiver)["latency"].exponential_histogram.data_points
    buckets = point.positive.bucket_counts
    assert (point.scale, buckets[0], buckets[-1], sum(buckets)) == (3, 1, 1, 2)


def test_exemplars_carry_the_ids_of_their_span(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    counter = pushed.metrics.create_intcounter("requests_total", "help")
    counter.inc(exemplar={"trace_id": trace, "span_id": span, "user": "a"})
    [point] = flushed(pushed, receiver)["requests_total"].sum.data_points
    [exemplar] = point.exemplars
    assert (exemplar.trace_id.hex(), exemplar.span_id.hex()) == (trace, span)
    [extra] = exemplar.filtered_attributes
    assert (extra.key, extra.value.string_value) == ("user", "a")


def test_external_families_are_typed_as_they_are(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    text = """\
# TYPE theirs_total counter
theirs_total{a="1"} 3
# TYPE theirs_summary summary
theirs_summary{quantile="0.5"} 0.25
theirs_summary_sum 10
theirs_summary_count 4
# TYPE theirs_histogram histogram
theirs_histogram_bucket{le="1.0"} 2
theirs_histogram_bucket{le="+Inf"} 5
theirs_histogram_sum 9
theirs_histogram_count 5
theirs_untyped 7
"""
    pushed.metrics.register_prometheus_expfmt_callback(lambda: text)
    sent = flushed(pushed, receiver)
    [counter] = sent["theirs_total"].sum.data_points
    assert (value(counter), attributes(counter)) == (3, {"a": "1"})
    [summary] = sent["theirs_summary"].summary.data_points
    [quantile] = summary.quantile_values
    assert (quantile.quantile, quantile.value) == (0.5, 0.25)
    assert (summary.sum, summary.count) == (10, 4)
    [histogram] = sent["theirs_histogram"].histogram.data_points
    assert (list(histogram.bucket_counts), histogram.sum) == ([2, 3], 9)
    [untyped] = sent["theirs_untyped"].gauge.data_points
    assert value(untyped) == 7


def test_callbacks_run_before_each_export(pushed: DistributedRuntime, receiver: Receiver) -> None:
    gauge = pushed.metrics.create_intgauge("calls", "help")
    pushed.metrics.register_callback(gauge.inc)
    for expected in (1, 2):
        [point] = flushed(pushed, receiver)["calls"].gauge.data_points
        assert value(point) == expected


def test_every_number_equals_that_of_the_scrape(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    vec = pushed.metrics.create_intcountervec("requests_total", "help", ["code"])
    for code in range(300):
        vec.inc_by({"code": str(code)}, code)
    sent = flushed(pushed, receiver)
    shown = exposition(pushed)
    points = sent["requests_total"].sum.data_points
    assert len(points) == 300
    for point in points:
        assert value(point) == sample(shown, "requests_total", **attributes(point))


def test_many_series_are_split_into_requests_that_receivers_accept(
    pushed: DistributedRuntime, receiver: Receiver
) -> None:
    vec = pushed.metrics.create_intcountervec("requests_total", "help", ["code"])
    for code in range(30_000):
        vec.inc({"code": f"{code:060}"})
    assert pushed.push.flush()
    points = [
        attributes(point)["code"]
        for metric in receiver.all_metrics()["requests_total"]
        for point in metric.sum.data_points
    ]
    assert sorted(map(int, points)) == list(range(30_000))
    assert len(receiver.sizes) > 1
    assert max(receiver.sizes) < 4 << 20


def test_deltas_are_the_changes_since_the_last_export(
    changes: DistributedRuntime, receiver: Receiver
) -> None:
    counter = changes.metrics.create_intcounter("requests_total", "help")
    histogram = changes.metrics.create_histogram("latency", "help", buckets=[1.0])
    native = changes.metrics.create_histogram("native", "help", native=True, max_buckets=4)
    ends = []
    for round_ in range(1, 4):
        counter.inc_by(round_)
        histogram.observe(0.5)
        for step in range(1, 10):
            native.observe(step * round_)  # halves its resolution on the way
        sent = flushed(changes, receiver)
        [point] = sent["requests_total"].sum.data_points
        assert sent["requests_total"].sum.aggregation_temporality == DELTA
        assert value(point) == round_
        [buckets] = sent["latency"].histogram.data_points
        assert (list(buckets.bucket_counts), buckets.sum) == ([1, 0], 0.5)
        [exponential] = sent["native"].exponential_histogram.data_points
        assert (exponential.count, sum(exponential.positive.bucket_counts)) == (9, 9)
        ends.append((point.start_time_unix_nano, point.time_unix_nano))
    assert [start for start, _ in ends[1:]] == [end for _, end in ends[:-1]]


def test_a_delta_that_did_not_arrive_is_part_of_the_next_one(
    changes: DistributedRuntime, receiver: Receiver
) -> None:
    counter = changes.metrics.create_intcounter("requests_total", "help")
    counter.inc_by(2)
    receiver.answers.put(Answer(400))
    assert not changes.push.flush()
    receiver.metrics()
    counter.inc_by(3)
    [point] = flushed(changes, receiver)["requests_total"].sum.data_points
    assert value(point) == 5


def test_a_series_that_is_created_again_starts_again(
    changes: DistributedRuntime, receiver: Receiver
) -> None:
    vec = changes.metrics.create_intcountervec("requests_total", "help", ["code"])
    vec.inc_by({"code": "200"}, 2)
    flushed(changes, receiver)
    vec.remove({"code": "200"})
    vec.inc_by({"code": "200"}, 5)
    [point] = flushed(changes, receiver)["requests_total"].sum.data_points
    assert value(point) == 5


def test_the_resource_names_the_service_and_the_instance(
    runtime: DistributedRuntime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=a%20b")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "worker")
    runtime.push.start(receiver.url, interval=3600)
    assert runtime.push.flush()
    runtime.push.stop(0)
    resource = resource_of(receiver.request())
    assert (resource["service.name"], resource["team"]) == ("worker", "a b")
    assert resource["service.instance.id"]

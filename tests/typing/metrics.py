"""What the factories and the metrics return, and what they take."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from decimal import Decimal
from http import HTTPStatus

from prometheus_client import CollectorRegistry, generate_latest
from typing_extensions import assert_type

from dynamo.prometheus_metrics import (
    DEFAULT,
    DEFAULT_BUCKETS,
    Counter,
    CounterVec,
    Gauge,
    GaugeVec,
    Histogram,
    HistogramVec,
    IntCounter,
    IntCounterVec,
    IntGauge,
    IntGaugeVec,
    MetricsError,
    RuntimeMetrics,
    Summary,
    SummaryVec,
    Timer,
    VecTimer,
    exponential_buckets,
    linear_buckets,
)


def factories(metrics: RuntimeMetrics, names: Sequence[str]) -> None:
    assert_type(metrics.create_counter("a", "b"), Counter)
    assert_type(metrics.create_intcounter("a", "b"), IntCounter)
    assert_type(metrics.create_gauge("a", "b"), Gauge)
    assert_type(metrics.create_intgauge("a", "b"), IntGauge)
    assert_type(metrics.create_histogram("a", "b"), Histogram)
    assert_type(metrics.create_summary("a", "b"), Summary)
    assert_type(metrics.create_summaryvec("a", "b", names), SummaryVec)
    assert_type(metrics.create_info("a", "b", {"version": "1"}), IntGauge)
    assert_type(metrics.create_countervec("a", "b", names), CounterVec)
    assert_type(metrics.create_intcountervec("a", "b", names), IntCounterVec)
    assert_type(metrics.create_gaugevec("a", "b", names), GaugeVec)
    assert_type(metrics.create_intgaugevec("a", "b", names), IntGaugeVec)
    assert_type(metrics.create_histogramvec("a", "b", names), HistogramVec)
    assert_type(metrics.prometheus_expfmt(), str)


def arguments(metrics: RuntimeMetrics, pairs: Iterator[tuple[str, str]]) -> None:
    metrics.create_counter(name="a", description="b", labels={"c": "d"}, full_name=True)
    metrics.create_gauge("a", "b", pairs)
    metrics.create_gauge("a", "b", (("c", "d"),))
    metrics.create_gauge("a", "b", None)
    metrics.create_histogram("a", "b", [("c", "d")], DEFAULT)
    metrics.create_histogram("a", "b", buckets=(1, 2.5, Decimal(3)))
    metrics.create_countervec("a", "b", label_names=("c", "d"), const_labels={"e": "f"})
    metrics.create_histogramvec("a", "b", ["c"], [("d", "e")], linear_buckets(0, 0.5, 8))
    metrics.create_histogramvec("a", "b", ["c"], buckets=exponential_buckets(0.001, 2, 10))


def bucket_lists() -> None:
    assert_type(DEFAULT_BUCKETS, tuple[float, ...])
    assert_type(linear_buckets(0, 5, 4), list[float])


def errors(error: MetricsError) -> None:
    assert_type(error.name, str | None)
    assert_type(error.reason, str)
    assert_type(error.owners, tuple[str, ...])


def reads(
    counter: Counter,
    intcounter: IntCounter,
    gauge: Gauge,
    intgauge: IntGauge,
    histogram: Histogram,
) -> None:
    assert_type(counter.get(), float)
    assert_type(intcounter.get(), int)
    assert_type(gauge.get(), float)
    assert_type(intgauge.get(), int)
    assert_type(histogram.get_sample_count(), int)
    assert_type(histogram.get_sample_sum(), float)
    assert_type(histogram.description(), str)
    assert_type(histogram.time(), Timer)


def reads_of_vecs(
    counters: CounterVec,
    intcounters: IntCounterVec,
    gauges: GaugeVec,
    intgauges: IntGaugeVec,
    histograms: HistogramVec,
) -> None:
    assert_type(counters.get({"a": "b"}), float)
    assert_type(intcounters.get({"a": "b"}), int)
    assert_type(gauges.get(labels={"a": "b"}), float)
    assert_type(intgauges.get({"a": "b"}), int)
    assert_type(histograms.get_sample_count({"a": "b"}), int)
    assert_type(histograms.get_sample_sum({"a": "b"}), float)
    assert_type(histograms.remove({"a": "b"}), bool)
    assert_type(histograms.variable_labels(), list[str])
    assert_type(histograms.const_labels(), dict[str, str])


def series_of_vecs(
    counters: CounterVec,
    intcounters: IntCounterVec,
    gauges: GaugeVec,
    intgauges: IntGaugeVec,
    histograms: HistogramVec,
) -> None:
    assert_type(counters.labels("b"), Counter)
    assert_type(intcounters.labels(a="b"), IntCounter)
    assert_type(gauges.with_label_values(["b"]), Gauge)
    assert_type(intgauges.with_label_values(("b",)), IntGauge)
    assert_type(histograms.labels(a="b"), Histogram)
    assert_type(histograms.labels(a="b").time(), Timer)


def updates(counter: Counter, intcounter: IntCounter, gauge: Gauge, intgauge: IntGauge) -> None:
    counter.inc()
    counter.inc_by(2.5)
    counter.inc_by(value=2)
    intcounter.inc_by(value=2)
    gauge.set(2)
    gauge.set(Decimal("2.5"))
    gauge.inc_by(2.5)
    gauge.dec_by(2.5)
    gauge.add(-1)
    gauge.sub(value=1.5)
    intgauge.set(True)
    intgauge.sub(-1)


class Color(enum.Enum):
    RED = 1


def steps(counter: Counter, intcounter: IntCounter, gauge: Gauge, intgauge: IntGauge) -> None:
    counter.inc(2.5)
    counter.inc(2, exemplar={"trace_id": "a"})
    intcounter.inc(value=2)
    gauge.inc(0.5)
    gauge.dec(2)
    intgauge.dec(value=3)


def label_values(
    counters: IntCounterVec, of_str: dict[str, str], of_int: dict[str, int], metrics: RuntimeMetrics
) -> None:
    counters.inc({"a": 200})
    counters.inc({"a": 200, "b": "x", "c": True})
    counters.inc({"a": HTTPStatus.OK, "b": Color.RED})
    counters.inc(of_str)
    counters.inc(of_int)
    counters.labels(a=200, b=Color.RED).inc()
    counters.labels(200, "x").inc()
    counters.with_label_values([200, "x"])
    assert_type(counters.remove({"a": 1}), bool)
    metrics.create_gauge("a", "b", {"rank": 0})
    metrics.create_gauge("a", "b", [("rank", 0)])
    metrics.create_gauge("a", "b", of_int)


def timers_and_trackers(
    counter: IntCounter, gauge: Gauge, summary: Summary, histograms: HistogramVec
) -> None:
    with histograms.time({"a": 1}) as timer:
        assert_type(timer, VecTimer)
        timer.labels(b="x", c=200)
    with histograms.time(), summary.time(), gauge.track_inprogress():
        pass
    with counter.count_exceptions(), counter.count_exceptions((KeyError, OSError)):
        pass

    @counter.count_exceptions(KeyError)
    @gauge.track_inprogress()
    @histograms.time({"a": "b"})
    def work(number: int) -> str:
        return str(number)

    assert_type(work(1), str)


def functions_of_gauges(gauge: Gauge, intgauge: IntGauge) -> None:
    assert_type(gauge.set_function(lambda: 2.5).unregister(), bool)
    intgauge.set_function(lambda: 2)
    intgauge.set_to_current_time()


def edited(metrics: RuntimeMetrics, names: Sequence[str]) -> None:
    metrics.create_histogram("a", "b", buckets=[1], replace=True)
    metrics.create_countervec("a", "b", names, replace=True)


def updates_of_vecs_in_either_order(
    counters: CounterVec, intcounters: IntCounterVec, gauges: GaugeVec, histograms: HistogramVec
) -> None:
    counters.inc({"a": "b"})
    counters.inc_by(2.5, {"a": "b"})
    counters.inc_by({"a": "b"}, 2.5)
    counters.inc_by(value=2.5, labels={"a": "b"})
    counters.inc_by(2.5, labels={"a": "b"})
    counters.inc_by({"a": "b"}, value=2.5)
    intcounters.inc_by({"a": "b"}, 2)
    gauges.set(8192, {"a": "b"})
    gauges.set({"a": "b"}, 8192)
    gauges.dec(labels={"a": "b"})
    gauges.add({"a": "b"}, 2)
    histograms.observe(0.023, {"a": "b"})
    histograms.observe({"a": "b"}, 0.023)


def options(metrics: RuntimeMetrics, names: Sequence[str]) -> None:
    metrics.create_counter("a_bytes_total", "b", unit="bytes")
    metrics.create_gauge("a", "b", unit=None)
    metrics.create_histogram("a", "b", native=True)
    metrics.create_histogram("a", "b", native=True, schema=5, zero_threshold=0, max_buckets=100)
    metrics.create_histogram("a", "b", buckets=[1], native=True, growth_factor=1.1)
    metrics.create_histogramvec("a", "b", names, native=True, max_series=10, idle_timeout=60.0)
    metrics.create_countervec("a", "b", names, max_series=10, idle_timeout=None)


def limits(gauges: GaugeVec) -> None:
    gauges.set_max_series(0)
    gauges.set_max_series(max_series=10)
    gauges.set_idle_timeout(1.5)
    gauges.set_idle_timeout(None)


def exemplars(
    counter: Counter, counters: IntCounterVec, histogram: Histogram, histograms: HistogramVec
) -> None:
    counter.inc(exemplar={"trace_id": "a"})
    counter.inc_by(2.5, exemplar=[("trace_id", "a")])
    counter.inc(exemplar=None)
    counters.inc({"a": "b"}, exemplar={"trace_id": "a"})
    counters.inc_by({"a": "b"}, 2, exemplar={"trace_id": "a"})
    counters.inc_by(2, {"a": "b"}, exemplar={"trace_id": "a"})
    histogram.observe(2, exemplar={"trace_id": "a"})
    histograms.observe({"a": "b"}, 2, exemplar={"trace_id": "a"})


def texts_of_others(metrics: RuntimeMetrics, registry: CollectorRegistry) -> None:
    handle = metrics.register_prometheus_expfmt_callback(lambda: "a 1")
    assert_type(handle.unregister(), bool)
    metrics.register_prometheus_expfmt_callback(lambda: generate_latest(registry))
    metrics.register_collector(registry)
    metrics.register_collector(
        registry,
        prefixes=["vllm:"],
        exclude=(),
        labels={"engine": "0"},
        hierarchy_labels=False,
        cache=2.5,
    )


def expositions(metrics: RuntimeMetrics) -> None:
    assert_type(metrics.exposition(), "tuple[str, str | None, bytes]")
    metrics.exposition("text/plain", "gzip", 10)
    metrics.exposition(accept="*/*", accept_encoding="", timeout=None)


def the_way_out(metrics: RuntimeMetrics, gauge: Gauge, gauges: GaugeVec) -> None:
    assert_type(metrics.unregister(gauge), bool)
    assert_type(metrics.unregister(gauges), bool)
    assert_type(metrics.register_callback(lambda: gauge.set(1)).unregister(), bool)

"""Calls that are wrong, each of which a type checker must refuse.

An ignored error that is not there is an error itself, in mypy and in pyright.
"""

from __future__ import annotations

from collections.abc import Mapping

from dynamo.prometheus_metrics import (
    DEFAULT,
    Counter,
    GaugeVec,
    Histogram,
    HistogramVec,
    IntCounter,
    IntCounterVec,
    IntGauge,
    IntGaugeVec,
    RuntimeMetrics,
    linear_buckets,
)
from dynamo.runtime import DistributedRuntime, Namespace


def factories(metrics: RuntimeMetrics) -> None:
    metrics.create_counter("a")  # type: ignore[call-arg]
    metrics.create_counter("a", 1)  # type: ignore[arg-type]
    metrics.create_counter("a", "b", buckets=[1])  # type: ignore[call-arg]
    metrics.create_counter("a", "b", None, True)  # type: ignore[call-arg, arg-type]
    metrics.create_countervec("a", "b")  # type: ignore[call-arg]
    metrics.create_counter_vec("a", "b", ["c"])  # type: ignore[attr-defined]
    Counter("a", "b")  # type: ignore[call-arg]


def labels_of_factories(metrics: RuntimeMetrics, view: Mapping[str, str]) -> None:
    metrics.create_gauge("a", "b", "region")  # type: ignore[arg-type]
    metrics.create_gauge("a", "b", ["region"])  # type: ignore[list-item]
    metrics.create_gauge("a", "b", [("dp_rank", 1.5)])  # type: ignore[list-item]
    metrics.create_gauge("a", "b", view)  # type: ignore[arg-type]
    metrics.create_gaugevec("a", "b", "model")  # type: ignore[arg-type]
    metrics.create_gaugevec("a", "b", {"model", "size"})  # type: ignore[arg-type]
    metrics.create_gaugevec("a", "b", [1])  # type: ignore[list-item]


def buckets(metrics: RuntimeMetrics) -> None:
    metrics.create_histogram("a", "b", DEFAULT)  # type: ignore[arg-type]
    metrics.create_histogram("a", "b", buckets=10)  # type: ignore[arg-type]
    metrics.create_histogram("a", "b", buckets=["0.1"])  # type: ignore[list-item]
    linear_buckets(0, 1, 2.5)  # type: ignore[arg-type]


def callbacks(metrics: RuntimeMetrics) -> None:
    async def update() -> None: ...
    def update_with_argument(value: int) -> None: ...

    metrics.register_callback(update)  # type: ignore[arg-type]
    metrics.register_callback(update_with_argument)  # type: ignore[arg-type]
    metrics.unregister("a")  # type: ignore[arg-type]


def texts_of_others(metrics: RuntimeMetrics) -> None:
    metrics.register_prometheus_expfmt_callback(lambda: None)  # type: ignore[arg-type, return-value]
    metrics.register_collector("a")  # type: ignore[arg-type]
    metrics.register_collector(metrics)  # type: ignore[arg-type]


def options(metrics: RuntimeMetrics) -> None:
    metrics.create_counter("a", "b", unit=1)  # type: ignore[arg-type]
    metrics.create_counter("a", "b", native=True)  # type: ignore[call-arg]
    metrics.create_histogram("a", "b", native="yes")  # type: ignore[arg-type]
    metrics.create_histogram("a", "b", schema=1.5)  # type: ignore[arg-type]
    metrics.create_gauge("a", "b", max_series=10)  # type: ignore[call-arg]
    metrics.create_gaugevec("a", "b", ["c"], max_series=1.5)  # type: ignore[arg-type]
    metrics.create_gaugevec("a", "b", ["c"], idle_timeout="1h")  # type: ignore[arg-type]


def exemplars(counter: Counter, gauge: IntGauge, histograms: HistogramVec) -> None:
    counter.inc(exemplar=["span"])  # type: ignore[list-item]
    counter.inc_by(1, {"trace_id": "a"})  # type: ignore[call-arg]
    gauge.inc(exemplar={"trace_id": "a"})  # type: ignore[call-arg]
    histograms.observe(1, {"a": "b"}, {"trace_id": "a"})  # type: ignore[call-overload]


def updates(counter: IntCounter, gauge: IntGauge, histogram: Histogram) -> None:
    counter.inc(0.5)  # type: ignore[arg-type]
    counter.count_exceptions("KeyError")  # type: ignore[arg-type]
    gauge.set_function(lambda: "x")  # type: ignore[arg-type, return-value]
    counter.inc_by(0.5)  # type: ignore[arg-type]
    counter.dec()  # type: ignore[attr-defined]
    gauge.set(0.5)  # type: ignore[arg-type]
    gauge.set("42")  # type: ignore[arg-type]
    gauge.set(None)  # type: ignore[arg-type]
    histogram.observe("0.5")  # type: ignore[arg-type]
    histogram.get()  # type: ignore[attr-defined]


def updates_of_vecs(
    counters: IntCounterVec, gauges: GaugeVec, intgauges: IntGaugeVec, histograms: HistogramVec
) -> None:
    counters.inc()  # type: ignore[call-arg]
    counters.inc("llama")  # type: ignore[arg-type]
    counters.inc([("model", "llama")])  # type: ignore[arg-type]
    counters.inc_by(5)  # type: ignore[call-overload]
    counters.inc_by({"model": "llama"})  # type: ignore[call-overload]
    counters.inc_by({"model": "llama"}, labels={"size": "7b"})  # type: ignore[call-overload]
    counters.inc_by(0.5, {"model": "llama"})  # type: ignore[call-overload]
    gauges.set({"model": "llama"}, "1")  # type: ignore[call-overload]
    gauges.set("llama", 1)  # type: ignore[call-overload]
    intgauges.set({"model": "llama"}, 0.5)  # type: ignore[call-overload]
    counters.time()  # type: ignore[attr-defined]


def series_of_vecs(counters: IntCounterVec) -> None:
    counters.labels("llama", size="7b")  # type: ignore[call-overload]
    counters.labels(dp_rank=1.5)  # type: ignore[call-overload]
    counters.labels(["llama"])  # type: ignore[call-overload]
    counters.with_label_values("llama")  # type: ignore[arg-type]
    counters.with_label_values({"llama", "7b"})  # type: ignore[arg-type]
    counters.with_label_values({"model": "llama"})  # type: ignore[dict-item]
    counters.with_label_values("llama", "7b")  # type: ignore[call-arg, arg-type]
    counters.labels("llama").labels("7b")  # type: ignore[attr-defined]


def nodes(runtime: DistributedRuntime, namespace: Namespace) -> None:
    runtime.component("a")  # type: ignore[attr-defined]
    namespace.endpoint("a")  # type: ignore[attr-defined]
    namespace.component(1)  # type: ignore[arg-type]
    namespace.metrics()  # type: ignore[operator]
    runtime.set_health_status("up")  # type: ignore[arg-type]
    DistributedRuntime(name_style="flat")  # type: ignore[arg-type]
    DistributedRuntime(8081)  # type: ignore[arg-type]
    DistributedRuntime(port="8081")  # type: ignore[arg-type]

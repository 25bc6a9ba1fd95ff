"""The Python SDK of OpenTelemetry, with a reader that keeps its metrics in memory."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from benchmarks.contenders import BUCKETS, Statement


class Contender:
    """Updates only: expositions are made by exporters, which are packages of their own."""

    def __init__(self, port: int | None = None) -> None:
        self._provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
        self._meter = self._provider.get_meter("benchmarks")

    def updates(self) -> dict[str, Statement]:
        meter = self._meter
        histogram = meter.create_histogram(
            "seconds", explicit_bucket_boundaries_advisory=list(BUCKETS)
        )
        return {
            "counter.inc": Statement("m.add(1)", {"m": meter.create_counter("counter")}),
            "gauge.set": Statement("m.set(1.5)", {"m": meter.create_gauge("gauge")}),
            "histogram.observe": Statement("m.record(0.3)", {"m": histogram}),
        }

    def vec_updates(self, label_sets: Sequence[dict[str, str]]) -> dict[str, Statement]:
        size = len(label_sets)
        counters = self._meter.create_counter(f"counters_{size}")
        gauges = self._meter.create_gauge(f"gauges_{size}")
        histograms = self._meter.create_histogram(
            f"seconds_{size}", explicit_bucket_boundaries_advisory=list(BUCKETS)
        )
        for labels in label_sets:
            counters.add(1, labels)
            gauges.set(1.5, labels)
            histograms.record(0.3, labels)
        return {
            "inc": Statement("v.add(1, labels)", {"v": counters}),
            "set": Statement("v.set(1.5, labels)", {"v": gauges}),
            "observe": Statement("v.record(0.3, labels)", {"v": histograms}),
        }

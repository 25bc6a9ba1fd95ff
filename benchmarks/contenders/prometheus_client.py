"""The Python client of the Prometheus project.

It has no constant labels, so a series that is scraped or weighed has five variable ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)

from benchmarks.contenders import BUCKETS, FIRST, PLACE, SECOND, Statement


class Contender:
    """Metrics in a registry of their own, without those of the process."""

    def __init__(self, port: int | None = None) -> None:
        # They would double its expositions; no other contender has them.
        disable_created_metrics()
        self._registry = CollectorRegistry()
        if port is not None:
            start_http_server(port, "127.0.0.1", self._registry)

    def updates(self) -> dict[str, Statement]:
        registry = self._registry
        counter = Counter("counter", "Counts", registry=registry)
        children = Counter("children", "Counts", [FIRST, SECOND], registry=registry)
        gauge = Gauge("gauge", "Varies", registry=registry)
        histogram = Histogram("seconds", "Observes", registry=registry, buckets=BUCKETS)
        return {
            "counter.inc": Statement("m.inc()", {"m": counter}),
            "child.inc": Statement("m.inc()", {"m": children.labels("a", "b")}),
            "gauge.set": Statement("m.set(1.5)", {"m": gauge}),
            "intgauge.set": Statement("m.set(12345)", {"m": gauge}),
            "histogram.observe": Statement("m.observe(0.3)", {"m": histogram}),
        }

    def vec_updates(self, label_sets: Sequence[dict[str, str]]) -> dict[str, Statement]:
        registry, names, size = self._registry, [FIRST, SECOND], len(label_sets)
        counters = Counter(f"counters_{size}", "Counts", names, registry=registry)
        gauges = Gauge(f"gauges_{size}", "Varies", names, registry=registry)
        histograms = Histogram(
            f"seconds_{size}", "Observes", names, registry=registry, buckets=BUCKETS
        )
        for labels in label_sets:
            counters.labels(**labels).inc()
            gauges.labels(**labels).set(1.5)
            histograms.labels(**labels).observe(0.3)
        first, second = label_sets[0].values()
        return {
            "inc": Statement("v.labels(**labels).inc()", {"v": counters}),
            "set": Statement("v.labels(**labels).set(1.5)", {"v": gauges}),
            "observe": Statement("v.labels(**labels).observe(0.3)", {"v": histograms}),
            "child": Statement("v.labels(a, b)", {"v": counters, "a": first, "b": second}),
        }

    def counters(self) -> Statement:
        return Statement("v.labels(**labels, **place).inc()", {"v": self._vec(), "place": PLACE})

    def count(self, counts: Iterable[tuple[dict[str, str], int]]) -> None:
        vec = self._vec()
        for labels, count in counts:
            vec.labels(**labels, **PLACE).inc(count)

    def _vec(self) -> Counter:
        return Counter("requests", "Requests", [FIRST, SECOND, *PLACE], registry=self._registry)

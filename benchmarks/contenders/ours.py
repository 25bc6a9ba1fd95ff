"""``dynamo-runtime`` of this project."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from benchmarks.contenders import BUCKETS, FIRST, PLACE, SECOND, Statement
from dynamo.prometheus_metrics import CounterVec
from dynamo.runtime import DistributedRuntime


class Contender:
    """Everything at the level of an endpoint, whose place gives the constant labels."""

    def __init__(self, port: int | None = None) -> None:
        if port is not None:
            os.environ.update(DYN_SYSTEM_PORT=str(port), DYN_SYSTEM_HOST="127.0.0.1")
        self._runtime = DistributedRuntime()
        namespace, component, endpoint = PLACE.values()
        place = self._runtime.namespace(namespace).component(component).endpoint(endpoint)
        self._metrics = place.metrics

    def updates(self) -> dict[str, Statement]:
        create = self._metrics
        counter = create.create_counter("counter_total", "Counts")
        intcounter = create.create_intcounter("intcounter_total", "Counts")
        child = create.create_countervec("children_total", "Counts", [FIRST, SECOND])
        gauge = create.create_gauge("gauge", "Varies")
        intgauge = create.create_intgauge("intgauge", "Varies")
        histogram = create.create_histogram("seconds", "Observes", buckets=BUCKETS)
        return {
            "intcounter.inc": Statement("m.inc()", {"m": intcounter}),
            "counter.inc": Statement("m.inc()", {"m": counter}),
            "child.inc": Statement("m.inc()", {"m": child.with_label_values(["a", "b"])}),
            "gauge.set": Statement("m.set(1.5)", {"m": gauge}),
            "intgauge.set": Statement("m.set(12345)", {"m": intgauge}),
            "histogram.observe": Statement("m.observe(0.3)", {"m": histogram}),
        }

    def vec_updates(self, label_sets: Sequence[dict[str, str]]) -> dict[str, Statement]:
        create, names, size = self._metrics, [FIRST, SECOND], len(label_sets)
        counters = create.create_countervec(f"counters_{size}_total", "Counts", names)
        gauges = create.create_gaugevec(f"gauges_{size}", "Varies", names)
        histograms = create.create_histogramvec(
            f"seconds_{size}", "Observes", names, buckets=BUCKETS
        )
        for labels in label_sets:
            counters.inc(labels)
            gauges.set(1.5, labels)
            histograms.observe(0.3, labels)
        first, second = label_sets[0].values()
        return {
            "inc": Statement("v.inc(labels)", {"v": counters}),
            "set": Statement("v.set(1.5, labels)", {"v": gauges}),
            "observe": Statement("v.observe(0.3, labels)", {"v": histograms}),
            "child": Statement(
                "v.with_label_values([a, b])", {"v": counters, "a": first, "b": second}
            ),
        }

    def counters(self) -> Statement:
        return Statement("v.inc(labels)", {"v": self._vec()})

    def count(self, counts: Iterable[tuple[dict[str, str], int]]) -> None:
        vec = self._vec()
        for labels, count in counts:
            vec.inc_by(count, labels)

    def observe(
        self, observations: Iterable[tuple[dict[str, str], int]], buckets: Sequence[float]
    ) -> None:
        """Observe in histograms with these buckets, each named by its labels, milliseconds."""
        vec = self._metrics.create_histogramvec(
            "request_seconds", "Requests", [FIRST, SECOND], buckets=buckets
        )
        for labels, milliseconds in observations:
            vec.observe(milliseconds / 1000, labels)

    def _vec(self) -> CounterVec:
        return self._metrics.create_countervec("requests_total", "Requests", [FIRST, SECOND])

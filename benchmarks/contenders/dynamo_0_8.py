"""NVIDIA's bindings, ``ai-dynamo-runtime`` 0.8.1: the last release that has the metrics API.

They install a package of this project's name, so they live in an environment and a process of
their own. They have no histogram vec, no child handles and no ``buckets``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.contenders import FIRST, PLACE, SECOND, Statement
from dynamo.runtime import DistributedRuntime


class Contender:
    """Everything at the level of an endpoint, as with ours."""

    def __init__(self, port: int | None = None) -> None:
        if port is not None:
            # Its /live says 503 until the worker is ready, and nothing here ever serves.
            os.environ.update(
                DYN_SYSTEM_PORT=str(port),
                DYN_SYSTEM_HOST="127.0.0.1",
                DYN_SYSTEM_STARTING_HEALTH_STATUS="ready",
            )
        self._loop = asyncio.new_event_loop()
        self._metrics = self._loop.run_until_complete(self._set_up())

    async def _set_up(self) -> Any:
        self._runtime = DistributedRuntime(self._loop, "mem", "tcp", False)
        namespace, component, endpoint = PLACE.values()
        place = self._runtime.namespace(namespace).component(component).endpoint(endpoint)
        return place.metrics

    def updates(self) -> dict[str, Statement]:
        create = self._metrics
        return {
            "intcounter.inc": Statement(
                "m.inc()", {"m": create.create_intcounter("intcounter_total", "Counts")}
            ),
            "counter.inc": Statement(
                "m.inc()", {"m": create.create_counter("counter_total", "Counts")}
            ),
            "gauge.set": Statement("m.set(1.5)", {"m": create.create_gauge("gauge", "Varies")}),
            "intgauge.set": Statement(
                "m.set(12345)", {"m": create.create_intgauge("intgauge", "Varies")}
            ),
            "histogram.observe": Statement(
                "m.observe(0.3)", {"m": create.create_histogram("seconds", "Observes")}
            ),
        }

    def vec_updates(self, label_sets: Sequence[dict[str, str]]) -> dict[str, Statement]:
        create, names, size = self._metrics, [FIRST, SECOND], len(label_sets)
        counters = create.create_countervec(f"counters_{size}_total", "Counts", names)
        gauges = create.create_gaugevec(f"gauges_{size}", "Varies", names)
        for labels in label_sets:
            counters.inc(labels)
            gauges.set(1.5, labels)
        return {
            "inc": Statement("v.inc(labels)", {"v": counters}),
            "set": Statement("v.set(1.5, labels)", {"v": gauges}),
        }

    def counters(self) -> Statement:
        return Statement("v.inc(labels)", {"v": self._vec()})

    def count(self, counts: Iterable[tuple[dict[str, str], int]]) -> None:
        vec = self._vec()
        for labels, count in counts:
            vec.inc_by(labels, count)

    def _vec(self) -> Any:
        return self._metrics.create_countervec("requests_total", "Requests", [FIRST, SECOND])

"""The ten kinds of metrics, for tests that hold for several of them."""

from __future__ import annotations

from typing import Any

import dynamo_metrics as types

PLAIN: dict[str, type] = {
    "create_counter": types.Counter,
    "create_intcounter": types.IntCounter,
    "create_gauge": types.Gauge,
    "create_intgauge": types.IntGauge,
    "create_histogram": types.Histogram,
}
VECS: dict[str, type] = {
    "create_countervec": types.CounterVec,
    "create_intcountervec": types.IntCounterVec,
    "create_gaugevec": types.GaugeVec,
    "create_intgaugevec": types.IntGaugeVec,
    "create_histogramvec": types.HistogramVec,
}
FACTORIES: dict[str, type] = PLAIN | VECS


def create(node: Any, factory: str, name: str = "m", **arguments: Any) -> Any:
    """A metric of the node, described as ``"help"``; vecs have the label ``"a"``."""
    if factory in VECS:
        arguments.setdefault("label_names", ["a"])
    return getattr(node.metrics, factory)(name, "help", **arguments)

"""The families of vLLM's Prometheus logger, made of an exposition that the real one has shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import prometheus_client
from prometheus_client.parser import text_string_to_metric_families

_PAGE = Path(__file__).parents[5] / "formats" / "vllm_metrics.txt"
_COUNTED = ("le", "quantile")


class Families:
    """All of them, at 0, in the global registry. ``children`` are those of one engine by name."""

    def __init__(self, model: str) -> None:
        for collector in list(prometheus_client.REGISTRY._collector_to_names):
            if getattr(collector, "_name", "").startswith("vllm:"):
                prometheus_client.REGISTRY.unregister(collector)
        self._model = model
        self.children: dict[tuple[str, str], Any] = {}
        for family in text_string_to_metric_families(_PAGE.read_text()):
            if family.name.startswith("vllm:") and not family.name.endswith("_created"):
                self._create(family)

    def _create(self, family: Any) -> None:
        kind = getattr(prometheus_client, family.type.capitalize())
        names = sorted({name for one in family.samples for name in one.labels} - {*_COUNTED})
        more: dict[str, Any] = {}
        if family.type == "histogram":
            bounds = {one.labels["le"] for one in family.samples if "le" in one.labels}
            more["buckets"] = sorted(map(float, bounds))
        metric = kind(family.name, family.documentation, names, **more)
        for one in family.samples:
            labels = {name: one.labels[name] for name in names}
            if "model_name" in labels:
                labels["model_name"] = self._model
            distinct = [labels[name] for name in names if name not in ("model_name", "engine")]
            self.children[family.name, ",".join(distinct)] = metric.labels(**labels)

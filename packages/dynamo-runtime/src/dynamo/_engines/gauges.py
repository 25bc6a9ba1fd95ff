"""What Dynamo shows of an engine, whichever it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dynamo.prometheus_names import kvstats, labels, model_info, name_prefix

if TYPE_CHECKING:
    from dynamo.prometheus_metrics import Gauge
    from dynamo.runtime import Endpoint


class EngineGauges:
    """The gauges of one engine, labelled with its ``model``; its cache's with ``dp_rank`` too."""

    def __init__(self, endpoint: Endpoint, model: str, ranks: Iterable[int] = (0,)) -> None:
        """Create them, at 0, for the data-parallel ranks of the engine.

        Raises ``MetricsError`` if another metric of the runtime has a name of theirs.
        """
        create = endpoint.metrics.create_gauge

        def by_rank(name: str, text: str) -> dict[int, Gauge]:
            return {
                rank: create(
                    f"{name_prefix.COMPONENT}_{name}",
                    text,
                    {labels.MODEL: model, labels.DP_RANK: str(rank)},
                    full_name=True,
                )
                for rank in ranks
            }

        self.total_blocks = by_rank(
            kvstats.TOTAL_BLOCKS, "Total number of KV cache blocks available on the worker"
        )
        self.cache_usage = by_rank(
            kvstats.GPU_CACHE_USAGE_PERCENT, "GPU cache usage as a percentage (0.0-1.0)"
        )
        self.load_time = create(
            f"{name_prefix.COMPONENT}_{model_info.LOAD_TIME_SECONDS}",
            "Model load time in seconds",
            {labels.MODEL: model},
            full_name=True,
        )

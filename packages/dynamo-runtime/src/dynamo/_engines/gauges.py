"""What Dynamo shows of an engine, whichever it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dynamo._serving.metrics import worker_labels
from dynamo.prometheus_names import kvstats, kvstats_legacy, labels, model_info, name_prefix

if TYPE_CHECKING:
    from dynamo.prometheus_metrics import Gauge
    from dynamo.runtime import Endpoint

_REQUESTS = 1000
"""The requests that a hit rate covers, as in vLLM's own log line."""


class EngineGauges:
    """The gauges of one engine: labels ``model`` and ``model_name``, per rank ``dp_rank`` too.

    In style ``component`` the cache also has Dynamo 0.8's names, ``dynamo_component_kvstats_*``.
    """

    def __init__(self, endpoint: Endpoint, model: str, ranks: Iterable[int] = (0,)) -> None:
        """Create them, at 0, for the data-parallel ranks of the engine.

        Raises ``MetricsError`` if another metric of the runtime has a name of theirs.
        """
        self._create = endpoint.metrics.create_gauge
        self._labels = {
            labels.MODEL: model,
            labels.MODEL_NAME: model,
            **worker_labels(endpoint.connection_id()),
        }
        has_legacy = endpoint._native.name_style == "component"
        self.caches = {rank: CacheGauges(self, rank, has_legacy) for rank in ranks}
        self.load_time = self.create(model_info.LOAD_TIME_SECONDS, "Model load time in seconds")

    def create(self, name: str, text: str, rank: int | None = None) -> Gauge:
        """Create a gauge of the engine, or of one of its ranks."""
        by_rank = {} if rank is None else {labels.DP_RANK: str(rank)}
        full_name = f"{name_prefix.COMPONENT}_{name}"
        return self._create(full_name, text, {**self._labels, **by_rank}, full_name=True)


class CacheGauges:
    """The gauges of the KV cache of one data-parallel rank."""

    def __init__(self, engine: EngineGauges, rank: int, has_legacy: bool) -> None:
        create = engine.create
        self._total = [
            create(
                kvstats.TOTAL_BLOCKS,
                "Total number of KV cache blocks available on the worker",
                rank,
            )
        ]
        self._usage = [
            create(
                kvstats.GPU_CACHE_USAGE_PERCENT, "GPU cache usage as a percentage (0.0-1.0)", rank
            )
        ]
        self._hit_rate = [
            create(kvstats.KV_CACHE_HIT_RATE, "Prefix cache hit rate (0.0-1.0)", rank)
        ]
        self._active: list[Gauge] = []
        if has_legacy:
            self._active.append(
                create(
                    kvstats_legacy.ACTIVE_BLOCKS,
                    "Number of active KV cache blocks currently in use",
                    rank,
                )
            )
            self._total.append(
                create(
                    kvstats_legacy.TOTAL_BLOCKS, "Total number of KV cache blocks available", rank
                )
            )
            self._usage.append(
                create(
                    kvstats_legacy.GPU_CACHE_USAGE_PERCENT,
                    "GPU cache usage as a percentage (0.0-1.0)",
                    rank,
                )
            )
            self._hit_rate.append(
                create(
                    kvstats_legacy.GPU_PREFIX_CACHE_HIT_RATE,
                    "GPU prefix cache hit rate as a percentage (0.0-1.0)",
                    rank,
                )
            )
        self._blocks = 0
        self._steps: deque[tuple[int, int, int]] = deque()
        self._requests = self._queries = self._hits = 0

    def set_blocks(self, blocks: int) -> None:
        """Set the number of blocks that the cache has."""
        self._blocks = blocks
        for gauge in self._total:
            gauge.set(blocks)

    def set_usage(self, usage: float) -> None:
        """Set the share of the cache in use, 0 to 1."""
        for gauge in self._usage:
            gauge.set(usage)
        for gauge in self._active:
            gauge.set(round(usage * self._blocks))

    def add_lookups(self, requests: int, queries: int, hits: int) -> None:
        """Add prompts that were looked up: their number, their tokens, and the tokens found.

        The hit rate covers the last 1,000 requests.
        """
        self._steps.append((requests, queries, hits))
        self._requests += requests
        self._queries += queries
        self._hits += hits
        while len(self._steps) > 1 and self._requests > _REQUESTS:
            oldest = self._steps.popleft()
            self._requests -= oldest[0]
            self._queries -= oldest[1]
            self._hits -= oldest[2]
        if self._queries:
            rate = self._hits / self._queries
            for gauge in self._hit_rate:
                gauge.set(rate)

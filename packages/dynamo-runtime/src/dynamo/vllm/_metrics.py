"""vLLM's metrics, and Dynamo's of the engine, in the exposition of the endpoint."""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING, Any

import prometheus_client
from prometheus_client.multiprocess import MultiProcessCollector

from dynamo._engines.gauges import EngineGauges
from dynamo.prometheus_names import labels
from vllm.v1.metrics.loggers import AggregateStatLoggerBase

if TYPE_CHECKING:
    from dynamo.runtime import Endpoint
    from vllm.config import VllmConfig
    from vllm.v1.metrics.stats import SchedulerStats

_VLLM = "vllm:"


def show_families(endpoint: Endpoint, model: str) -> None:
    """Expose vLLM's families, with the labels of the hierarchy and ``model``.

    vLLM records all of them in this process, so the registry has every series, once. With
    ``PROMETHEUS_MULTIPROC_DIR`` the files there hold them a second time, and what the libraries in
    the engine's processes have recorded, which is shown too.
    """
    added = {labels.MODEL: model}
    metrics = endpoint.metrics
    metrics.register_collector(prometheus_client.REGISTRY, prefixes=[_VLLM], labels=added)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        files = prometheus_client.CollectorRegistry()
        read: Any = MultiProcessCollector  # it has no types
        read(files)
        metrics.register_collector(files, exclude=[_VLLM, "process_", "python_"], labels=added)


def stat_logger(endpoint: Endpoint) -> type[AggregateStatLoggerBase]:
    """Return a stat logger with which vLLM sets Dynamo's gauges of its engine."""
    begun = perf_counter()

    class EngineStatLogger(AggregateStatLoggerBase):
        """Gets the statistics of each step of each engine from vLLM."""

        def __init__(self, vllm_config: VllmConfig, engine_indexes: list[int]) -> None:
            self._config = vllm_config
            self._gauges = EngineGauges(endpoint, model_name(vllm_config), engine_indexes)

        def record(
            self,
            scheduler_stats: SchedulerStats | None,
            iteration_stats: Any,
            mm_cache_stats: Any = None,
            engine_idx: int = 0,
        ) -> None:
            if scheduler_stats is not None:
                cache = self._gauges.caches[engine_idx]
                cache.set_usage(scheduler_stats.kv_cache_usage)
                found = scheduler_stats.prefix_cache_stats
                if found is not None and found.requests:
                    cache.add_lookups(found.requests, found.queries, found.hits)

        def log_engine_initialized(self) -> None:
            """Set the gauges; vLLM gives the blocks of all engines in one number."""
            caches = self._gauges.caches
            for cache in caches.values():
                cache.set_blocks((self._config.cache_config.num_gpu_blocks or 0) // len(caches))
            self._gauges.load_time.set(perf_counter() - begun)

    return EngineStatLogger


def model_name(config: VllmConfig) -> str:
    """Return what vLLM's metrics call the model."""
    return str(config.model_config.served_model_name)

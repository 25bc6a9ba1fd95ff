from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from vllm.config import VllmConfig
from vllm.v1.metrics.stats import SchedulerStats


class AggregateStatLoggerBase(ABC):
    """Is told what happens in all engines."""

    @abstractmethod
    def __init__(self, vllm_config: VllmConfig, engine_indexes: list[int]) -> None: ...

    @abstractmethod
    def record(
        self,
        scheduler_stats: SchedulerStats | None,
        iteration_stats: Any,
        mm_cache_stats: Any = None,
        engine_idx: int = 0,
    ) -> None:
        """See a step."""

    @abstractmethod
    def log_engine_initialized(self) -> None:
        """See that the engines have started."""

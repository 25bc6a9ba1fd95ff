from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ModelConfig:
    """What the engine knows of its model."""

    model: str
    served_model_name: str
    max_model_len: int
    vocabulary: int

    def get_diff_sampling_param(self) -> dict[str, Any]:
        """Return the options that the model comes with."""
        return {}


@dataclass
class CacheConfig:
    """What the engine knows of its cache, once it has started."""

    num_gpu_blocks: int | None = None
    block_size: int = 16


@dataclass
class SchedulerConfig:
    """The limits of a batch."""

    max_num_seqs: int = 8
    max_num_batched_tokens: int = 2048


@dataclass
class VllmConfig:
    """The whole configuration."""

    model_config: ModelConfig
    cache_config: CacheConfig = field(default_factory=CacheConfig)
    scheduler_config: SchedulerConfig = field(default_factory=SchedulerConfig)

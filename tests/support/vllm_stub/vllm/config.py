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


@dataclass
class VllmConfig:
    """The whole configuration."""

    model_config: ModelConfig
    cache_config: CacheConfig = field(default_factory=CacheConfig)

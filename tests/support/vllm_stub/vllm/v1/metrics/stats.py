from dataclasses import dataclass, field


@dataclass
class PrefixCacheStats:
    """The prompts that a step has looked up in the prefix cache."""

    requests: int = 0
    queries: int = 0
    hits: int = 0


@dataclass
class SchedulerStats:
    """What a step has left."""

    kv_cache_usage: float = 0.0
    prefix_cache_stats: PrefixCacheStats = field(default_factory=PrefixCacheStats)

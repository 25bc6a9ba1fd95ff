from dataclasses import dataclass


@dataclass
class SchedulerStats:
    """What a step has left."""

    kv_cache_usage: float = 0.0

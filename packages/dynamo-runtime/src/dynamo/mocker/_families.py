"""The families of metrics that vLLM has, as ``/metrics`` of a worker shows them.

Names, types, texts, labels and buckets are those of vLLM's V1 engine. Counters and histograms have
a gauge ``…_created`` beside them, as ``prometheus_client`` makes it for the text format.
"""

from __future__ import annotations

import itertools
import time
from typing import NamedTuple

from dynamo.prometheus_metrics import Counter, Gauge, Histogram, RuntimeMetrics

_SLOW = (1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0)
_TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, *_SLOW, 160, 640, 2560)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, *_SLOW)
_MINUTES = (60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0)
_LATENCY = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, *_MINUTES)
_ITERATION = (1, 8, *(2**power for power in range(4, 15)))
_TOKENS: tuple[float, ...] = ()
"""Stands for 1, 2, 5, 10 … as far as the longest sequence."""

_SOURCES = ("local_compute", "local_cache_hit", "external_kv_transfer")
_TIERS = ("device", "host", "p2p", "disk", "external_unspecified")
_REASONS = ("stop", "length", "abort", "error", "repetition")
_QUEUE_LIMITS = ("max_num_queued_reqs", "max_num_queued_tokens")


class _Many(NamedTuple):
    """A label, and the values that it has from the start."""

    label: str
    values: tuple[str, ...]


COUNTERS: dict[str, tuple[str, _Many | None]] = {
    "estimated_flops_per_gpu": (
        "Estimated number of floating point operations per GPU (for Model Flops Utilization "
        "calculations).",
        None,
    ),
    "estimated_read_bytes_per_gpu": (
        "Estimated number of bytes read from memory per GPU (for Model Flops Utilization "
        "calculations).",
        None,
    ),
    "estimated_write_bytes_per_gpu": (
        "Estimated number of bytes written to memory per GPU (for Model Flops Utilization "
        "calculations).",
        None,
    ),
    "prefix_cache_queries": (
        "Prefix cache queries, in terms of number of queried tokens.",
        None,
    ),
    "prefix_cache_hits": ("Prefix cache hits, in terms of number of cached tokens.", None),
    "external_prefix_cache_queries": (
        "External prefix cache queries from KV connector cross-instance cache sharing, in terms of "
        "number of queried tokens.",
        None,
    ),
    "external_prefix_cache_hits": (
        "External prefix cache hits from KV connector cross-instance cache sharing, in terms of "
        "number of cached tokens.",
        None,
    ),
    "mm_cache_queries": (
        "Multi-modal cache queries, in terms of number of queried items.",
        None,
    ),
    "mm_cache_hits": ("Multi-modal cache hits, in terms of number of cached items.", None),
    "num_preemptions": ("Cumulative number of preemption from the engine.", None),
    "prompt_tokens": ("Number of prefill tokens processed.", None),
    "prompt_tokens_by_source": ("Number of prompt tokens by source.", _Many("source", _SOURCES)),
    "prompt_tokens_cached": ("Number of cached prompt tokens (local + external).", None),
    "prompt_tokens_cached_by_source": (
        "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host "
        "(offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or "
        "external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + "
        "vllm:external_prefix_cache_hits.",
        _Many("source", _TIERS),
    ),
    "generation_tokens": ("Number of generation tokens processed.", None),
    "request_success": (
        "Count of successfully processed requests.",
        _Many("finished_reason", _REASONS),
    ),
    "admission_rejections": (
        "Number of admission attempts rejected by a queue limit, by reason.",
        _Many("reason", _QUEUE_LIMITS),
    ),
}
"""Text and further label of each counter, by its name without ``vllm:`` and ``_total``."""

GAUGES: dict[str, tuple[str, _Many | None]] = {
    "num_requests_running": ("Number of requests in model execution batches.", None),
    "num_requests_waiting": ("Number of requests waiting to be processed.", None),
    "num_requests_waiting_by_reason": (
        "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling "
        "capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, "
        "blocked status). Sum of all reasons equals vllm:num_requests_waiting.",
        _Many("reason", ("capacity", "deferred")),
    ),
    "engine_sleep_state": (
        "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; "
        "weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.",
        _Many("sleep_state", ("awake", "weights_offloaded", "discard_all")),
    ),
    "kv_cache_usage_perc": ("KV-cache usage. 1 means 100 percent usage.", None),
}

HISTOGRAMS: dict[str, tuple[str, tuple[float, ...]]] = {
    "request_prompt_tokens": ("Number of prefill tokens processed.", _TOKENS),
    "request_generation_tokens": ("Number of generation tokens processed.", _TOKENS),
    "iteration_tokens_total": ("Histogram of number of tokens per engine_step.", _ITERATION),
    "request_max_num_generation_tokens": (
        "Histogram of maximum number of requested generation tokens.",
        _TOKENS,
    ),
    "request_params_n": ("Histogram of the n request parameter.", (1, 2, 5, 10, 20)),
    "request_params_max_tokens": (
        "Histogram of the max_tokens request parameter.",
        _TOKENS,
    ),
    "time_to_first_token_seconds": ("Histogram of time to first token in seconds.", _TTFT),
    "inter_token_latency_seconds": ("Histogram of inter-token latency in seconds.", _PER_TOKEN),
    "request_time_per_output_token_seconds": (
        "Histogram of time_per_output_token_seconds per request.",
        _PER_TOKEN,
    ),
    "e2e_request_latency_seconds": ("Histogram of e2e request latency in seconds.", _LATENCY),
    "request_queue_time_seconds": (
        "Histogram of time spent in WAITING phase for request.",
        _LATENCY,
    ),
    "request_inference_time_seconds": (
        "Histogram of time spent in RUNNING phase for request.",
        _LATENCY,
    ),
    "request_prefill_time_seconds": (
        "Histogram of time spent in PREFILL phase for request.",
        _LATENCY,
    ),
    "request_decode_time_seconds": (
        "Histogram of time spent in DECODE phase for request.",
        _LATENCY,
    ),
    "request_num_preemptions": (
        "Histogram of the number of times a request was preempted.",
        (1, 2, 3, 4, 5, 10, 20),
    ),
    "request_prefill_kv_computed_tokens": (
        "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
        _TOKENS,
    ),
}
"""Text and upper bounds of each histogram."""


class Families:
    """The series of one engine. Those of a family with a further label are found by its value."""

    def __init__(self, metrics: RuntimeMetrics, model: str, longest: int) -> None:
        """Create them all, of an engine whose sequences have ``longest`` tokens at most.

        Raises ``MetricsError`` if another metric of the runtime has a name of theirs.
        """
        self._metrics = metrics
        self._model = {"model_name": model}
        self._born = time.time()
        self._tokens = _one_two_five(longest)
        self.gauges: dict[tuple[str, str], Gauge] = {}
        self.counters: dict[tuple[str, str], Counter] = {}
        self.histograms: dict[str, Histogram] = {}
        for name, (text, many) in GAUGES.items():
            self.gauges |= self._gauges(name, text, many)
        for name, (text, many) in COUNTERS.items():
            self._counters(name, text, many)
        for name, (text, bounds) in HISTOGRAMS.items():
            self.histograms[name] = metrics.create_histogram(
                f"vllm:{name}", text, self._labels(name), bounds or self._tokens, full_name=True
            )
            self._created(name, text, None)

    def info(self, name: str, text: str, labels: dict[str, str]) -> None:
        """Create a gauge that is 1 and says everything with its labels."""
        self._metrics.create_gauge(
            f"vllm:{name}", text, {"engine": "0", **labels}, full_name=True
        ).set(1)

    def _labels(self, name: str) -> dict[str, str]:
        """Return the labels of all series: this one is counted where there is no engine yet."""
        return self._model if name == "admission_rejections" else {**self._model, "engine": "0"}

    def _counters(self, name: str, text: str, many: _Many | None) -> None:
        full, labels = f"vllm:{name}_total", self._labels(name)
        if many is None:
            counter = self._metrics.create_counter(full, text, labels, full_name=True)
            self.counters[name, ""] = counter
        else:
            vec = self._metrics.create_countervec(full, text, [many.label], labels, full_name=True)
            for value in many.values:
                self.counters[name, value] = vec.with_label_values([value])
        self._created(name, text, many)

    def _created(self, name: str, text: str, many: _Many | None) -> None:
        for gauge in self._gauges(f"{name}_created", text, many, self._labels(name)).values():
            gauge.set(self._born)

    def _gauges(
        self, name: str, text: str, many: _Many | None, labels: dict[str, str] | None = None
    ) -> dict[tuple[str, str], Gauge]:
        full, labels = f"vllm:{name}", labels or self._labels(name)
        if many is None:
            return {(name, ""): self._metrics.create_gauge(full, text, labels, full_name=True)}
        vec = self._metrics.create_gaugevec(full, text, [many.label], labels, full_name=True)
        return {(name, value): vec.with_label_values([value]) for value in many.values}


def _one_two_five(longest: int) -> tuple[float, ...]:
    """Return 1, 2, 5, 10 … up to ``longest``, as vLLM makes the bounds for numbers of tokens."""
    bounds = (step * 10**power for power in itertools.count() for step in (1, 2, 5))
    return tuple(itertools.takewhile(lambda bound: bound <= longest, bounds))

"""Records the steps of the engine in the metrics, as vLLM's own stat logger does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamo._engines.gauges import EngineGauges
from dynamo.mocker._families import Families
from dynamo.mocker._scheduler import Limits, Scheduler, Step
from dynamo.mocker._sequence import FinishReason, Sequence

if TYPE_CHECKING:
    from dynamo.runtime import Endpoint


class EngineMetrics:
    """Updates the ``vllm:`` families of an endpoint, and Dynamo's of its engine."""

    def __init__(self, endpoint: Endpoint, model: str, limits: Limits) -> None:
        """Create them, with all their series.

        Raises ``MetricsError`` if another metric of the runtime has one of the names.
        """
        families = Families(endpoint.metrics, model, limits.max_model_len)
        families.info("cache_config_info", _CONFIG_TEXT, _cache_config(limits))
        gauges, counters, histograms = families.gauges, families.counters, families.histograms
        gauges["engine_sleep_state", "awake"].set(1)
        self._running = gauges["num_requests_running", ""].set
        self._waiting = gauges["num_requests_waiting", ""].set
        self._waiting_for_capacity = gauges["num_requests_waiting_by_reason", "capacity"].set
        self._usage = gauges["kv_cache_usage_perc", ""].set

        self._queries = counters["prefix_cache_queries", ""].inc_by
        self._hits = counters["prefix_cache_hits", ""].inc_by
        self._hits_on_device = counters["prompt_tokens_cached_by_source", "device"].inc_by
        self._preemptions = counters["num_preemptions", ""].inc_by
        self._prompt = counters["prompt_tokens", ""].inc_by
        self._prompt_computed = counters["prompt_tokens_by_source", "local_compute"].inc_by
        self._prompt_found = counters["prompt_tokens_by_source", "local_cache_hit"].inc_by
        self._prompt_cached = counters["prompt_tokens_cached", ""].inc_by
        self._generated = counters["generation_tokens", ""].inc_by
        self._ends = {
            reason: counters["request_success", reason].inc for reason in ("stop", "length")
        }

        observe = {name: histogram.observe for name, histogram in histograms.items()}
        self._iteration = observe["iteration_tokens_total"]
        self._ttft = observe["time_to_first_token_seconds"]
        self._itl = observe["inter_token_latency_seconds"]
        self._of_request = observe
        dynamo = EngineGauges(endpoint, model)
        cache = dynamo.caches[0]
        cache.set_blocks(limits.num_gpu_blocks)
        self._usage_in_dynamo = cache.set_usage
        self._looked_up = cache.add_lookups
        self._load_time = dynamo.load_time.set

    def stepped(self, scheduler: Scheduler, step: Step) -> None:
        """Record a step."""
        for sequence in step.admitted:
            self._queries(sequence.prompt)
            self._hits(sequence.cached)
            self._hits_on_device(sequence.cached)
            self._looked_up(1, sequence.prompt, sequence.cached)
        if step.preempted:
            self._preemptions(step.preempted)
        for sequence, _, before in step.outputs:
            if before is None:
                self._first_token(sequence, step.ends)
            else:
                self._itl(step.ends - before)
            if sequence.finish_reason is not None:
                self._finished(sequence, sequence.finish_reason)
        self._generated(len(step.outputs))
        self._iteration(step.prefill + len(step.outputs))
        self._look_at(scheduler)

    def aborted(self, scheduler: Scheduler, sequence: Sequence) -> None:
        """Record an aborted request: vLLM counts neither its end nor its times."""
        self._look_at(scheduler)

    def loaded(self, seconds: float) -> None:
        """Record how long it took to load the model, in seconds."""
        self._load_time(seconds)

    def _look_at(self, scheduler: Scheduler) -> None:
        waiting, usage = len(scheduler.waiting), scheduler.pool.usage
        self._running(len(scheduler.running))
        self._waiting(waiting)
        self._waiting_for_capacity(waiting)
        self._usage(usage)
        self._usage_in_dynamo(usage)

    def _first_token(self, sequence: Sequence, now: float) -> None:
        self._ttft(now - sequence.arrived)
        self._prompt(sequence.prompt)
        self._prompt_computed(sequence.prompt - sequence.cached)
        self._prompt_found(sequence.cached)
        self._prompt_cached(sequence.cached)

    def _finished(self, sequence: Sequence, reason: FinishReason) -> None:
        scheduled, first, last = sequence.scheduled, sequence.first_token, sequence.last_token
        self._ends[reason]()
        generated = sequence.generated
        observe = self._of_request
        observe["e2e_request_latency_seconds"](sequence.finished - sequence.arrived)
        observe["request_queue_time_seconds"](scheduled - sequence.arrived)
        observe["request_inference_time_seconds"](last - scheduled)
        observe["request_prefill_time_seconds"](first - scheduled)
        observe["request_decode_time_seconds"](last - first)
        each = (last - first) / (generated - 1) if generated > 1 else 0.0
        observe["request_time_per_output_token_seconds"](each)
        observe["request_prompt_tokens"](sequence.prompt)
        observe["request_generation_tokens"](generated)
        observe["request_max_num_generation_tokens"](generated)
        observe["request_params_max_tokens"](sequence.limit)
        observe["request_params_n"](1)
        observe["request_num_preemptions"](sequence.preemptions)
        observe["request_prefill_kv_computed_tokens"](sequence.prompt - sequence.cached)


_CONFIG_TEXT = "Information of the LLMEngine CacheConfig"


def _cache_config(limits: Limits) -> dict[str, str]:
    """Return what vLLM's ``CacheConfig`` says of such a cache, with its defaults for the rest."""
    tokens = limits.num_gpu_blocks * limits.block_size
    settings = {
        "_block_size_resolved": True,
        "block_size": limits.block_size,
        "cache_dtype": "auto",
        "cache_hit_alignment_tokens": None,
        "effective_attention_block_size": limits.block_size,
        "enable_mamba_shared_prefix_checkpoint": False,
        "enable_prefix_caching": limits.enable_prefix_caching,
        "gpu_memory_utilization": 0.92,
        "hash_block_size": None,
        "is_attention_free": False,
        "kv_cache_dtype_skip_layers": [],
        "kv_cache_layout": None,
        "kv_cache_max_concurrency": tokens / limits.max_model_len,
        "kv_cache_memory_bytes": None,
        "kv_cache_size_tokens": tokens,
        "kv_offloading_backend": "native",
        "kv_offloading_size": None,
        "kv_sharing_fast_prefill": False,
        "mamba_block_size": None,
        "mamba_cache_dtype": "auto",
        "mamba_cache_mode": "none",
        "mamba_page_size_padded": None,
        "mamba_ssm_cache_dtype": "float32",
        "num_cpu_blocks": None,
        "num_gpu_blocks": limits.num_gpu_blocks,
        "num_gpu_blocks_override": limits.num_gpu_blocks,
        "prefix_cache_retention_interval": 0,
        "prefix_caching_hash_algo": "sha256",
        "prefix_match_unit": None,
        "replayssm_buffer_len": 16,
        "skip_page_size_padded": None,
        "sliding_window": None,
        "swa_bounded_replay": True,
        "use_kda_recoverssm": False,
        "use_replayssm": False,
        "user_specified_block_size": True,
    }
    return {name: str(value) for name, value in settings.items()}

"""What Prometheus computes and keeps, for alerts and for tables of many workers."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards._rule import Recording
from dynamo_metrics.dashboards._scope import Scope

SCOPE = Scope(window="5m")
"""Rules are about all workers; 5 minutes smooth the ups and downs of batches."""

MODEL = ("job", "model_name")
WORKER = ("job", "instance")
ENGINE = ("job", "instance", "model_name")


def _quantile(share: float, histogram: str, by: tuple[str, ...]) -> Recording:
    operations = f"p{share * 100:g}_rate5m"
    return Recording(by, histogram, operations, SCOPE.quantile(share, histogram, *by))


TTFT = _quantile(0.95, signals.TTFT, ENGINE)
TTFT_OF_MODEL = _quantile(0.95, signals.TTFT, MODEL)
ITL = _quantile(0.95, signals.ITL, ENGINE)
ITL_OF_MODEL = _quantile(0.95, signals.ITL, MODEL)
E2E = _quantile(0.95, signals.E2E, ENGINE)
E2E_OF_MODEL = _quantile(0.95, signals.E2E, MODEL)
GIL_WAIT = _quantile(0.99, signals.GIL_WAIT, WORKER)
EVENT_LOOP_LAG = _quantile(0.99, signals.EVENT_LOOP_LAG, WORKER)

REQUESTS = Recording(
    WORKER, "dynamo_component_requests", "rate5m", SCOPE.rate(signals.REQUESTS, *WORKER)
)
ERROR_RATIO = Recording(
    WORKER,
    "dynamo_component_errors_per_requests",
    "ratio_rate5m",
    signals.error_ratio(SCOPE, *WORKER),
)
RUNNING = Recording(ENGINE, "vllm:num_requests_running", "sum", signals.running(SCOPE, *ENGINE))
WAITING = Recording(ENGINE, "vllm:num_requests_waiting", "sum", signals.waiting(SCOPE, *ENGINE))
GENERATED = Recording(ENGINE, "vllm:generation_tokens", "rate5m", signals.generated(SCOPE, *ENGINE))
KV_CACHE = Recording(
    ENGINE, "vllm:kv_cache_usage_perc", "max", signals.kv_cache_usage(SCOPE, *ENGINE)
)
PREEMPTIONS = Recording(
    ENGINE, "vllm:num_preemptions", "rate5m", signals.preemptions(SCOPE, *ENGINE)
)
PREFIX_HITS = Recording(
    ENGINE,
    "vllm:prefix_cache_hits_per_queries",
    "ratio_rate5m",
    signals.prefix_hit_ratio(SCOPE, *ENGINE),
)
CALLBACK_FAILURES = Recording(
    WORKER,
    "dynamo_runtime_callback_failures",
    "rate5m",
    signals.rates_or_none(SCOPE, signals.CALLBACK_FAILURES, *WORKER),
)
LOSSES = Recording(
    WORKER,
    "dynamo_runtime_losses",
    "rate5m",
    signals.rates_or_none(SCOPE, signals.LOSSES, *WORKER),
)

RECORDINGS = (
    *(REQUESTS, ERROR_RATIO),
    *(TTFT, TTFT_OF_MODEL, ITL, ITL_OF_MODEL, E2E, E2E_OF_MODEL),
    *(RUNNING, WAITING, GENERATED, KV_CACHE, PREEMPTIONS, PREFIX_HITS),
    *(GIL_WAIT, EVENT_LOOP_LAG, CALLBACK_FAILURES, LOSSES),
)

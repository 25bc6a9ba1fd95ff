"""What both the dashboard and the rules ask of workers, each question once."""

from __future__ import annotations

from dynamo_metrics.dashboards._scope import Scope, aggregated, total
from dynamo_metrics.prometheus_names import work_handler

_types = work_handler.error_types

TTFT = "vllm:time_to_first_token_seconds"
ITL = "vllm:inter_token_latency_seconds"
E2E = "vllm:e2e_request_latency_seconds"
GIL_WAIT = "dynamo_runtime_gil_wait_seconds"
EVENT_LOOP_LAG = "dynamo_runtime_event_loop_lag_seconds"

REQUESTS = "dynamo_component_requests_total"
ERRORS = "dynamo_component_errors_total"
UPTIME = "dynamo_component_uptime_seconds"

_CLIENTS_FAULT = (_types.DESERIALIZATION, _types.INVALID_MESSAGE)
_WORKERS_FAULT = f'error_type!~"{"|".join(_CLIENTS_FAULT)}"'
"""Requests that cannot be read say nothing of the worker."""

CALLBACK_FAILURES = (
    "dynamo_runtime_callback_errors_total",
    "dynamo_runtime_callback_timeouts_total",
)
"""A worker shows them from its first callback on."""
LOSSES = (
    "dynamo_runtime_series_overflow_total",
    "dynamo_runtime_text_dropped_families_total",
    "dynamo_runtime_text_dropped_series_total",
)
"""A worker shows them when something can be lost."""


def error_ratio(scope: Scope, *by: str) -> str:
    """Return the requests that the worker fails, per request; nothing where there are none."""
    failed = scope.rate(ERRORS, *by, matcher=_WORKERS_FAULT)
    return f"{failed} / ({scope.rate(REQUESTS, *by)} > 0)"


def prefix_hit_ratio(scope: Scope, *by: str) -> str:
    """Return the prompt tokens found in the cache per prompt token looked up."""
    hits = scope.rate("vllm:prefix_cache_hits_total", *by)
    return f"{hits} / ({scope.rate('vllm:prefix_cache_queries_total', *by)} > 0)"


def preemptions(scope: Scope, *by: str) -> str:
    """Return the preemptions per second."""
    return scope.rate("vllm:num_preemptions_total", *by)


def kv_cache_usage(scope: Scope, *by: str) -> str:
    """Return the usage of the fullest KV cache, 0 to 1."""
    return aggregated("max", scope.series("vllm:kv_cache_usage_perc"), *by)


def running(scope: Scope, *by: str) -> str:
    """Return the requests in batches."""
    return total(scope.series("vllm:num_requests_running"), *by)


def waiting(scope: Scope, *by: str) -> str:
    """Return the requests in queues."""
    return total(scope.series("vllm:num_requests_waiting"), *by)


def generated(scope: Scope, *by: str) -> str:
    """Return the tokens generated per second."""
    return scope.rate("vllm:generation_tokens_total", *by)


def rates_or_none(scope: Scope, names: tuple[str, ...], *by: str) -> str:
    """Return the rates of counters together; those that a worker does not show count as 0."""
    none = f"0 * {aggregated('max', scope.series(UPTIME), *by)}"
    return " + ".join(f"({scope.rate(name, *by)} or {none})" for name in names)

"""The real Prometheus server scrapes a mocker; queries as vLLM's own dashboards have show lines."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from tests.support.mocker import scraped_mocker
from tests.support.prometheus import Prometheus
from tests.support.waiting import eventually

SELECTED = '{job=~"worker", model_name=~"mock-8b"}'


def rate(series: str) -> str:
    return f"rate(vllm:{series}{SELECTED}[10s])"


def quantile(histogram: str, share: float = 0.95) -> str:
    return f"histogram_quantile({share}, sum by (le) ({rate(histogram + '_bucket')}))"


def mean(histogram: str) -> str:
    return f"{rate(histogram + '_sum')} / {rate(histogram + '_count')}"


def ratio(part: str, whole: str) -> str:
    return f"sum({rate(part)}) / (sum({rate(whole)}) > 0)"


QUERIES = [
    f"vllm:num_requests_running{SELECTED}",
    f"vllm:num_requests_waiting{SELECTED}",
    f"max by (instance, engine) (vllm:kv_cache_usage_perc{SELECTED})",
    f"sum by (reason) (vllm:num_requests_waiting_by_reason{SELECTED})",
    *(
        f"sum({rate(counter)})"
        for counter in (
            "prompt_tokens_total",
            "generation_tokens_total",
            "num_preemptions_total",
            "request_success_total",
            "iteration_tokens_total_sum",
            "request_queue_time_seconds_sum",
            "request_prefill_time_seconds_sum",
            "request_decode_time_seconds_sum",
            "request_max_num_generation_tokens_sum",
        )
    ),
    *(
        quantile(histogram)
        for histogram in (
            "time_to_first_token_seconds",
            "inter_token_latency_seconds",
            "request_time_per_output_token_seconds",
            "e2e_request_latency_seconds",
            "request_queue_time_seconds",
            "request_prefill_time_seconds",
            "request_decode_time_seconds",
            "request_inference_time_seconds",
            "request_prompt_tokens",
            "request_generation_tokens",
            "request_params_max_tokens",
            "request_prefill_kv_computed_tokens",
        )
    ),
    mean("e2e_request_latency_seconds"),
    mean("time_to_first_token_seconds"),
    ratio("prefix_cache_hits_total", "prefix_cache_queries_total"),
    ratio("prompt_tokens_cached_total", "prompt_tokens_total"),
    f"sum by (le) (increase(vllm:request_prompt_tokens_bucket{SELECTED}[10s]))",
    f"sum by (finished_reason) (increase(vllm:request_success_total{SELECTED}[10s]))",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus server that scrapes a mocker with more to do than it can."""
    with scraped_mocker(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


def test_a_query_of_vllms_dashboards_shows_a_line(server: Prometheus) -> None:
    for query in QUERIES:

        def shown(query: str = query) -> bool | None:
            results = server.query(query)
            return any(math.isfinite(one.value) and one.value > 0 for one in results) or None

        eventually(shown)

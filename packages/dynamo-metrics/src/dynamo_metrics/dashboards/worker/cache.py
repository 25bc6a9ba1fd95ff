"""The row ``KV cache``."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards import alerts
from dynamo_metrics.dashboards._board import Row
from dynamo_metrics.dashboards._panels import Query, timeseries
from dynamo_metrics.dashboards._units import TOKENS_PER_SECOND
from dynamo_metrics.dashboards.recordings import WORKER
from dynamo_metrics.dashboards.worker._chosen import BY_INSTANCE, CHOSEN


def row() -> Row:
    """Return the row."""
    return "KV cache", [
        timeseries(
            "Usage by worker",
            "Share of the blocks that are in use. Near 100 % with preemptions there are too few.",
            Query(signals.kv_cache_usage(CHOSEN, *WORKER), BY_INSTANCE),
            unit="percentunit",
            most=1,
            limit=alerts.limit("DynamoKvCacheFull"),
        ),
        timeseries(
            "Preemptions by worker",
            "Requests per second that lost their blocks and are computed anew: work done twice.",
            Query(signals.preemptions(CHOSEN, *WORKER), BY_INSTANCE),
            unit="cps",
        ),
        timeseries(
            "Prefix cache hits by worker",
            "Share of the prompt tokens that were found in the cache. A fall after a change of "
            "routing: requests with the same beginning no longer meet.",
            Query(signals.prefix_hit_ratio(CHOSEN, *WORKER), BY_INSTANCE),
            unit="percentunit",
            most=1,
        ),
        timeseries(
            "Prompt tokens by source",
            "Tokens per second that were computed, found in the cache, or got from elsewhere.",
            Query(CHOSEN.rate("vllm:prompt_tokens_by_source_total", "source"), "{{source}}"),
            unit=TOKENS_PER_SECOND,
            width=12,
            stacked=True,
        ),
        timeseries(
            "Preemptions of a request",
            "How often requests were preempted before they were finished, in the mean and at most "
            "for 99 %.",
            Query(CHOSEN.mean("vllm:request_num_preemptions"), "mean"),
            Query(CHOSEN.quantile(0.99, "vllm:request_num_preemptions"), "p99"),
            width=12,
        ),
    ]

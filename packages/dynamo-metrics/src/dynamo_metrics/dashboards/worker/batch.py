"""The row ``Queue and batch``: what the scheduler does."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards import alerts
from dynamo_metrics.dashboards._board import Row
from dynamo_metrics.dashboards._panels import Query, timeseries
from dynamo_metrics.dashboards._scope import total
from dynamo_metrics.dashboards.recordings import WORKER
from dynamo_metrics.dashboards.worker._chosen import BY_INSTANCE, CHOSEN, quantiles


def row() -> Row:
    """Return the row."""
    return "Queue and batch", [
        timeseries(
            "Running by worker",
            "Requests in the batch. At max_num_seqs the batch is full, below it the cache is.",
            Query(signals.running(CHOSEN, *WORKER), BY_INSTANCE),
        ),
        timeseries(
            "Waiting by worker",
            "Requests in the queue. One worker only: routing does not see its queue.",
            Query(signals.waiting(CHOSEN, *WORKER), BY_INSTANCE),
            limit=alerts.limit("DynamoQueueGrowing"),
        ),
        timeseries(
            "Waiting by reason",
            "capacity: no room in batch or cache; deferred: held back, for a transfer for example.",
            Query(
                total(CHOSEN.series("vllm:num_requests_waiting_by_reason"), "reason"), "{{reason}}"
            ),
            stacked=True,
        ),
        timeseries(
            "Time in the queue",
            "From arrival at the engine to the first step. It is part of the TTFT.",
            *quantiles("vllm:request_queue_time_seconds"),
            unit="s",
        ),
        timeseries(
            "Tokens in a step",
            "Tokens computed in a step. Near max_num_batched_tokens prompts wait for each other.",
            *quantiles("vllm:iteration_tokens_total"),
        ),
        timeseries(
            "Refused by the engine",
            "Requests per second that found its queue full, by limit.",
            Query(CHOSEN.rate("vllm:admission_rejections_total", "reason"), "{{reason}}"),
            unit="reqps",
        ),
    ]

"""The row ``Latency``: what clients wait for."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards import alerts
from dynamo_metrics.dashboards._board import Row
from dynamo_metrics.dashboards._panels import Panel, Query, heatmap, timeseries
from dynamo_metrics.dashboards.recordings import WORKER
from dynamo_metrics.dashboards.worker._chosen import BY_INSTANCE, CHOSEN, quantiles


def row() -> Row:
    """Return the row."""
    ttft, itl = (
        alerts.limit("DynamoTimeToFirstTokenHigh"),
        alerts.limit("DynamoInterTokenLatencyHigh"),
    )
    return "Latency", [
        *_histogram(
            "Time to first token",
            "From arrival at the engine to the first token: queue and prompt. It rises first when "
            "workers do not keep up.",
            signals.TTFT,
            ttft,
        ),
        *_histogram(
            "Time between tokens",
            "It rises with the batch, and by jumps when long prompts or preemptions come between.",
            signals.ITL,
            itl,
        ),
        *_histogram(
            "Whole requests in the engine",
            "From arrival at the engine to the last token. Mostly the length of answers.",
            signals.E2E,
        ),
        timeseries(
            "TTFT by worker, p95",
            "One line above the rest is a worker in trouble; all together are too much load.",
            Query(CHOSEN.quantile(0.95, signals.TTFT, *WORKER), BY_INSTANCE),
            unit="s",
            limit=ttft,
        ),
        timeseries(
            "ITL by worker, p95",
            "One line above the rest is a slower GPU, or a worker with larger batches.",
            Query(CHOSEN.quantile(0.95, signals.ITL, *WORKER), BY_INSTANCE),
            unit="s",
            limit=itl,
        ),
        timeseries(
            "Where time goes",
            "Mean time of a request in the queue, with its prompt and with its answer. A thick "
            "queue wants workers, a thick prompt wants the prefix cache or chunks.",
            Query(CHOSEN.mean("vllm:request_queue_time_seconds"), "queue"),
            Query(CHOSEN.mean("vllm:request_prefill_time_seconds"), "prompt"),
            Query(CHOSEN.mean("vllm:request_decode_time_seconds"), "answer"),
            unit="s",
            stacked=True,
        ),
        timeseries(
            "Around the engine: first item",
            "From arrival at the endpoint to the first item of the answer. What it has above the "
            "TTFT is time in Python and on the way.",
            *quantiles("dynamo_component_time_to_first_response_seconds"),
            unit="s",
            width=12,
        ),
        timeseries(
            "Around the engine: whole requests",
            "From arrival at the endpoint to the end, on every way out.",
            *quantiles("dynamo_component_request_duration_seconds"),
            unit="s",
            width=12,
        ),
    ]


def _histogram(
    title: str, description: str, histogram: str, limit: float | None = None
) -> list[Panel]:
    """Return quantiles, and the whole distribution beside them."""
    return [
        timeseries(
            f"{title}: p50, p95, p99",
            description,
            *quantiles(histogram),
            unit="s",
            width=12,
            limit=limit,
        ),
        heatmap(
            f"{title}: all",
            f"{title}, how many a second by length. Two bands are two kinds of requests, which "
            "quantiles hide.",
            CHOSEN.rate(histogram + "_bucket", "le"),
            "s",
        ),
    ]

"""The row ``Requests``: what comes in, and what becomes of it."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards._board import Row
from dynamo_metrics.dashboards._panels import Query, timeseries
from dynamo_metrics.dashboards._scope import total
from dynamo_metrics.dashboards._units import TOKENS_PER_SECOND
from dynamo_metrics.dashboards.recordings import WORKER
from dynamo_metrics.dashboards.worker._chosen import BY_INSTANCE, CHOSEN, quantiles


def row() -> Row:
    """Return the row."""
    return "Requests", [
        timeseries(
            "Requests by worker",
            "Requests that arrive per second. Lines far apart: the load is not spread evenly.",
            Query(CHOSEN.rate(signals.REQUESTS, *WORKER), BY_INSTANCE),
            unit="reqps",
        ),
        timeseries(
            "In flight by worker",
            "Requests that are being answered, waiting ones included. It grows when answers take "
            "longer or more come in.",
            Query(total(CHOSEN.series("dynamo_component_inflight_requests"), *WORKER), BY_INSTANCE),
        ),
        timeseries(
            "Errors",
            "Requests per second that failed, by reason, and those whose client went away. "
            "generate: the handler or the engine raised; publish_*: the way back broke.",
            Query(CHOSEN.rate(signals.ERRORS, "error_type"), "{{error_type}}"),
            Query(CHOSEN.rate("dynamo_component_cancellation_total"), "cancelled"),
            unit="reqps",
        ),
        timeseries(
            "Finished by the engine",
            "Requests per second, by why they ended. Much length: max_tokens cuts answers off.",
            Query(
                CHOSEN.rate("vllm:request_success_total", "finished_reason"), "{{finished_reason}}"
            ),
            unit="reqps",
            stacked=True,
        ),
        timeseries(
            "Tokens",
            "Tokens per second: those of prompts, found in the cache or computed, and of answers.",
            Query(CHOSEN.rate("vllm:prompt_tokens_total"), "prompts"),
            Query(signals.generated(CHOSEN), "answers"),
            unit=TOKENS_PER_SECOND,
        ),
        timeseries(
            "Answers by worker",
            "Tokens of answers per second: what a worker gets done.",
            Query(signals.generated(CHOSEN, *WORKER), BY_INSTANCE),
            unit=TOKENS_PER_SECOND,
        ),
        timeseries(
            "Length of prompts",
            "Tokens of the prompts that were finished. Longer prompts are later first tokens.",
            *quantiles("vllm:request_prompt_tokens"),
        ),
        timeseries(
            "Length of answers",
            "Tokens of the answers that were finished. Longer answers hold blocks for longer.",
            *quantiles("vllm:request_generation_tokens"),
        ),
        timeseries(
            "Traffic",
            "Bytes per second of requests and of answers, as JSON.",
            Query(CHOSEN.rate("dynamo_component_request_bytes_total"), "requests"),
            Query(CHOSEN.rate("dynamo_component_response_bytes_total"), "answers"),
            unit="Bps",
        ),
    ]

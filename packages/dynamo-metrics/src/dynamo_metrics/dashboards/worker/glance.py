"""The row ``At a glance``: what a look must tell."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards import alerts
from dynamo_metrics.dashboards._board import Row
from dynamo_metrics.dashboards._panels import stat
from dynamo_metrics.dashboards.worker._chosen import CHOSEN


def row() -> Row:
    """Return the row."""
    ttft, itl = (
        alerts.limit("DynamoTimeToFirstTokenHigh"),
        alerts.limit("DynamoInterTokenLatencyHigh"),
    )
    errors, cache = alerts.limit("DynamoErrorsHigh"), alerts.limit("DynamoKvCacheFull")
    return "At a glance", [
        stat(
            "Requests",
            "Requests that arrive per second. 0 with clients at work: they find no worker.",
            CHOSEN.rate(signals.REQUESTS),
            "reqps",
        ),
        stat(
            "Error ratio",
            "Share of the requests that fail. If it stays above 0, see Errors for the reason.",
            signals.error_ratio(CHOSEN),
            "percentunit",
            limits={errors / 5: "orange", errors: "red"},
        ),
        stat(
            "TTFT, p95",
            "Time to the first token that 95 % of the requests do not exceed: what users wait.",
            CHOSEN.quantile(0.95, signals.TTFT),
            "s",
            limits={ttft / 2: "orange", ttft: "red"},
        ),
        stat(
            "ITL, p95",
            "Time between tokens that 95 % do not exceed: how smoothly answers are read.",
            CHOSEN.quantile(0.95, signals.ITL),
            "s",
            limits={itl / 2: "orange", itl: "red"},
        ),
        stat(
            "Waiting",
            "Requests in queues. More for longer than a burst: the workers do not keep up.",
            signals.waiting(CHOSEN),
            limits={1: "orange", alerts.limit("DynamoQueueGrowing"): "red"},
        ),
        stat(
            "KV cache",
            "The fullest KV cache. Near 100 % requests are preempted.",
            signals.kv_cache_usage(CHOSEN),
            "percentunit",
            limits={cache - 0.1: "orange", cache: "red"},
        ),
    ]

"""The row ``Fleet``: all workers beside each other."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards import recordings
from dynamo_metrics.dashboards._board import Row
from dynamo_metrics.dashboards._panels import Column, Panel, Query, stat, state_timeline, table
from dynamo_metrics.dashboards._scope import aggregated, total
from dynamo_metrics.dashboards._units import TOKENS_PER_SECOND
from dynamo_metrics.dashboards.worker._chosen import BY_INSTANCE, CHOSEN


def row() -> Row:
    """Return the row."""
    return "Fleet", [
        stat(
            "Workers up",
            "Targets that answered the last scrape.",
            total(CHOSEN.series("up")),
            width=6,
        ),
        stat(
            "Workers down",
            "Targets that did not. One that left service discovery is neither up nor down.",
            f"count({CHOSEN.series('up')}) - {total(CHOSEN.series('up'))}",
            width=6,
            limits={1: "red"},
        ),
        stat(
            "Alerts firing",
            "Alerts of the rule file that fire for the chosen jobs; 0 also without that file.",
            'count(ALERTS{alertname=~"Dynamo.+", alertstate="firing", job=~"$job"}) or vector(0)',
            width=6,
            limits={1: "red"},
        ),
        stat(
            "Youngest worker",
            "Seconds since the last start of a worker. Small again and again: something restarts.",
            aggregated("min", CHOSEN.series(signals.UPTIME)),
            "s",
            width=6,
        ),
        state_timeline(
            "Targets",
            "Whether each target answers its scrapes. A gap: service discovery did not know it.",
            Query(CHOSEN.series("up"), BY_INSTANCE),
            ("down", "up"),
        ),
        _side_by_side(),
    ]


def _side_by_side() -> Panel:
    recorded = {
        "Tokens/s": (recordings.GENERATED, TOKENS_PER_SECOND),
        "TTFT, p95": (recordings.TTFT, "s"),
        "ITL, p95": (recordings.ITL, "s"),
        "Request, p95": (recordings.E2E, "s"),
        "Running": (recordings.RUNNING, "short"),
        "Waiting": (recordings.WAITING, "short"),
        "KV cache": (recordings.KV_CACHE, "percentunit"),
        "Preemptions/s": (recordings.PREEMPTIONS, "cps"),
        "Prefix hits": (recordings.PREFIX_HITS, "percentunit"),
    }
    columns = [
        # Lines are put together by their labels, of which the name must not be one.
        Column(title, aggregated("max", CHOSEN.series(recording.name), *recordings.ENGINE), unit)
        for title, (recording, unit) in recorded.items()
    ]
    return table(
        "Workers side by side",
        "Each engine over the last 5 minutes, by recording rules: empty without the rule file.",
        *columns,
    )

"""Recording rules and alerts, as Prometheus reads them. Needs no package."""

from __future__ import annotations

from typing import Any

from dynamo_metrics.dashboards.alerts import ALERTS
from dynamo_metrics.dashboards.recordings import RECORDINGS


def groups() -> list[dict[str, Any]]:
    """Return the groups of rules, as they stand under ``groups`` of Prometheus' rule files.

    One group is evaluated in order, so that alerts see what has just been recorded.
    """
    return [{"name": "dynamo-workers", "rules": [one.rule() for one in (*RECORDINGS, *ALERTS)]}]

"""What the panels of all rows have in common."""

from __future__ import annotations

from dynamo_metrics.dashboards._board import WINDOW, WORKER
from dynamo_metrics.dashboards._panels import Query
from dynamo_metrics.dashboards._scope import Scope

CHOSEN = Scope(window=WINDOW, worker=WORKER, model='model_name=~"$model"')
"""The workers and models that the variables choose."""

BY_INSTANCE = "{{instance}}"


def quantiles(histogram: str) -> list[Query]:
    """Return p50, p95 and p99 of a histogram."""
    return [
        Query(CHOSEN.quantile(share, histogram), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)
    ]

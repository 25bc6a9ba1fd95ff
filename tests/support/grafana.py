"""Dashboards as Grafana runs them: their queries, with the variables filled in."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

WINDOW = "$__rate_interval"
SCRAPES = "10s"
"""What Grafana would have as the range of rates, with a scrape every second or two."""


class Query(NamedTuple):
    """One query of a dashboard."""

    panel: str
    expression: str

    def __str__(self) -> str:
        return f"{self.panel}: {self.expression}"


def panels(dashboard: str) -> list[dict[str, Any]]:
    """The panels of a dashboard, without its rows."""
    return [panel for panel in json.loads(dashboard)["panels"] if panel["type"] != "row"]


def queries(dashboard: str) -> list[Query]:
    """All queries of a dashboard, with everything chosen, as they may be sent to Prometheus."""
    chosen = {variable["name"]: ".*" for variable in variables(dashboard)}
    return [
        Query(panel["title"], filled(target["expr"], chosen))
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]


def variables(dashboard: str) -> list[dict[str, Any]]:
    """The variables of a dashboard that are asked for."""
    listed = json.loads(dashboard)["templating"]["list"]
    return [variable for variable in listed if variable["type"] == "query"]


def filled(expression: str, chosen: dict[str, str]) -> str:
    """An expression without variables."""
    expression = expression.replace(WINDOW, SCRAPES)
    for name, value in chosen.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression


def engine_metrics(text: str) -> set[str]:
    """The names of vLLM's series in a text: an exposition, or queries."""
    return set(re.findall(r"\bvllm:\w+", text))

"""The dashboard around the panels: variables, rows, and the JSON that Grafana imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dynamo_metrics.dashboards._panels import DATASOURCE, Panel
from dynamo_metrics.dashboards._scope import selector

WORKER = 'job=~"$job", instance=~"$instance"'
"""Matchers for what the variables ``job`` and ``instance`` choose."""
WINDOW = "$__rate_interval"
"""Grafana's range for rates: at least four scrapes."""


@dataclass(frozen=True)
class Variable:
    """A choice of values of a label."""

    name: str
    series: str
    """Selector of the series that have the label."""
    label: str
    known_only: bool = False
    """Whether All means the values that there are, and not any value at all."""


Row: TypeAlias = tuple[str, Sequence[Panel]]
"""A title, and what stands under it."""


def worker_variables(name: str) -> list[Variable]:
    """Return the variables ``job`` and ``instance``, of workers that show series of this name."""
    return [
        Variable("job", selector(name), "job", known_only=True),  # no others in that Prometheus
        Variable("instance", selector(name, 'job=~"$job"'), "instance"),
    ]


def board(
    title: str,
    uid: str,
    description: str,
    variables: Sequence[Variable],
    rows: Sequence[Row],
) -> str:
    """Return a dashboard as JSON, with a newline at its end.

    ``variables`` stand in the order of choosing.
    """
    builder = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["dynamo", "llm"])
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .editable()
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
    )
    for variable in variables:
        builder.with_variable(_variable(variable))
    for name, panels in rows:
        builder.with_row(dashboard.Row(name))
        for panel in panels:
            builder.with_panel(panel)
    built = builder.build()
    for number, panel in enumerate(built.panels or (), 1):
        panel.id_val = number
    return JSONEncoder(indent=2, ensure_ascii=False).encode(built) + "\n"


def _variable(variable: Variable) -> dashboard.QueryVariable:
    query = f"label_values({variable.series}, {variable.label})"
    builder = (
        dashboard.QueryVariable(variable.name)
        .datasource(DATASOURCE)
        .query(
            {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 1}
        )
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.NATURAL_ASC)
        .multi(True)
        .include_all(True)
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
    return builder if variable.known_only else builder.all_value(".*")

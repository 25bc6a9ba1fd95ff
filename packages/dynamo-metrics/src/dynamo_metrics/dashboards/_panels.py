"""Panels in Grafana's model, of the few shapes that our dashboards have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    prometheus,
)
from grafana_foundation_sdk.builders import heatmap as heatmap_builder
from grafana_foundation_sdk.builders import stat as stat_builder
from grafana_foundation_sdk.builders import statetimeline as statetimeline_builder
from grafana_foundation_sdk.builders import table as table_builder
from grafana_foundation_sdk.builders import timeseries as timeseries_builder
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Panel: TypeAlias = Builder[model.Panel]

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

_FULL = 24
"""Columns of a dashboard."""
_GREEN, _ORANGE, _RED = "green", "orange", "red"


@dataclass(frozen=True)
class Query:
    """A query and what its lines are called; ``{{label}}`` is the value of a label."""

    expression: str
    legend: str = ""


def timeseries(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    limit: float | None = None,
    least: float | None = 0,
    most: float | None = None,
    stacked: bool = False,
) -> Panel:
    """Return a timeseries, from ``least`` to ``most``. ``limit`` is a dashed line."""
    panel = (
        timeseries_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(width)
        .height(8)
        .line_width(1)
        .fill_opacity(30 if stacked else 8)
        .show_points(options.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(options.LegendDisplayMode.TABLE)
            .placement(options.LegendPlacement.BOTTOM)
            .calcs(["mean", "max", "lastNotNull"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(options.TooltipDisplayMode("multi"))
            .sort(options.SortOrder.DESCENDING)
        )
    )
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode("normal")).group("A"))
    if limit is not None:
        panel.thresholds(_thresholds({limit: _RED})).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode("dashed"))
        )
    for target in _targets(queries):
        panel.with_target(target)
    return panel


def heatmap(
    title: str, description: str, buckets: str, unit: str = "short", width: int = 12
) -> Panel:
    """Return a heatmap of a query that gives a histogram's buckets by ``le``."""
    target = (
        _target(Query(buckets, "{{le}}"))
        .format(PromQueryFormat("heatmap"))
        .interval("30s")  # columns wide enough to be seen, and to have counted something
    )
    return (
        heatmap_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(8)
        .calculate(False)
        .color(
            heatmap_builder.HeatmapColorOptions()
            .mode(HeatmapColorMode("scheme"))
            .scheme("Oranges")
            .exponent(0.5)
            .steps(64)
        )
        .y_axis(heatmap_builder.YAxisConfig().unit(unit).axis_placement(options.AxisPlacement.LEFT))
        .cell_values(heatmap_builder.CellValues().unit("cps"))
        .filter_values(heatmap_builder.FilterValueRange().le(1e-9))
        .cell_gap(1)
        .show_legend()
        .mode(options.TooltipDisplayMode("single"))
        .with_target(target)
    )


def stat(
    title: str,
    description: str,
    query: str,
    unit: str = "short",
    width: int = 4,
    limits: Mapping[float, str] | None = None,
) -> Panel:
    """Return the last value as a number. ``limits`` are the values from which it has a colour."""
    return (
        stat_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(width)
        .height(4)
        .color_mode(options.BigValueColorMode.VALUE)
        .graph_mode(options.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(limits or {}))
        .with_target(_target(Query(query)))
    )


def state_timeline(
    title: str, description: str, query: Query, names: Sequence[str], width: int = _FULL
) -> Panel:
    """Return bars over time, red where the value is 0 and green where it is 1."""
    texts = {
        str(value): model.ValueMappingResult(text=name, color=color, index=value)
        for value, (name, color) in enumerate(zip(names, (_RED, _GREEN), strict=True))
    }
    return (
        statetimeline_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(8)
        .mappings([model.ValueMap(texts)])
        .show_value(options.VisibilityMode.NEVER)
        .line_width(0)
        .fill_opacity(70)
        .with_target(_target(query))
    )


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    expression: str
    unit: str = "short"


def table(
    title: str, description: str, *columns: Column, hidden: Sequence[str] = (), width: int = _FULL
) -> Panel:
    """Return a table of last values: a line for each set of labels, a column for each query."""
    panel = (
        table_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(8)
        .filterable(True)
    )
    names = {}
    for letter, column in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", columns, strict=False):
        target = (
            _target(Query(column.expression), letter).instant().format(PromQueryFormat("table"))
        )
        panel.with_target(target)
        panel.override_by_name(column.title, [model.DynamicConfigValue("unit", column.unit)])
        # A single query keeps its name, several are merged under their letters.
        names["Value" if len(columns) == 1 else f"Value #{letter}"] = column.title
    return panel.with_transformation(
        model.DataTransformerConfig(id_val="merge", options={})
    ).with_transformation(
        model.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(("Time", *hidden), True),
                "renameByName": names,
            },
        )
    )


def _thresholds(colors: Mapping[float, str]) -> dashboard.ThresholdsConfig:
    steps = [model.Threshold(value=value, color=color) for value, color in colors.items()]
    return (
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode("absolute"))
        .steps([model.Threshold(value=None, color=_GREEN), *steps])
    )


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    return [_target(query, chr(ord("A") + place)) for place, query in enumerate(queries)]


def _target(query: Query, letter: str = "A") -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expression)
        .legend_format(query.legend)
        .datasource(DATASOURCE)
        .ref_id(letter)
        .range()
    )

"""All stats of one target, each with its history and its family."""

from __future__ import annotations

from time import localtime, strftime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dynamo_metrics.cli.top._stats import STATS
from dynamo_metrics.cli.top._target import HISTORY, Target
from dynamo_metrics.cli.top._units import NOTHING, sparkline

_LEAST, _OTHERS = 10, 62
"""Cells: the narrowest sparkline; what the other columns take."""


def details(target: Target | None, width: int) -> RenderableType:
    """Return what the lower half of the screen shows."""
    if target is None:
        return Text("No target matches the filter.", style="dim")
    state = target.state
    head = Text(target.address, style="bold")
    for label, node in state.labels.items():
        head.append(f"  {label.removeprefix('dynamo_')}={node}", style="cyan")
    if state.is_up:
        head.append(f"  scraped in {state.duration * 1000:.0f} ms", style="dim")
    parts: list[RenderableType] = [head]
    if state.error:
        since = strftime("%H:%M:%S", localtime(state.scraped)) if state.scraped else ""
        parts.append(Text(state.error, style="bold red"))
        parts.append(Text(f"last scraped at {since}" if since else "never scraped", style="red"))
    if state.bad_line is not None:
        parts.append(Text(str(state.bad_line), style="yellow"))
    if state.is_restarted:
        parts.append(Text("The process started again; rates count from zero.", style="yellow"))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(style="dim", no_wrap=True, overflow="ellipsis")
    length = min(max(width - _OTHERS, _LEAST), HISTORY)
    for stat in STATS:
        if stat.key not in state.sources:
            continue
        value = state.values.get(stat.key)
        table.add_row(
            Text(stat.title),
            Text(NOTHING if value is None else stat.format(value)),
            Text(sparkline(target.history(stat), length)),
            Text(state.sources[stat.key]),
        )
    if not state.sources and state.is_up:
        parts.append(Text("None of the stats has its metrics here.", style="dim"))
    return Group(*parts, table)

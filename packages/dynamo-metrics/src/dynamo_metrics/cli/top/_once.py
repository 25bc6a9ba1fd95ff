"""Two scrapes, then a table or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from time import sleep
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dynamo_metrics.cli.top._poller import scrape_all
from dynamo_metrics.cli.top._stats import COLUMNS
from dynamo_metrics.cli.top._target import Target
from dynamo_metrics.cli.top._units import NOTHING


def scrape_twice(targets: Sequence[Target], interval: float) -> None:
    """Scrape targets, and those that answered again after ``interval`` seconds."""
    scrape_all(targets)
    again = [target for target in targets if target.state.is_up]
    if again:
        sleep(interval)
        scrape_all(again)


def print_json(targets: Sequence[Target], interval: float) -> None:
    """Print the stats for scripts."""
    print(
        json.dumps({"interval": interval, "targets": [_as_json(one) for one in targets]}, indent=2)
    )


def print_table(targets: Sequence[Target]) -> None:
    """Print the stats for people, then the errors."""
    table = Table("TARGET", "STATE", box=None, pad_edge=False)
    for stat in COLUMNS:
        table.add_column(stat.title, justify="right")
    for target in targets:
        values = target.state.values
        numbers = (
            NOTHING if value is None else stat.format(value)
            for stat, value in ((stat, values.get(stat.key)) for stat in COLUMNS)
        )
        table.add_row(*(Text(cell) for cell in (target.name, target.state.word, *numbers)))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 10_000  # programs that read it need whole lines
    console.print(table)
    for target in targets:
        if target.state.error:
            console.print(target.state.error)
        elif target.state.bad_line is not None:
            console.print(f"{target.address}: {target.state.bad_line}")


def _as_json(target: Target) -> dict[str, Any]:
    state = target.state
    return {
        "target": target.name,
        "address": target.address,
        "up": state.is_up,
        "error": state.error or None,
        "bad_line": str(state.bad_line) if state.bad_line else None,
        "labels": dict(state.labels),
        "figures": {
            key: value if value is not None and math.isfinite(value) else None
            for key, value in state.values.items()
        },
        "families": dict(state.sources),
    }

"""The commands of ``dynamo-metrics``."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from dynamo_metrics.cli import _dashboard
from dynamo_metrics.cli.check import _command as _check
from dynamo_metrics.cli.top import _command as _top

COMMANDS = "dynamo_metrics.commands"
"""The entry-point group by which other packages add commands: functions that take the app."""

app = typer.Typer(
    help="Shows, checks and finds the metrics of running processes, and makes dashboards of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _log() -> None:
    logging.basicConfig(format="%(levelname)s %(message)s")


@app.command()
def dashboard(
    url: Annotated[
        str,
        typer.Argument(help="A page of metrics: host:port or http://host:port/metrics."),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(help="File to write, instead of standard output.", dir_okay=False),
    ] = None,
) -> None:
    """Write a dashboard for Grafana: that of LLM workers, or one of what a page shows."""
    try:
        text = _dashboard.made(url)
        if output is None:
            print(text, end="")
        else:
            _dashboard.write(text, output)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(str(error))


_top.add_to(app)
_check.add_to(app)
for _entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name):
    _entry.load()(app)

"""The commands of ``dynamo-metrics``."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from dynamo_metrics import _native
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
        typer.Argument(help="An exposition: host:port or http://host:port/metrics."),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(help="File to write, instead of standard output.", dir_okay=False),
    ] = None,
) -> None:
    """Write a dashboard for Grafana: that of LLM workers, or one of what a process exposes."""
    try:
        text = _dashboard.made(url)
        if output is None:
            print(text, end="")
        else:
            _dashboard.write(text, output)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(str(error))


@app.command()
def processes(
    directory: Annotated[
        Path, typer.Argument(help="The directory that the processes share.", file_okay=False)
    ],
    reset: Annotated[
        bool,
        typer.Option(help="Start from zero: remove all values. Possible while no process lives."),
    ] = False,
) -> None:
    """List the processes that share a directory, their files, and the totals of ended ones."""
    try:
        if reset and not _native.reset_shared(directory):
            sys.exit(f"{directory} is in use: end its processes first, whose values would remain")
        files = _native.describe_shared(directory)
    except OSError as error:
        sys.exit(str(error))
    print(f"{'PROCESS':>7} {'PID':>8} {'STATE':6} {'SERIES':>8} {'BYTES':>10} FILE")
    for name, size, series, member in files:
        number, pid, lives = member or ("", "", None)
        state = {True: "lives", False: "ended", None: "totals"}[lives]
        print(f"{number:>7} {pid:>8} {state:6} {series:>8} {size:>10} {name}")


_top.add_to(app)
_check.add_to(app)
for _entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name):
    _entry.load()(app)

"""The commands that ``dynamo-runtime`` adds to ``dynamo-metrics``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dynamo._settings import NATS_SERVER
from dynamo.fleet._fleet import Fleet, fetch, shared_discovery
from dynamo.fleet._sd import as_json

NatsServer = Annotated[
    str,
    typer.Option(
        envvar=NATS_SERVER.variable,
        help="Address of the NATS server; several are separated by commas.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add ``sd`` and ``ls``."""
    app.command()(sd)
    app.command("ls")(list_targets)


def sd(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")
    ] = 9900,
    refresh: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=3600.0,
            help="Seconds for which an answer is cached, whatever the number of scrapers.",
        ),
    ] = 1.0,
    nats_server: NatsServer = "",
) -> None:
    """Serve Prometheus' HTTP service discovery, on /sd, until SIGTERM or Ctrl-C."""
    try:
        from dynamo.fleet import _http
    except ImportError as error:
        sys.exit(f"dynamo-metrics sd needs {error.name}: pip install 'dynamo-runtime[cli]'")
    fleet = Fleet(_discovery(nats_server), refresh)
    _run(_http.serve(fleet, host, port))


def list_targets(
    as_list: Annotated[
        bool, typer.Option("--json", help="Print the JSON of sd instead of a table.")
    ] = False,
    nats_server: NatsServer = "",
) -> None:
    """Show the runtimes that Prometheus would find now."""
    targets = _run(fetch(_discovery(nats_server)))
    if as_list:
        print(json.dumps(as_json(targets), indent=2))
        return
    table = Table("INSTANCE", "NAMESPACE", "COMPONENT", "ADDRESS", box=None, pad_edge=False)
    for target in targets:
        labels = target.labels
        table.add_row(labels["instance"], labels["namespace"], labels["component"], target.url)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 10_000  # programs that read it need whole lines
    console.print(table)


def _discovery(nats_server: str) -> str:
    if nats_server:
        os.environ[NATS_SERVER.variable] = nats_server
    try:
        return shared_discovery()
    except ValueError as error:
        sys.exit(str(error))


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

"""The command ``dynamo-metrics top``."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from dynamo_metrics.cli.top._discovery import discovered, finders
from dynamo_metrics.cli.top._target import Target


def add_to(app: typer.Typer) -> None:
    """Add ``top``."""
    app.command("top")(command)


def command(
    urls: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[URL]...",
            help="Targets: host:port or http://host:port/metrics. None: the fleet by discovery.",
        ),
    ] = None,
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds between two scrapes of a target.")
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Scrape twice, print the stats, and end.")
    ] = False,
    for_scripts: Annotated[bool, typer.Option("--json", help="With --once: print JSON.")] = False,
) -> None:
    """Show requests, tokens, latency, queue, cache and errors of processes, as they change.

    With --once it exits with 1 if a target cannot be read.
    """
    if for_scripts and not once:
        _fail("--json needs --once: the screen is for people")
    targets = _targets(urls or [])
    if once:
        # Rich is large, and other commands import this module.
        from dynamo_metrics.cli.top._once import print_json, print_table, scrape_twice

        scrape_twice(targets, interval)
        if for_scripts:
            print_json(targets, interval)
        else:
            print_table(targets)
        sys.exit(0 if all(target.state.is_up for target in targets) else 1)
    _show(targets, interval, finds=not urls)


def _targets(urls: list[str]) -> list[Target]:
    try:
        targets = [Target(url) for url in urls] if urls else _fleet()
    except (OSError, ValueError, ImportError) as error:
        _fail(str(error))
    if not targets:
        _fail("discovery lists no runtimes now; name a target, as in localhost:8081")
    return targets


def _fleet() -> list[Target]:
    find = finders()
    if not find:
        raise ValueError(
            "top needs targets: name them, as in localhost:8081, or install dynamo-runtime, which "
            "finds them by discovery"
        )
    return [Target(address, name) for address, name in discovered(find)]


def _show(targets: list[Target], interval: float, finds: bool) -> None:
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        _fail("top needs a terminal; use --once, or --once --json, in scripts")
    from dynamo_metrics.cli.top._poller import Poller

    try:
        from dynamo_metrics.cli.top._app import TopApp
    except ModuleNotFoundError as error:
        _fail(
            f"dynamo-metrics top needs {error.name}: pip install 'dynamo-metrics[cli]', or "
            "'./packages/dynamo-metrics[cli]' in a checkout; --once does without"
        )
    poller = Poller(interval)
    poller.set_targets(targets)
    TopApp(poller, _fleet if finds else None).run()
    poller.stop()


def _fail(message: str) -> NoReturn:
    sys.exit(message)

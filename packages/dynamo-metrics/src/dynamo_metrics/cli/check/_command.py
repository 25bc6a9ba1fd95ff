"""The command ``dynamo-metrics check``."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dynamo_metrics.cli.check._report import as_json, check, print_report
from dynamo_metrics.cli.check._rules import RULES
from dynamo_metrics.scrape import FORMATS, Body, UnreadableError, address_of, fetch, read_file

_OF_READING = ("syntax", "eof", "grouping", "duplicate", "value", "histogram", "summary", "empty")
_RULES = (*_OF_READING, *(rule.name for rule in RULES))
_UNREADABLE = 2


class _Format(str, Enum):
    """The names of ``FORMATS``."""

    text = "text"
    text1 = "text1"
    openmetrics = "openmetrics"
    openmetrics2 = "openmetrics2"
    protobuf = "protobuf"


def add_to(app: typer.Typer) -> None:
    """Add ``check``."""
    app.command("check")(command)


def command(
    source: Annotated[
        str,
        typer.Argument(
            help="host:port, a URL, a file, or - for standard input.", metavar="URL|FILE|-"
        ),
    ],
    form: Annotated[
        _Format, typer.Option("--format", help="The exposition format to ask a URL for.")
    ] = _Format.text,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help=f"A rule to ignore; may be repeated. Rules: {', '.join(_RULES)}."),
    ] = None,
    cardinality: Annotated[
        bool, typer.Option(help="Show the largest families, which fails nothing.")
    ] = True,
    for_scripts: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is wrong with an exposition, a line for each problem.

    Exits with 0 if there are notes at most, with 1 if there are problems, and with 2 if there is no
    exposition to read. Reads every format, plain or as gzip.
    """
    ignored = set(ignore or ())
    unknown = sorted(ignored.difference(_RULES))
    if unknown:
        _fail(f"--ignore {unknown[0]} is not a rule; the rules are {', '.join(_RULES)}")
    try:
        body = _body(source, FORMATS[form.value].accept)
    except (UnreadableError, ValueError) as error:
        _fail(str(error))
    report = check(body, ignored)
    if for_scripts:
        print(as_json(report))
    else:
        print_report(report, cardinality)
    sys.exit(0 if report.is_good else 1)


def _body(source: str, accept: str) -> Body:
    """Read a source. What is a file is read as one, ``host:port`` is a URL."""
    if source == "-" or Path(source).exists() or not _is_url(source):
        return read_file(source)
    return fetch(address_of(source), accept)


def _is_url(source: str) -> bool:
    if source.startswith(("http://", "https://")):
        return True
    host, colon, port = source.partition(":")
    return (bool(host and colon) and port.partition("/")[0].isdigit()) or source.startswith("[")


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(_UNREADABLE)

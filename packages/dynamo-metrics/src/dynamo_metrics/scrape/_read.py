"""Reads an exposition in whatever format it is."""

from __future__ import annotations

from dynamo_metrics._urls import without_credentials
from dynamo_metrics.scrape._formats import PROTOBUF, format_of
from dynamo_metrics.scrape._lines import read_lines
from dynamo_metrics.scrape._model import Exposition
from dynamo_metrics.scrape._protobuf import read_protobuf
from dynamo_metrics.scrape._series import series_problems
from dynamo_metrics.scrape._source import TIMEOUT, UnreadableError, fetch


def read(body: bytes, content_type: str = "", checks_series: bool = True) -> Exposition:
    """Read an exposition: all that can be read, and what is wrong with the rest.

    The format is that of ``content_type``; if it names none, the one that the body looks like.
    Without ``checks_series`` it looks at lines only, which is faster.
    """
    form = format_of(body, content_type)
    result = read_protobuf(body) if form is PROTOBUF else read_lines(body, form)
    for family in result.shown() if checks_series else ():
        result.problems += series_problems(family, form)
    result.problems.sort(key=lambda problem: problem.line)
    return result


def scrape(address: str, accept: str, timeout: float = TIMEOUT) -> Exposition:
    """Scrape an address once and read the lines of its exposition; ``timeout`` is in seconds.

    Raises ``UnreadableError`` as ``fetch()`` does, and if there are no metrics.
    """
    body = fetch(address, accept, timeout)
    result = read(body.data, body.content_type, checks_series=False)
    if not result.shown():
        first = f": {result.problems[0]}" if result.problems else ""
        raise UnreadableError(
            without_credentials(address),
            f"shows no metrics{first}",
            "give the address of an exposition, as in http://localhost:8081/metrics",
        )
    return result

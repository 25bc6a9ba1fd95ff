"""The values in braces of OpenMetrics 2, as samples with the suffixes of the other formats."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_metrics.scrape._line import Line, LineError, number_of
from dynamo_metrics.scrape._model import Sample

_PARTS = {"count": "_count", "sum": "_sum", "gcount": "_gcount", "gsum": "_gsum"}
_LISTS = {"bucket": ("_bucket", "le"), "quantile": ("", "quantile")}


def expand(line: Line, number: int) -> list[Sample]:
    """Return the samples of a line with a composite value. Native buckets are left out.

    Raises ``LineError`` if a part is not a number.
    """
    parts = dict(line.composite or {})
    if "schema" in parts:
        parts.setdefault("bucket", f"[+Inf:{parts.get('count', parts.get('gcount', '0'))}]")
    return [
        *(
            Sample(line.name + suffix, line.labels, _number(line, part, parts[part]), number)
            for part, suffix in _PARTS.items()
            if part in parts
        ),
        *(
            Sample(line.name + suffix, (*line.labels, (label, bound)), value, number)
            for part, (suffix, label) in _LISTS.items()
            for bound, value in _pairs(line, part, parts.get(part, "[]"))
        ),
    ]


def _pairs(line: Line, part: str, text: str) -> Iterator[tuple[str, float]]:
    for pair in filter(None, text[1:-1].split(",")):
        bound, _, value = pair.partition(":")
        _number(line, part, bound)
        yield bound, _number(line, part, value)


def _number(line: Line, part: str, text: str) -> float:
    value = number_of(text)
    if value is None:
        raise LineError(f"{part} has {text!r}, which is not a number", "write a number", line.name)
    return value

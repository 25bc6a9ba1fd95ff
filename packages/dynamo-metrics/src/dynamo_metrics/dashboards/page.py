"""A dashboard of the families of any exposition.

Counters are shown as rates, histograms as quantiles and heatmaps, gauges as they are.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import groupby, takewhile
from typing import TypeAlias
from urllib.parse import urlsplit

from dynamo_metrics._urls import without_credentials
from dynamo_metrics.dashboards import _units as units
from dynamo_metrics.dashboards._board import WINDOW, WORKER, Row, board, worker_variables
from dynamo_metrics.dashboards._panels import Column, Panel, Query, heatmap, table, timeseries
from dynamo_metrics.dashboards._scope import Scope, total
from dynamo_metrics.scrape import FORMATS, Family, address_of, scrape

SCOPE = Scope(window=WINDOW, worker=WORKER)

_SHARES = (0.5, 0.95, 0.99)
_ACCEPT = f"{FORMATS['text1'].accept},{FORMATS['text'].accept};q=0.5,*/*;q=0.1"
_log = logging.getLogger("dynamo_metrics.dashboards")


def page_dashboard(url: str) -> str:
    """Return a dashboard, as JSON, of the exposition at an address.

    ``url`` may be ``host:port`` alone. Lines that cannot be read are logged and left out. Raises
    ``ValueError`` if ``url`` is not an address of HTTP, ``UnreadableError``, an ``OSError``, if no
    metrics are there.
    """
    address = address_of(url)
    exposition = scrape(address, _ACCEPT)
    parts = urlsplit(without_credentials(address))
    source = parts.netloc + parts.path
    if exposition.problems:
        _log.warning(
            "%s: the dashboard leaves out what cannot be read, the first: %s",
            source,
            exposition.problems[0],
        )
    return of_families(exposition.shown(), source)


def of_families(families: Iterable[Family], source: str) -> str:
    """Return a dashboard, as JSON, of families that have samples."""
    shown = _without_creation_times(list(families))
    made: list[Row] = []
    for _, found in groupby(sorted(shown, key=_group), _group):
        group = list(found)
        panels = [_SHAPES.get(family.type, _values)(family) for family in group]
        # Pairs and tables fill the width; what is left fills it three by three.
        wide = [panel for some, full in panels if full for panel in some]
        made.append(
            (_title(group), wide + [one for some, full in panels if not full for one in some])
        )
    return board(
        f"Metrics of {source}",
        f"page-{sha256(source.encode()).hexdigest()[:16]}",
        f"What {source} showed when this dashboard was made.",
        worker_variables(shown[0].samples[0].name),
        made,
    )


_Panels: TypeAlias = tuple[list[Panel], bool]
"""The panels of a family, and whether they fill the width."""


def _rates(family: Family) -> _Panels:
    query = Query(f"rate({SCOPE.series(family.name)}[{WINDOW}])", _legend(family))
    unit = units.unit_of_rate(family.name)
    return [timeseries(f"{family.name}, per second", _description(family), query, unit=unit)], False


def _values(family: Family) -> _Panels:
    series, unit = SCOPE.series(family.name), units.unit(family.name)
    if family.name.endswith("_info") and all(sample.value == 1 for sample in family.samples):
        return _table(family)
    if units.is_point_in_time(family.name):
        series, unit = f"{series} * 1000", "dateTimeAsIso"  # which counts milliseconds
    query = Query(series, _legend(family))
    return [timeseries(family.name, _description(family), query, unit=unit, least=None)], False


def _unknown(family: Family) -> _Panels:
    """Treat a family whose name ends as a counter's does as a counter."""
    return _rates(family) if family.name.endswith("_total") else _values(family)


def _table(family: Family) -> _Panels:
    name = family.name if _has(family, family.name) else family.samples[0].name
    column = Column("Value", SCOPE.series(name))
    hidden = ("Value", "__name__")
    return [table(family.name, _description(family), column, hidden=hidden)], True


def _distribution(family: Family) -> _Panels:
    buckets = f"{family.name}_bucket"
    limits = {sample.label("le") for sample in family.samples if sample.name == buckets}
    is_native = not limits - {"+Inf"}
    by, counted = ((), family.name) if is_native else (("le",), buckets)
    now = family.type == "gaugehistogram"
    rate = total(SCOPE.series(counted), *by) if now else SCOPE.rate(counted, *by)
    queries = [
        Query(f"histogram_quantile({share:g}, {rate})", f"p{share * 100:g}") for share in _SHARES
    ]
    description = _description(family)
    if is_native:
        queries.append(Query(_mean_of_native(family.name), "mean"))
        description += (
            " Its buckets are native, which text does not show: quantiles need a Prometheus that "
            "stores native histograms."
        )
    unit = units.unit(family.name)
    title = f"{family.name}: p50, p95, p99"
    return [
        timeseries(title, description, *queries, unit=unit, width=12),
        heatmap(f"{family.name}: all", description, rate, unit),
    ], True


def _mean_of_native(name: str) -> str:
    rate = SCOPE.rate(name)
    return f"{SCOPE.mean(name)} or histogram_sum({rate}) / histogram_count({rate})"


def _summary(family: Family) -> _Panels:
    """Show the quantiles as they are, which the worker has computed, and the mean."""
    queries = [Query(SCOPE.mean(family.name), "mean")]
    if _has(family, family.name):
        queries.append(Query(SCOPE.series(family.name), _legend(family)))
    unit = units.unit(family.name)
    return [timeseries(family.name, _description(family), *queries, unit=unit)], False


_SHAPES: dict[str, Callable[[Family], _Panels]] = {
    "counter": _rates,
    "gauge": _values,
    "histogram": _distribution,
    "gaugehistogram": _distribution,
    "summary": _summary,
    "info": _table,
    "stateset": _values,
    "unknown": _unknown,
}


def _without_creation_times(families: list[Family]) -> list[Family]:
    names = {family.name for family in families}

    def is_creation_time(name: str) -> bool:
        base = name.removesuffix("_created")
        return base != name and not names.isdisjoint((base, f"{base}_total"))

    return [family for family in families if not is_creation_time(family.name)]


def _group(family: Family) -> str:
    return re.split(r"[^a-zA-Z0-9]", family.name.lstrip("_"), maxsplit=1)[0]


def _title(group: list[Family]) -> str:
    """Return the words that the names of a group begin with."""
    words = zip(*(re.split(r"(?<=[^a-zA-Z0-9])", family.name) for family in group), strict=False)
    common = takewhile(lambda place: len(set(place)) == 1, words)
    title = re.sub(r"[^a-zA-Z0-9]+$", "", "".join(word for word, *_ in common))
    return title or _group(group[0]) or group[0].name  # of letters from elsewhere


def _legend(family: Family) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in ("instance", *_varying(family)))


def _varying(family: Family) -> list[str]:
    """Return the labels that tell the series apart, sorted."""
    values: dict[str, set[str]] = {}
    for sample in family.samples:
        for label, value in sample.labels:
            values.setdefault(label, set()).add(value)
    return sorted(label for label, found in values.items() if len(found) > 1)


def _has(family: Family, name: str) -> bool:
    return any(sample.name == name for sample in family.samples)


def _description(family: Family) -> str:
    return f"{family.help or family.name} ({family.type})"

"""Draws the panels of the dashboard of workers, a sheet for each row, into docs/images/panels/.

A real Prometheus scrapes two simulated workers for a while, one with more to do than it can; each
panel's queries give what Grafana would draw. Titles, units, legends, scales and thresholds are the
dashboard's.
``make panels`` runs it, for people who want to see whether they are right.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dynamo_metrics.cli.top import _units as units
from tests.support.client import fetch
from tests.support.documents import ROOT
from tests.support.grafana import filled
from tests.support.mocker import OVERLOADED, address_of, mockers
from tests.support.prometheus import configured

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "worker.json"
RULES = ROOT / "deploy" / "prometheus-rules.yaml"
OUTPUT = ROOT / "docs" / "images" / "panels"
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
"""How long the workers are scraped."""
STEP = 2
COLUMNS = 24
"""Of Grafana's grid."""
CELL = 0.42, 0.3
"""Inches of a column and a line of the grid."""

_FORMATS: dict[str, Callable[[float], str]] = {
    "s": units.seconds,
    "bytes": units.size,
    "percentunit": units.ratio,
    "Bps": lambda value: f"{units.size(value)}/s",
    "reqps": lambda value: f"{units.number(value)} req/s",
    "cps": lambda value: f"{units.number(value)} c/s",
    "si:tok/s": lambda value: f"{units.number(value)} tok/s",
}
_CHOSEN = {"job": ".*", "instance": ".*", "model": ".*"}


class Source:
    """The answers of a Prometheus server."""

    def __init__(self, address: str, start: float, end: float) -> None:
        self.address, self.start, self.end = address, start, end

    def range(self, expression: str) -> list[tuple[dict[str, str], list[float], list[float]]]:
        """Labels, seconds since the start, and values of each series."""
        found = self._ask(
            "query_range", query=expression, start=self.start, end=self.end, step=STEP
        )
        return [
            (
                one["metric"],
                [float(at) - self.start for at, _ in one["values"]],
                [float(value) for _, value in one["values"]],
            )
            for one in found
        ]

    def now(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series."""
        return [
            (one["metric"], float(one["value"][1])) for one in self._ask("query", query=expression)
        ]

    def _ask(self, path: str, **parameters: object) -> list[Any]:
        answer = fetch(self.address, f"/api/v1/{path}?{urlencode(parameters)}").json
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])


def main() -> None:
    """Run the workers, and write the sheets."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        start = running.enter_context(mockers())
        targets = [
            address_of(start(*OVERLOADED)),
            address_of(start("--model", "mock-8b", "--load", "6", "--speedup", "1")),
        ]
        config = {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "2s",
            },
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "worker", "static_configs": [{"targets": targets}]}],
        }
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        server = running.enter_context(configured(config, folder))
        begin = time.time()
        time.sleep(SECONDS)
        source = Source(server.address, begin, time.time())
        for title, panels in _rows():
            _sheet(source, title, panels)


def _rows() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    title = ""
    panels: list[dict[str, Any]] = []
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        if panel["type"] == "row":
            if panels:
                yield title, panels
            title, panels = panel["title"], []
        else:
            panels.append(panel)
    yield title, panels


def _sheet(source: Source, title: str, panels: list[dict[str, Any]]) -> None:
    top = min(panel["gridPos"]["y"] for panel in panels)
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) - top
    figure = pyplot.figure(figsize=(COLUMNS * CELL[0], lines * CELL[1] + 0.3), dpi=90)
    for _, beside in groupby(panels, key=lambda panel: panel["gridPos"]["y"]):
        for panel in beside:
            place = panel["gridPos"]
            axes = figure.add_axes(
                (
                    (place["x"] + 1.6) / COLUMNS,
                    1 - (place["y"] - top + place["h"] - 1.1) / lines,
                    (place["w"] - 2.0) / COLUMNS,
                    (place["h"] - 2.2) / lines,
                )
            )
            axes.set_title(panel["title"], fontsize=8, loc="left")
            axes.tick_params(labelsize=6)
            _DRAW.get(panel["type"], _lines)(source, axes, panel)
    file = OUTPUT / f"{title.lower().replace(' ', '-')}.png"
    figure.savefig(file, pil_kwargs={"optimize": True})
    pyplot.close(figure)
    _reduce(file)
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB")


def _reduce(file: Path) -> None:
    from PIL import Image

    with Image.open(file) as image:
        image.convert("RGB").quantize(64).save(file, optimize=True)


def _format(panel: dict[str, Any]) -> Callable[[float], str]:
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    return _FORMATS.get(unit, units.number)


def _legend(pattern: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        pattern = pattern.replace(f"{{{{{name}}}}}", value)
    return pattern


def _lines(source: Source, axes: Axes, panel: dict[str, Any]) -> None:
    count = 0
    defaults = panel["fieldConfig"]["defaults"]
    is_stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    below: dict[float, float] = {}
    for target in panel["targets"]:
        for labels, times, values in source.range(filled(target["expr"], _CHOSEN)):
            name = _legend(target["legendFormat"], labels)
            if is_stacked:
                floor = [below.get(at, 0.0) for at in times]
                values = [low + value for low, value in zip(floor, values, strict=True)]
                axes.fill_between(times, floor, values, alpha=0.3)
                below.update(zip(times, values, strict=True))
            axes.plot(times, values, linewidth=1, label=name)
            count += 1
    axes.set_ylim(bottom=defaults.get("min"), top=defaults.get("max"))
    axes.set_xlim(0, source.end - source.start)
    form = _format(panel)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))
    axes.grid(alpha=0.3)
    for step in (defaults.get("thresholds") or {}).get("steps", []):
        if step.get("value"):
            axes.axhline(step["value"], color="red", linewidth=0.8, linestyle="--")
    if count:
        axes.legend(fontsize=5, loc="best", ncols=2, framealpha=0.5)
    else:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color="red")


def _heatmap(source: Source, axes: Axes, panel: dict[str, Any]) -> None:
    [target] = panel["targets"]
    found = source.range(filled(target["expr"], _CHOSEN))
    found.sort(key=lambda one: float(one[0]["le"]))
    times = sorted({at for _, times, _ in found for at in times})
    grid = [
        [dict(zip(times_of, values, strict=True)).get(at, math.nan) for at in times]
        for _, times_of, values in found
    ]
    counts = [grid[0]] + [
        [after - before for before, after in zip(low, high, strict=True)]
        for low, high in pairwise(grid)
    ]
    axes.pcolormesh(times, range(len(counts)), counts, cmap="Oranges", shading="nearest")
    unit = panel["options"].get("yAxis", {}).get("unit", "short")
    form = _FORMATS.get(unit, units.number)
    marks = list(range(0, len(found), max(len(found) // 5, 1)))
    axes.set_yticks(marks, [form(float(found[mark][0]["le"])) for mark in marks])


def _number(source: Source, axes: Axes, panel: dict[str, Any]) -> None:
    axes.axis("off")
    [target] = panel["targets"]
    found = source.now(filled(target["expr"], _CHOSEN))
    text = _format(panel)(found[0][1]) if found else panel["fieldConfig"]["defaults"].get("noValue")
    axes.text(0.5, 0.4, text or "no data", transform=axes.transAxes, ha="center", fontsize=14)


def _states(source: Source, axes: Axes, panel: dict[str, Any]) -> None:
    [target] = panel["targets"]
    for line, (labels, times, values) in enumerate(source.range(filled(target["expr"], _CHOSEN))):
        colors = ["green" if value else "red" for value in values]
        axes.scatter(times, [line] * len(times), c=colors, marker="s", s=30)
        axes.text(times[0], line + 0.2, _legend(target["legendFormat"], labels), fontsize=6)
        axes.set_ylim(-0.5, line + 0.8)
    axes.set_yticks([])


def _table(source: Source, axes: Axes, panel: dict[str, Any]) -> None:
    """Draw a column for each query, titled as the panel's transformations rename them."""
    axes.axis("off")
    titles: dict[str, str] = {}
    for transformation in panel.get("transformations", []):
        titles |= transformation["options"].get("renameByName", {})
    targets = panel["targets"]
    rows: dict[str, dict[str, str]] = {}
    for target in targets:
        for labels, value in source.now(filled(target["expr"], _CHOSEN)):
            row = rows.setdefault(labels.get("instance", ""), {})
            row[target["refId"]] = units.number(value)
    references = [target["refId"] for target in targets]
    lines = [["instance", *(titles.get(f"Value #{one}", one) for one in references)]]
    lines += [
        [name, *(row.get(one, "-") for one in references)] for name, row in sorted(rows.items())
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    axes.text(0, 0.5, text if rows else "no data", fontsize=6, family="monospace")


_DRAW = {"stat": _number, "heatmap": _heatmap, "state-timeline": _states, "table": _table}

if __name__ == "__main__":
    main()

"""One process that is scraped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, time

from dynamo_metrics._urls import without_credentials
from dynamo_metrics.cli.top._history import Point
from dynamo_metrics.cli.top._stats import STATS, Stat
from dynamo_metrics.scrape import (
    FORMATS,
    Exposition,
    Problem,
    UnreadableError,
    address_of,
    scrape,
)

WINDOW = 10.0
"""Seconds that rates and quantiles are about, two scrapes at least."""
HISTORY = 240
"""Points of sparklines that are kept."""
_TIMEOUT = 5.0
_RESTART_SHOWN = 60.0
"""Seconds for which a restart is shown."""
_START = "process_start_time_seconds"


@dataclass(frozen=True)
class State:
    """What is known of a target now."""

    is_up: bool = False
    error: str = ""
    """Why the last scrape failed."""
    bad_line: Problem | None = None
    """The first line that cannot be read."""
    is_restarted: bool = False
    scraped: float = 0.0
    """Seconds since 1970 of the last scrape that succeeded; 0 if none did."""
    duration: float = 0.0
    """Seconds that the last scrape took."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The hierarchy labels that all series agree on."""
    values: Mapping[str, float | None] = field(default_factory=dict)
    """By the keys of the stats; those without a family are not there."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The families of the stats."""

    @property
    def word(self) -> str:
        """The state in a word or two."""
        if self.error:
            return "down"
        if not self.is_up:
            return "..."
        if self.bad_line is not None:
            return f"bad line {self.bad_line.line}"
        return "restarted" if self.is_restarted else "up"


class Target:
    """Scrapes a process, and computes its stats.

    ``scrape()`` is for one thread at a time; ``state`` and ``history()`` are for any.
    """

    def __init__(self, url: str, name: str = "") -> None:
        self._url = address_of(url)
        self.address = without_credentials(self._url)
        self.name = name or without_credentials(url)
        self.state = State()
        self._points: dict[str, deque[Point]] = {}
        self._history: deque[Mapping[str, float | None]] = deque(maxlen=HISTORY)
        self._started: float | None = None
        self._restarted = -_RESTART_SHOWN
        self._lock = threading.Lock()

    def scrape(self) -> None:
        """Scrape once. What goes wrong is in ``state``."""
        begin = monotonic()
        try:
            exposition = scrape(self._url, FORMATS["text"].accept, _TIMEOUT)
        except UnreadableError as error:
            self._fail(str(error))
            return
        now = monotonic()
        self._note_restart(exposition, now)
        values, sources = self._compute(exposition, now)
        state = State(
            is_up=True,
            bad_line=exposition.problems[0] if exposition.problems else None,
            is_restarted=now - self._restarted < _RESTART_SHOWN,
            scraped=time(),
            duration=now - begin,
            labels=_common_labels(exposition),
            values=values,
            sources=sources,
        )
        with self._lock:
            self._history.append(values)
            self.state = state

    def history(self, stat: Stat) -> Sequence[float | None]:
        """Return the values of a stat, the oldest first; None where there was none."""
        with self._lock:
            return [values.get(stat.key) for values in self._history]

    def _fail(self, reason: str) -> None:
        with self._lock:
            before = self.state
            self._history.append({})
            self.state = State(
                error=reason,
                scraped=before.scraped,
                labels=before.labels,
                sources=before.sources,
            )

    def _note_restart(self, exposition: Exposition, now: float) -> None:
        family = exposition.families.get(_START)
        started = family.samples[0].value if family and family.samples else None
        if started is not None and self._started is not None and started != self._started:
            self._restarted = now
        self._started = started

    def _compute(
        self, exposition: Exposition, now: float
    ) -> tuple[dict[str, float | None], dict[str, str]]:
        values: dict[str, float | None] = {}
        sources: dict[str, str] = {}
        families = exposition.shown()
        for stat in STATS:
            family = stat.family(families)
            if family is None:
                self._points.pop(stat.key, None)
                continue
            suffix = "_bucket" if stat.type == "histogram" else ""
            series = {
                sample.without(""): sample.value
                for sample in family.samples
                if not suffix or sample.name.endswith(suffix)
            }
            points = self._points.setdefault(stat.key, deque())
            points.append((now, series))
            while len(points) > 2 and now - points[1][0] >= WINDOW:
                points.popleft()
            values[stat.key] = stat.compute(points)
            sources[stat.key] = family.name
        return values, sources


def _common_labels(exposition: Exposition) -> dict[str, str]:
    """Return the hierarchy labels that all series with them agree on."""
    names = ("dynamo_namespace", "dynamo_component", "dynamo_endpoint")
    found: dict[str, set[str]] = {name: set() for name in names}
    for family in exposition.shown():
        for name, value in family.samples[0].labels:
            if name in found:
                found[name].add(value)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}

"""Callbacks of every kind; how often each ran is compared with what was counted of it."""

from __future__ import annotations

import json

from tests.support.formats import TEXT, Exposition, read
from tests.support.process import Worker
from tools.soak.checks import Checks
from tools.soak.scraping import fetch_exposition


def finish(worker: Worker, checks: Checks) -> None:
    """End it, and compare the last scrape with how often its callbacks ran."""
    worker.tell()
    checks.equal("the callbacks end", worker.line(), "ended")
    read(*fetch_exposition(worker.address, TEXT))  # a slow call of before may be in this one
    exposition = read(*fetch_exposition(worker.address, TEXT))
    worker.tell()
    calls = json.loads(worker.line())
    checks.equal(
        "the quick callback", _of(exposition, "soak_callbacks_ep_quick_total"), calls["quick"]
    )
    checks.equal("outside_total", _of(exposition, "outside_total"), calls["exposition"])
    checks.equal("collected_total", _of(exposition, "collected_total"), calls["collected"])
    checks.equal("outside_seconds_count", _of(exposition, "outside_seconds_count"), 3)
    checks.equal(
        "callbacks that raised",
        _of(exposition, "dynamo_runtime_callback_errors_total"),
        calls["raises"] + calls["exits"],
    )
    checks.true("a callback hung", _of(exposition, "dynamo_runtime_callback_timeouts_total") > 0)
    for callback, number in calls.items():
        checks.count(f"calls of the callback {callback}", number)
    worker.tell()
    checks.equal("the end of the callbacks", worker.exit_code(), 0)


def _of(exposition: Exposition, name: str) -> float:
    found = [float(value) for known, value in exposition.values.items() if known.name == name]
    return found[0] if len(found) == 1 else float("nan")

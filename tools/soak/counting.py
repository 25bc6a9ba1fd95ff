"""Threads and forked children of a group count; the sums are compared at the end."""

from __future__ import annotations

import json

from tests.support.formats import TEXT, Exposition, read
from tests.support.process import Worker
from tools.soak.checks import Checks
from tools.soak.scraping import fetch_exposition

PREFIX = "soak_group_ep"


def finish(worker: Worker, checks: Checks) -> None:
    """End it, and compare the last scrape with what it says that it has counted."""
    worker.tell()
    said = json.loads(worker.line())
    rounds = said["rounds"]
    exposition = read(*fetch_exposition(worker.address, TEXT))
    for what in ("updates_total", "by_label_total", "seconds_count", "native_seconds_count"):
        checks.equal(f"{what} of threads and children", _sum(exposition, what), rounds)
    checks.equal("seconds_sum", _sum(exposition, "seconds_sum"), rounds * 0.5)
    checks.equal("threads that count", _sum(exposition, "running"), 0)
    checks.count("rounds of updates in threads and forked children", rounds)
    checks.count("children forked", said["children"])
    checks.count("children that killed themselves", said["killed"])
    worker.tell()
    checks.equal("the end of the group", (worker.exit_code(), worker.errors), (0, ""))


def _sum(exposition: Exposition, suffix: str) -> float:
    name = f"{PREFIX}_{suffix}"
    return sum(float(value) for key, value in exposition.values.items() if key.name == name)

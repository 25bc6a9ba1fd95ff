"""Scrapes in every format; each must be readable, and no counter may go back."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.client import fetch
from tests.support.formats import ALL, Exposition, Key, read
from tools.soak.checks import Checks

INTERVAL = 0.05
"""Seconds between two scrapes of one format."""


def fetch_exposition(address: str, accept: str) -> tuple[str, bytes]:
    """Return content type and body of a scrape. Raises ``AssertionError`` unless it is answered."""
    answer = fetch(address, headers={"Accept": accept, "Accept-Encoding": "gzip"})
    assert answer.status == 200, answer.text
    packed = answer.headers["Content-Encoding"] == "gzip"
    body = gzip.decompress(answer.body) if packed else answer.body
    return answer.headers["Content-Type"], body


@contextmanager
def scraping(addresses: list[str], checks: Checks) -> Iterator[None]:
    """Scrape each address in each format meanwhile."""
    ending = threading.Event()
    threads = [
        threading.Thread(target=_scrape, args=(address, name, accept, ending, checks))
        for address in addresses
        for name, accept in ALL.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _scrape(address: str, name: str, accept: str, ending: threading.Event, checks: Checks) -> None:
    before: dict[Key, float] = {}
    while not ending.wait(INTERVAL):
        try:
            exposition = read(*fetch_exposition(address, accept))
        except Exception as error:  # of any kind: each is a mismatch
            checks.fail(f"a scrape as {name}: {error!r}")
            continue
        checks.count(f"scrapes as {name}")
        before = _check(exposition, name, before, checks)


def _check(
    exposition: Exposition, name: str, before: dict[Key, float], checks: Checks
) -> dict[Key, float]:
    counters = {
        key: float(value)
        for key, value in exposition.values.items()
        if key.name.endswith(("_total", "_count", "_bucket"))
    }
    for key, value in counters.items():
        # The number of a process is that of another one when it has ended.
        is_of_a_process = any(label == "dynamo_process" for label, _ in key.labels)
        if value < before.get(key, 0.0) and not is_of_a_process:
            checks.fail(f"{key} in {name} went back from {before[key]} to {value}")
        if key.name.endswith("_bucket") and ("le", "+Inf") in key.labels:
            count = Key(f"{key.name.removesuffix('_bucket')}_count", key.labels - {("le", "+Inf")})
            checks.equal(f"{count} in {name}", counters.get(count), value)
    return counters

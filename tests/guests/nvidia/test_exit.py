"""The end of a process whose ``/metrics`` is being scraped."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.client import TIMEOUT_SECONDS

WORKER = Path(__file__).with_name("programs") / "worker.py"


@pytest.mark.parametrize("way", ["attach", "install"])
def test_a_process_that_is_scraped_ends_as_any_other(way: str) -> None:
    worker = subprocess.Popen(
        [sys.executable, WORKER, way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "DYN_LOG": "off"},
        text=True,
    )
    assert worker.stdout
    url = worker.stdout.readline().strip()
    scrapes = threading.Semaphore(0)
    scrapers = [threading.Thread(target=_scrape, args=(url, scrapes)) for _ in range(3)]
    for scraper in scrapers:
        scraper.start()
    for _ in range(10):
        assert scrapes.acquire(timeout=TIMEOUT_SECONDS)
    _, errors = worker.communicate("\n", timeout=TIMEOUT_SECONDS)
    for scraper in scrapers:
        scraper.join(TIMEOUT_SECONDS)
    assert (worker.returncode, errors) == (0, "")


def _scrape(url: str, scrapes: threading.Semaphore) -> None:
    """Scrapes until nobody answers."""
    while True:
        try:
            urllib.request.urlopen(f"{url}/metrics", timeout=TIMEOUT_SECONDS).read()
        except (OSError, urllib.error.URLError, http.client.HTTPException):
            return
        scrapes.release()

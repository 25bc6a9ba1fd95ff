"""What one callback, or one scraper, cannot do to the others."""

from __future__ import annotations

import threading

import pytest

from tests.support import sample
from tests.support.client import fetch, scrape
from tests.support.process import Start

TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"


def test_a_scraper_in_a_hurry_makes_no_other_scrape_stale(serve: Start) -> None:
    worker = serve("slow_gauge.py")
    assert worker.line() == "ready"
    stop = threading.Event()

    def scrape_with_a_short_timeout() -> None:
        while not stop.is_set():
            fetch(worker.address, "/metrics", headers={TIMEOUT: "0.001"})

    scraping = threading.Thread(target=scrape_with_a_short_timeout)
    scraping.start()
    try:
        before = 0.0
        for _ in range(5):
            now = sample(scrape(worker.address), "ns_comp_ep_now")
            assert now > before
            before = now
    finally:
        stop.set()
        scraping.join()


def test_a_quick_callback_behind_a_slow_one_runs_for_every_scrape(serve: Start) -> None:
    worker = serve(
        "quick_behind_slow.py",
        DYN_METRICS_CALLBACK_TIMEOUT="0.1",
    )
    assert worker.line() == "ready"
    for ran in range(4):
        assert sample(scrape(worker.address), "ns_comp_ep_calls_total") >= ran
        assert worker.line() == "quick"


@pytest.mark.parametrize("ends", ["return", "raise"])
def test_the_child_of_a_callback_that_forks_ends(serve: Start, ends: str) -> None:
    worker = serve(
        "callback_child_ends.py",
        ends,
        DYN_METRICS_CALLBACK_TIMEOUT="60",
    )
    assert worker.line() == "ready"
    scrape(worker.address)
    assert worker.line().startswith("ended")


@pytest.mark.parametrize("how", ["clear", "remove"])
def test_memory_goes_back_when_series_are_removed(serve: Start, how: str) -> None:
    worker = serve("removes_series.py", how)
    grown, left = map(int, worker.line().split())
    assert grown > 10_000_000
    assert left < grown / 5

"""What one callback, or one scraper, cannot do to the others."""

from __future__ import annotations

import time

import pytest

from tests.support import sample
from tests.support.client import fetch, scrape
from tests.support.process import Start

TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"


@pytest.mark.parametrize(("seconds", "timeout"), [("0.2", "1"), ("0.7", "1"), ("1.2", "5")])
def test_a_scraper_with_a_short_timeout_makes_no_other_scrape_stale(
    serve: Start, seconds: str, timeout: str
) -> None:
    worker = serve("slow_gauge.py", seconds, DYN_METRICS_CALLBACK_TIMEOUT=timeout)
    assert worker.line() == "ready"
    for _ in range(2):
        fetch(worker.address, headers={TIMEOUT: "0.001"})
        assert worker.line() == "begins"
        arrived = time.time()
        assert sample(scrape(worker.address), "ns_comp_ep_began_at") >= arrived
        assert worker.line() == "begins"


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

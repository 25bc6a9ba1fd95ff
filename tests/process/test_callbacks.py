"""Callbacks that run before a scrape: in order, without those that are late or raise."""

from __future__ import annotations

import pytest

from tests.support import sample
from tests.support.client import fetch, in_background, scrape
from tests.support.process import Start, Worker
from tests.support.waiting import eventually

ERRORS = "dynamo_runtime_callback_errors_total"
NOT_REACHED = "dynamo_runtime_callback_not_reached_total"
TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
TIMEOUTS = "dynamo_runtime_callback_timeouts_total"
A_DAY = "86400"

# A callback that hangs until it is told a line, and one after it.
HANGS = "hangs.py"


def told_to_return(worker: Worker) -> None:
    worker.tell()
    assert worker.line() == "returns"


def test_each_scrape_runs_each_callback_once_in_the_order_registered(serve: Start) -> None:
    worker = serve(
        "ordered.py",
        DYN_METRICS_CALLBACK_TIMEOUT=A_DAY,
    )
    assert worker.line() == "ready"
    for scrapes_before in range(3):
        families = scrape(worker.address)
        for position, name in enumerate(["endpoint", "runtime", "endpoint again"], start=1):
            place = sample(families, "ns_comp_ep_order", callback=name)
            assert place == 3 * scrapes_before + position


def test_a_callback_that_was_unregistered_runs_no_more(serve: Start) -> None:
    worker = serve(
        "unregistered.py",
        DYN_METRICS_CALLBACK_TIMEOUT=A_DAY,
    )
    assert worker.line() == "ready"
    assert sample(scrape(worker.address), "ns_comp_ep_calls_total") == 1
    worker.tell()
    assert worker.line() == "unregistered"
    assert sample(scrape(worker.address), "ns_comp_ep_calls_total") == 1


def test_scrapes_show_the_values_there_are_while_a_callback_hangs(serve: Start) -> None:
    worker = serve(HANGS, DYN_METRICS_CALLBACK_TIMEOUT="0.1")
    assert worker.line() == "ready"
    for _ in range(3):
        families = scrape(worker.address)
        assert sample(families, "ns_comp_ep_state") == 1
    assert worker.line() == "hangs"
    told_to_return(worker)


def test_callbacks_run_again_when_the_one_that_hung_has_returned(serve: Start) -> None:
    worker = serve(HANGS, DYN_METRICS_CALLBACK_TIMEOUT="0.1")
    assert worker.line() == "ready"
    scrape(worker.address)
    assert worker.line() == "hangs"
    told_to_return(worker)
    eventually(lambda: sample(scrape(worker.address), "ns_comp_ep_calls_total") or None)
    assert sample(scrape(worker.address), "ns_comp_ep_state") == 2


def test_late_callbacks_are_counted_each_time_and_logged_once(serve: Start) -> None:
    worker = serve(HANGS, DYN_METRICS_CALLBACK_TIMEOUT="0.5")
    assert worker.line() == "ready"
    expositions = [fetch(worker.address, headers={TIMEOUT: "0.1"}).families]
    assert worker.line() == "hangs"
    expositions += [scrape(worker.address) for _ in range(3)]
    late = [sample(families, TIMEOUTS) for families in expositions]
    not_reached = [sample(families, NOT_REACHED) for families in expositions]
    # The one that hangs may have begun after the first deadline.
    assert late[0] + not_reached[0] == 2
    assert late == [late[0] + scrapes for scrapes in range(4)], "the one that hangs"
    assert not_reached == [not_reached[0]] * 4, "the one behind it"
    assert sample(expositions[3], "ns_comp_ep_calls_total") >= 3
    eventually(lambda: "did not finish" in worker.errors or None)
    told_to_return(worker)
    worker.tell()
    assert worker.exit_code() == 0
    assert worker.errors.count("__main__.hangs did not finish before the deadline") == 1
    assert worker.errors.count("had not begun at the deadline") == not_reached[0]


def test_a_scraper_in_a_hurry_does_not_wait_for_callbacks(serve: Start) -> None:
    worker = serve(HANGS, DYN_METRICS_CALLBACK_TIMEOUT=A_DAY)
    assert worker.line() == "ready"
    headers = {TIMEOUT: "0.2"}
    families = fetch(worker.address, headers=headers).families
    assert sample(families, "ns_comp_ep_state") == 1
    assert worker.line() == "hangs"
    told_to_return(worker)


@pytest.mark.parametrize("seconds", ["60", "nonsense", "-1", "0"])
def test_a_scraper_with_a_longer_timeout_sees_what_callbacks_set(
    serve: Start, seconds: str
) -> None:
    worker = serve(HANGS, DYN_METRICS_CALLBACK_TIMEOUT=A_DAY)
    assert worker.line() == "ready"
    headers = {TIMEOUT: seconds}
    with in_background(fetch, worker.address, "/metrics", "GET", headers) as scraped:
        assert worker.line() == "hangs"
        told_to_return(worker)
    assert sample(scraped.result().families, "ns_comp_ep_state") == 2


def test_later_scrapes_wait_for_a_callback_that_another_has_given_up(serve: Start) -> None:
    worker = serve(HANGS, DYN_METRICS_CALLBACK_TIMEOUT=A_DAY)
    assert worker.line() == "ready"
    fetch(worker.address, headers={TIMEOUT: "0.1"})
    assert worker.line() == "hangs"
    with in_background(scrape, worker.address) as later:
        told_to_return(worker)
    assert sample(later.result(), "ns_comp_ep_state") == 2


def test_callbacks_that_raise_are_counted_each_time_and_logged_once(serve: Start) -> None:
    worker = serve(
        "raises.py",
        DYN_METRICS_CALLBACK_TIMEOUT=A_DAY,
    )
    assert worker.line() == "ready"
    for scrapes in (1, 2, 3):
        families = scrape(worker.address)
        assert sample(families, "ns_comp_ep_calls_total") == scrapes
        assert sample(families, ERRORS) == 3 * scrapes
        assert sample(families, TIMEOUTS) == 0
    worker.tell()
    assert worker.exit_code() == 0
    for name in ("raises", "exits", "awaits"):
        assert worker.errors.count(f"metrics callback __main__.{name} raised") == 1
    assert worker.errors.count("LookupError: no such GPU") == 1


def test_what_native_threads_have_to_say_reaches_logging(serve: Start) -> None:
    worker = serve(
        "native_log.py",
        DYN_METRICS_CALLBACK_TIMEOUT="0.1",
    )
    assert worker.line() == "ready"
    scrape(worker.address)
    # That it did not finish, or that it had not begun.
    line = worker.line()
    assert line.startswith("dynamo.runtime WARNING metrics callback __main__.hangs ")
    assert "the deadline of the scrape" in line


def test_a_callback_may_ask_for_the_exposition_itself(serve: Start) -> None:
    worker = serve(
        "renders.py",
        DYN_METRICS_CALLBACK_TIMEOUT=A_DAY,
    )
    assert worker.line() == "ready"
    assert sample(scrape(worker.address), "ns_comp_ep_calls_total") == 1


def test_a_callback_may_create_metrics_and_take_itself_back(serve: Start) -> None:
    worker = serve(
        "creates.py",
        DYN_METRICS_CALLBACK_TIMEOUT=A_DAY,
    )
    assert worker.line() == "ready"
    assert sample(scrape(worker.address), "ns_comp_ep_made_total") == 1
    assert sample(scrape(worker.address), "ns_comp_ep_made_total") == 1


def test_scrapes_that_come_during_a_gather_share_the_next_one(serve: Start) -> None:
    worker = serve(HANGS, DYN_METRICS_CALLBACK_TIMEOUT=A_DAY)
    assert worker.line() == "ready"
    with in_background(scrape, worker.address) as first:
        assert worker.line() == "hangs"
        with in_background(scrape, worker.address) as second:
            told_to_return(worker)
    assert sample(first.result(), "ns_comp_ep_calls_total") == 1
    assert sample(second.result(), "ns_comp_ep_calls_total") == 2

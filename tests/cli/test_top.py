"""``dynamo-metrics top``: figures as PromQL defines them, in a terminal and for scripts."""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from dynamo_metrics.cli.top import _target, _units
from dynamo_metrics.cli.top._history import increase, of_buckets, quantile, rate
from dynamo_metrics.cli.top._target import Target
from tests.fleet.conftest import Run, settings, start_worker
from tests.fleet.conftest import nats as nats
from tests.fleet.conftest import run as run
from tests.support.client import TIMEOUT_SECONDS
from tests.support.mocker import address_of, mockers
from tests.support.nats import NatsServer
from tests.support.process import free_port, serving, workers
from tests.support.terminal import terminal
from tests.support.waiting import eventually

TOP = (sys.executable, "-m", "dynamo_metrics.cli", "top")
A, B = (("a", "1"),), (("b", "1"),)

DOWN_KEY, ESCAPE = "\x1b[B", "\x1b"


@contextmanager
def answering(*bodies: str) -> Iterator[str]:
    """A server that gives one text after the other, the last one again and again."""
    left = list(bodies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (left.pop(0) if len(left) > 1 else left[0]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class TestRates:
    def test_a_rate_is_the_growth_per_second_of_all_series(self) -> None:
        points = [(0.0, {A: 1.0, B: 5.0}), (2.0, {A: 3.0, B: 9.0}), (4.0, {A: 5.0, B: 9.0})]
        assert rate(points) == 2.0

    def test_a_counter_that_falls_began_at_zero(self) -> None:
        assert increase([(0, {A: 100.0}), (1, {A: 3.0}), (2, {A: 4.0})], A) == 4.0

    def test_a_new_series_has_no_rate_before_its_second_scrape(self) -> None:
        assert rate([(0, {}), (1, {A: 1e6})]) is None
        assert rate([(0, {A: 1.0}), (1, {A: 2.0, B: 1e6})]) == 1.0

    def test_one_scrape_gives_no_rate(self) -> None:
        assert rate([(0, {A: 1.0})]) is None
        assert rate([]) is None


class TestQuantiles:
    def test_a_quantile_is_linear_inside_of_a_bucket(self) -> None:
        assert of_buckets(0.5, [(1, 0), (2, 10), (math.inf, 10)]) == 1.5

    def test_above_the_highest_finite_bound_it_is_that_bound(self) -> None:
        assert of_buckets(0.95, [(1, 1), (math.inf, 10)]) == 1

    def test_without_observations_there_is_none(self) -> None:
        assert of_buckets(0.5, [(1, 0), (math.inf, 0)]) is None

    def test_the_buckets_of_all_series_are_added_and_only_their_growth_counts(self) -> None:
        def buckets(*counts: float) -> dict[Any, float]:
            return {
                (("le", le),): count
                for le, count in zip(("1.0", "2.0", "+Inf"), counts, strict=True)
            }

        points = [(0.0, buckets(100, 100, 100)), (1.0, buckets(100, 110, 110))]
        assert quantile(0.5, points) == 1.5


def test_numbers_are_short_and_have_their_units() -> None:
    cases = [
        (_units.number, 0, "0"),
        (_units.number, 3.14159, "3.14"),
        (_units.number, 12, "12"),
        (_units.number, 12345.6, "12.3k"),
        (_units.number, math.inf, "+Inf"),
        (_units.seconds, 0, "0 s"),
        (_units.seconds, 0.0351, "35.1 ms"),
        (_units.seconds, 0.9999, "1.00 s"),
        (_units.seconds, 3600, "1 h"),
        (_units.size, 3 * 2**30, "3 GiB"),
        (_units.ratio, 0.123, "12.3%"),
        (_units.ratio, math.nan, "\N{EN DASH}"),
    ]
    for written, value, text in cases:
        assert written(value) == text


def test_a_sparkline_goes_from_zero_to_its_largest_value_and_has_gaps() -> None:
    assert _units.sparkline([0, None, 7, 14], 6) == "  ▁ ▅█"
    assert _units.sparkline([0, 0], 2) == "▁▁"


class TestATarget:
    def test_a_restart_is_noticed_and_its_counters_count_from_zero(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        times = iter(range(100))
        monkeypatch.setattr(_target, "monotonic", lambda: float(next(times)))
        text = "# TYPE x_requests_total counter\nx_requests_total {}\n"
        start = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n"
        before, after = (text + start).format(1000, 1), (text + start).format(6, 2)
        with answering(before, after) as address:
            target = Target(address)
            target.scrape()
            assert target.state.word == "up"
            target.scrape()
        assert target.state.word == "restarted"
        assert target.state.values["requests_per_second"] == 3  # 6 in the 2 s between

    def test_a_line_that_cannot_be_read_is_told_and_the_others_are_read(self) -> None:
        with answering("# TYPE a_requests_total counter\na_requests_total{ 1\nb 1\n") as address:
            target = Target(address)
            target.scrape()
        assert target.state.word == "bad line 2"
        assert str(target.state.bad_line).startswith("line 2: a_requests_total: '1' is not a label")

    def test_credentials_of_its_url_are_never_shown(self) -> None:
        target = Target(f"me:secret@127.0.0.1:{free_port()}")
        target.scrape()
        shown = (target.name, target.address, target.state.error)
        assert [text for text in shown if "secret" in text or not text] == []

    def test_what_is_no_exposition_is_down(self) -> None:
        with answering("<html>\n") as address:
            target = Target(address)
            target.scrape()
        assert target.state.word == "down"
        assert "shows no metrics: line 1: '<html>' is not how a line begins" in target.state.error


class TestOnce:
    def test_json_has_the_stats_of_a_worker(self, run: Run) -> None:
        with mockers() as start:
            address = address_of(start("--model", "m", "--load", "20", "--speedup", "10"))

            def report() -> dict[str, Any] | None:
                command = run(*TOP, address, "--once", "--json", "--interval", "1")
                [target] = json.loads("\n".join(command.lines()))["targets"]
                command.assert_ends_cleanly()
                figures = target["figures"]
                # A busy machine answers fewer, and none to the end in some seconds.
                is_busy = figures["latency_p95_seconds"] and figures["requests_per_second"] > 1
                return target if is_busy else None

            target = eventually(report)
        assert (target["up"], target["error"], target["bad_line"]) == (True, None, None)
        figures = target["figures"]
        assert figures["generated_tokens_per_second"] > figures["requests_per_second"]
        assert 0 < figures["latency_p50_seconds"] <= figures["latency_p95_seconds"] < 60
        assert 0 <= figures["kv_cache_usage_ratio"] <= 1
        assert figures["errors_per_second"] == 0
        assert target["families"]["requests_per_second"] == "dynamo_component_requests_total"

    def test_a_target_that_is_down_ends_with_one_and_a_line(self, run: Run) -> None:
        address = f"127.0.0.1:{free_port()}"
        command = run(*TOP, address, "--once")
        _, row, error = command.lines()
        assert row.split()[:2] == [address, "down"]
        assert error.startswith(f"http://{address}/metrics cannot be reached: Connection refused")
        assert command.exit_code() == 1

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("localhost:8081",), "top needs a terminal; use --once, or --once --json, in scripts"),
            (("localhost:8081", "--json"), "--json needs --once: the screen is for people"),
            (("file:///etc/passwd", "--once"), "file:///etc/passwd is not an address of metrics; "),
        ],
    )
    def test_wrong_use_is_one_line(
        self, run: Run, arguments: tuple[str, ...], message: str
    ) -> None:
        command = run(*TOP, *arguments)
        assert command.lines() == []
        assert command.exit_code() == 1
        [line] = command.errors.splitlines()
        assert line.startswith(message)


class TestTheFleet:
    def test_without_targets_those_of_discovery_are_shown(self, run: Run, nats: NatsServer) -> None:
        some = [start_worker(run, nats), start_worker(run, nats)]

        def addresses() -> list[str] | None:
            command = run(*TOP, "--once", "--json", "--interval", "0.1", **settings(nats))
            lines = "\n".join(command.lines())
            if command.exit_code():
                return None
            found = json.loads(lines)["targets"]
            return [one["target"] for one in found] if len(found) == 2 else None

        named = sorted(f"{worker.address} hello_world/backend" for worker in some)
        assert eventually(lambda: True if sorted(addresses() or ()) == named else None)

    def test_a_discovery_that_cannot_be_reached_is_one_line(self, run: Run) -> None:
        command = run(*TOP, "--once", NATS_SERVER=f"nats://127.0.0.1:{free_port()}")
        assert command.lines() == []
        assert command.exit_code() == 1
        [line] = command.errors.splitlines()
        assert "NATS" in line


class TestInATerminal:
    def test_it_shows_sorts_and_filters_targets_and_quits(self) -> None:
        with workers(__file__) as start:
            fast = serving(start, "requests.py", 0.01).address
            slow = serving(start, "requests.py", 0.2).address
            down = f"127.0.0.1:{free_port()}"
            with terminal(*TOP, fast, slow, down, "--interval", "0.5") as screen:
                screen.line("2 of 3 up, every 0.5 s")
                # On a busy machine the workers have seconds in which they count less.
                screen.until(lambda lines: rate_within(lines, fast, 40, 110))
                screen.until(lambda lines: rate_within(lines, slow, 1, 20))
                assert screen.line(down, "down")
                screen.press(">>")
                screen.line("REQ/S▼")
                screen.until(lambda lines: in_order(lines, fast, slow, down))
                screen.press("r")
                screen.line("REQ/S▲")
                screen.until(lambda lines: in_order(lines, slow, fast, down))
                screen.press("/")
                screen.line("words in name, address, labels or state")
                screen.press(down)
                screen.line("cannot be reached: Connection refused; give the address of a worker")
                screen.until(lambda lines: hidden(lines, fast))
                screen.press("\r")
                screen.line("q Quit")  # the table has the keys again
                screen.press(ESCAPE)
                screen.line(fast, "up")
                screen.press("p")
                screen.line("every 0.5 s, paused")
                screen.press("p+")
                screen.line("every 1 s")
                screen.press("q")
                assert screen.process.wait(TIMEOUT_SECONDS) == 0

    def test_a_worker_that_ends_and_comes_back_is_shown_as_such(self) -> None:
        port = str(free_port())
        with workers(__file__) as start:
            first = serving(start, "requests.py", DYN_SYSTEM_PORT=port)
            with terminal(*TOP, first.address, "--interval", "0.5") as screen:
                screen.line(first.address, "up")
                first.close()
                screen.line(first.address, "down")
                screen.line("last scraped at ")
                serving(start, "requests.py", DYN_SYSTEM_PORT=port)
                screen.line(first.address, "restarted")
                screen.line("The process started again; rates count from zero.")

    def test_a_broken_exposition_is_told_with_its_line(self) -> None:
        broken = "# TYPE a_requests_total counter\na_requests_total 1\nthis is no line\n"
        with (
            answering(broken) as address,
            terminal(*TOP, address, "--interval", "0.5") as screen,
        ):
            screen.line(address, "bad line 3")
            screen.line("line 3: this: 'is no line' is not a number: write a decimal number")

    def test_a_target_that_hangs_delays_no_other_and_not_the_end(self) -> None:
        hangs = "metrics.register_callback(threading.Event().wait); input()"
        # For this test, a scrape has an hour instead of five seconds.
        patient = """
            import dynamo_metrics.cli
            from dynamo_metrics.cli.top import _target

            _target._TIMEOUT = 3600.0
            dynamo_metrics.cli.main()
        """
        top = (sys.executable, "-c", textwrap.dedent(patient), "top")
        with workers(__file__) as start:
            slow = serving(start, hangs, DYN_METRICS_CALLBACK_TIMEOUT="86400").address
            good = serving(start, "input()").address
            with terminal(*top, slow, good, "--interval", "0.5") as screen:
                screen.line(good, "up")
                screen.press("q")
                assert screen.process.wait(TIMEOUT_SECONDS) == 0


def rate_within(lines: list[str], address: str, low: float, high: float) -> str | None:
    """The rate in a target's row, if it is between these."""
    number = rf"{re.escape(address)} +up +([0-9.]+) "
    rates = [found[1] for line in lines if (found := re.search(number, line))]
    return next((rate for rate in rates if low < float(rate) < high), None)


def in_order(lines: list[str], *addresses: str) -> str | None:
    """Something once the rows have the targets in this order."""
    rows = [line for line in lines if re.search(r" (up|down) ", line)]
    found = [address for line in rows for address in addresses if address in line]
    return "in order" if found == list(addresses) else None


def hidden(lines: list[str], address: str) -> str | None:
    """Something once no line has the address."""
    return None if any(address in line for line in lines) else "hidden"

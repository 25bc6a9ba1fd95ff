"""Whole scrapes over HTTP."""

from __future__ import annotations

import statistics
from time import perf_counter

from benchmarks import contenders
from benchmarks._harness import Results, Target, workers
from benchmarks._http import Client, free_port
from benchmarks._worker import worker

TITLE = "Scrapes"

NOTES = """\
From the request to the last byte, over one connection of the loopback interface, by a client in
another process: an exposition of 100,000 counters of one vec with two variable and three constant
labels, and one of 10,000 histograms with 12 buckets, which has half as many lines again. Servers
keep nothing of one scrape for the next. A round takes the median of the scrapes that fit in 0.3 s,
at least one.
"""

_COUNTERS, _HISTOGRAMS = 100_000, 10_000
_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0]
_PLAIN = "100,000 counters"
_GZIP = "100,000 counters, gzip"
_MANY_LINES = "10,000 histograms"

TARGETS = (Target(_PLAIN, 25),)

_SERVERS = (contenders.OURS, contenders.DYNAMO, contenders.PROMETHEUS_CLIENT)
# At least so long is scraped in a round.
_ROUND = 0.3


def measure(results: Results, rounds: int) -> None:
    """Scrape every server in turn; they run side by side and only answer."""
    with workers(_SERVERS) as at, worker() as with_histograms:
        expositions = []
        for key in _SERVERS:
            port = free_port()
            at[key].call("benchmarks._http:serve", contender=key, port=port, counters=_COUNTERS)
            expositions.append((_PLAIN, key, Client(port), "identity"))
            if key == contenders.OURS:
                expositions.append((_GZIP, key, Client(port), "gzip"))
        port = free_port()
        with_histograms.call(
            "benchmarks._http:serve_histograms", port=port, histograms=_HISTOGRAMS, buckets=_BUCKETS
        )
        expositions.append((_MANY_LINES, contenders.OURS, Client(port), "identity"))
        for case, key, client, encoding in expositions:
            _, size = client.get("/metrics", encoding)
            results.add(f"size of {case}", key, "MB", size / 1e6)
        for _ in range(rounds):
            for case, key, client, encoding in expositions:
                results.add(case, key, "ms", 1e3 * _scrape(client, encoding))


def _scrape(client: Client, encoding: str) -> float:
    """Return the seconds a scrape takes, the median of a round's."""
    end = perf_counter() + _ROUND
    times = []
    while not times or perf_counter() < end:
        elapsed, _ = client.get("/metrics", encoding)
        times.append(elapsed)
    return statistics.median(times)

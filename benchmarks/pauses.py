"""What scrapes do to the program that is scraped."""

from __future__ import annotations

import io
from time import perf_counter_ns

from benchmarks import contenders
from benchmarks._harness import Results, Target, workers
from benchmarks._http import free_port
from benchmarks._worker import Worker, worker

TITLE = "Pauses"

NOTES = """\
A Python thread of the scraped process does nothing but read the clock; its longest pause in each
window of 2 ms is noted, and of a round's 1,000 windows the 99.9th percentile taken. Scrapes of
100,000 counters come ten times a second from another process, or as fast as they are answered
where that is slower; the peers are measured for one round. Added is what a round has with scrapes
less what it has without. The thread, the server and the client compete for the cores, and where
there are two the scheduler lets one of them wait for some milliseconds: "held up" is the pause
without the time in which the thread could have run and had no core
(`/proc/thread-self/schedstat`), which leaves what waits for the GIL or a lock. `/live` is asked
for every 5 ms while gzipped scrapes follow each other without a break; a round has its slowest
answer.
"""

_COUNTERS = 100_000
# In seconds: a round of each condition, the windows in it, and between scrapes.
_ROUND, _WINDOW, _INTERVAL = 2.0, 0.002, 0.1

_PAUSES = {"longest pause": "added", "longest held up": "held up more"}
_ENCODINGS = {"scrapes": "identity", "gzipped scrapes": "gzip"}
_LIVE = "slowest `/live` during gzipped scrapes"

TARGETS = (
    *(Target(f"{added}, {kind}", 1) for added in _PAUSES.values() for kind in _ENCODINGS),
    Target(_LIVE, 20),
)

_PEERS = (contenders.DYNAMO, contenders.PROMETHEUS_CLIENT)


def measure(results: Results, rounds: int) -> None:
    """Go through all conditions in turn."""
    with workers((contenders.OURS, *_PEERS)) as at, worker() as scraper, worker() as prober:
        ports = {key: free_port() for key in at}
        for key, port in ports.items():
            at[key].call("benchmarks._http:serve", contender=key, port=port, counters=_COUNTERS)
        for key in _PEERS:
            _compare(results, key, at[key], scraper, ports[key], {"scrapes": "identity"})
        ours, port = at[contenders.OURS], ports[contenders.OURS]
        for _ in range(rounds):
            _compare(results, contenders.OURS, ours, scraper, port, _ENCODINGS)
            results.add(_LIVE, contenders.OURS, "ms", _slowest_live(scraper, prober, port))


def _compare(
    results: Results,
    key: str,
    server: Worker,
    scraper: Worker,
    port: int,
    encodings: dict[str, str],
) -> None:
    """Measure pauses without scrapes, and with those of each encoding."""
    alone = _pauses(server)
    for name, pause in alone.items():
        results.add(f"{name}, no scrapes", key, "ms", pause)
    for kind, encoding in encodings.items():
        scraper.start(
            "benchmarks._http:poll",
            port=port,
            path="/metrics",
            seconds=_ROUND,
            interval=_INTERVAL,
            encoding=encoding,
        )
        scraped = _pauses(server)
        scraper.finish()
        for name, pause in scraped.items():
            results.add(f"{name}, {kind}", key, "ms", pause)
            results.add(f"{_PAUSES[name]}, {kind}", key, "ms", pause - alone[name])


def _pauses(server: Worker) -> dict[str, float]:
    """Return the 99.9th percentile of the windows' longest pauses, of both kinds, in ms."""
    windows = server.call("benchmarks.pauses:longest_pauses", seconds=_ROUND, window=_WINDOW)
    kinds = zip(_PAUSES, zip(*windows, strict=True), strict=True)
    return {name: sorted(values)[int(0.999 * len(values))] / 1e6 for name, values in kinds}


def longest_pauses(seconds: float, window: float) -> list[tuple[int, int]]:
    """Read the clock for ``seconds``, in a worker.

    Returns for each window the longest pause in nanoseconds, and the same without the time the
    thread waited for a core.
    """
    window_ns = int(window * 1e9)
    pauses = []
    with open("/proc/thread-self/schedstat", "rb", buffering=0) as schedstat:
        waited = _waited_for_a_core(schedstat)
        longest = 0
        last = perf_counter_ns()
        end = last + int(seconds * 1e9)
        window_end = last + window_ns
        while last < end:
            now = perf_counter_ns()
            longest = max(longest, now - last)
            last = now
            if now >= window_end:
                before, waited = waited, _waited_for_a_core(schedstat)
                pauses.append((longest, max(0, longest - (waited - before))))
                longest = 0
                last = perf_counter_ns()
                window_end = last + window_ns
    return pauses


def _waited_for_a_core(schedstat: io.FileIO) -> int:
    """Return for how many nanoseconds this thread has been ready to run and did not."""
    schedstat.seek(0)
    return int(schedstat.read().split()[1])


def _slowest_live(scraper: Worker, prober: Worker, port: int) -> float:
    """Return the slowest answer of ``/live`` during scrapes, in milliseconds."""
    scraper.start(
        "benchmarks._http:poll",
        port=port,
        path="/metrics",
        seconds=_ROUND,
        interval=0.0,
        encoding="gzip",
    )
    answers = prober.call(
        "benchmarks._http:poll", port=port, path="/live", seconds=_ROUND, interval=0.005
    )
    scraper.finish()
    return 1e3 * max(elapsed for _, elapsed in answers)

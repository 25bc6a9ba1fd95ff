"""The formats beside each other, and another library's metrics in the exposition."""

from __future__ import annotations

import statistics
from time import perf_counter

from benchmarks import _criterion, contenders
from benchmarks._harness import Results, Target
from benchmarks._http import Client, free_port
from benchmarks._worker import worker

TITLE = "Formats"

NOTES = """\
The exposition of an endpoint with 100,000 counters in each format, from Rust, by Criterion; the
counters are those of "Rendering". "vLLM merged" is what a scrape over HTTP takes longer when a
callback returns the exposition of a vLLM engine: 82 families and 388 samples, 40 of the families
are vLLM's own. It covers the callback, which has the text at hand, its hand-over, parsing, merging
and writing. It is the difference of two medians, of some hundred scrapes each, taken in turn of two
runtimes of one process; both expositions hold 1,000 counters of ours besides.
"""

_CASES = {
    name: f"100,000 counters as {shown}"
    for name, shown in (("text", "text"), ("openmetrics", "OpenMetrics"), ("protobuf", "protobuf"))
}
_MERGED = "vLLM merged"

TARGETS = (
    Target(_CASES["protobuf"], 1.5, base=_CASES["text"]),
    Target(_MERGED, 2),
)

_SCRAPES = 200


def measure(results: Results, rounds: int) -> None:
    """Run the bench once a round, then scrape with and without the other library's text."""
    with worker() as process:
        clients = []
        for text in (False, True):
            port = free_port()
            process.call("benchmarks._http:serve_vllm", port=port, text=text)
            clients.append(Client(port))
        for _ in range(rounds):
            for case, contender, nanoseconds in _criterion.run("formats"):
                results.add(_CASES[case], contender, "ms", nanoseconds / 1e6)
            without, merged = _medians(*clients)
            results.add(_MERGED, contenders.OURS, "ms", 1e3 * (merged - without))


def _medians(*clients: Client) -> list[float]:
    """Return the seconds a scrape takes of each, which take turns."""
    times: list[list[float]] = [[] for _ in clients]
    for _ in range(_SCRAPES):
        for client, own in zip(clients, times, strict=True):
            started = perf_counter()
            client.get("/metrics")
            own.append(perf_counter() - started)
    return [statistics.median(own) for own in times]

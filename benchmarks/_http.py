"""Servers and clients: what topics have workers do with expositions over HTTP."""

from __future__ import annotations

import http.client
import random
import socket
from functools import cache
from time import perf_counter, sleep

from benchmarks import contenders
from benchmarks._worker import ROOT

# The largest page that a client can take.
_BUFFER = 256 * 1024 * 1024

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a free port below 32,768: Dynamo 0.8.1 takes no other."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) != 0:
                return port


def serve(contender: str, port: int, counters: int) -> None:
    """Serve an exposition with so many series of a vec of counters, in a worker."""
    contenders.load(contender, port).count(contenders.counts(counters))


def serve_histograms(port: int, histograms: int, buckets: list[float]) -> None:
    """Serve an exposition with so many histograms of a vec of ours, in a worker."""
    contenders.load(contenders.OURS, port).observe(contenders.counts(histograms), buckets)


def serve_vllm(port: int, text: bool) -> None:
    """Serve 1,000 counters of ours and, with ``text``, those of a vLLM engine, in a worker."""
    contender = contenders.load(contenders.OURS, port)
    contender.count(contenders.counts(1000))
    if text:
        contender.merge((ROOT / "tests" / "formats" / "vllm_metrics.txt").read_bytes())


class Client:
    """One connection, kept open where the server does so, as Prometheus does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
        self._buffer = memoryview(_buffer())

    def get(self, path: str, encoding: str = "identity") -> tuple[float, int]:
        """Return the seconds an answer took and the bytes of its body; it must be 200."""
        started = perf_counter()
        self._connection.request("GET", path, headers={"Accept-Encoding": encoding})
        response = self._connection.getresponse()
        size = 0
        while count := response.readinto(self._buffer[size:]):
            size += count
        elapsed = perf_counter() - started
        if response.status != 200:
            raise RuntimeError(f"GET {path} was answered with {response.status}")
        if response.getheader("Content-Encoding", "identity") != encoding:
            raise RuntimeError(f"GET {path} was not answered in {encoding}")
        return elapsed, size


@cache
def _buffer() -> bytearray:
    return bytearray(_BUFFER)


def poll(
    port: int, path: str, seconds: float, interval: float, encoding: str = "identity"
) -> list[tuple[float, float]]:
    """Get ``path`` every ``interval`` seconds for ``seconds``, in a worker.

    Returns when each answer was asked for, on the clock all processes share, and the seconds it
    took.
    """
    client = Client(port)
    answers = []
    due = perf_counter()
    end = due + seconds
    while due < end:
        sleep(max(0.0, due - perf_counter()))
        asked = perf_counter()
        elapsed, _ = client.get(path, encoding)
        answers.append((asked, elapsed))
        due = max(due + interval, perf_counter())
    return answers

"""What both servers measure: a made-up LLM worker, with clients that keep it busy."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dynamo.runtime import DistributedRuntime, Endpoint

GIB = 2**30

STOP = {signal.SIGINT, signal.SIGTERM}
# Held back for sigwait(), in every thread: they inherit this, none has been started yet.
signal.pthread_sigmask(signal.SIG_BLOCK, STOP)


class Model(NamedTuple):
    """A model that requests ask for, and the seconds a typical answer takes."""

    type: str
    size: str
    seconds: float


MODELS = [Model("llama", "7b", 0.15), Model("qwen", "32b", 0.6), Model("llama", "70b", 1.5)]


class Worker:
    """Answers requests by waiting as long as a model would think; counts and times them.

    What changes at every request is measured right there. The state, ``connections()`` and
    ``gpu_memory()``, is for somebody else to show: a loop or a callback.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._requests_total = endpoint.metrics.create_intcounter(
            "requests_total", "Requests received"
        )
        self._requests_by_model = endpoint.metrics.create_intcountervec(
            "requests_by_model", "Requests by model", ["model_type", "model_size"]
        )
        self._latency = endpoint.metrics.create_histogram(
            "latency_seconds", "Request latency", buckets=[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
        )
        self._lock = threading.Lock()
        self._connections = 0

    def start(self, clients: int = 8) -> None:
        """Connect clients: each sends one request after the other, with pauses, for ever."""
        for _ in range(clients):
            threading.Thread(target=self._client, daemon=True).start()

    def connections(self) -> int:
        """Return how many requests are being answered."""
        return self._connections

    def gpu_memory(self) -> dict[str, int]:
        """Return bytes of GPU memory by type: weights stay, the KV cache grows with requests."""
        return {"weights": 14 * GIB, "kv_cache": self._connections * GIB // 4}

    def _client(self) -> None:
        while True:
            self._answer(random.choices(MODELS, weights=[6, 3, 1])[0])
            time.sleep(random.expovariate(4))

    def _answer(self, model: Model) -> None:
        self._requests_total.inc()
        self._requests_by_model.inc({"model_type": model.type, "model_size": model.size})
        self._connect(1)
        with self._latency.time():
            time.sleep(random.lognormvariate(0, 0.5) * model.seconds)
        self._connect(-1)

    def _connect(self, change: int) -> None:
        with self._lock:
            self._connections += change


def serve_until_ctrl_c(runtime: DistributedRuntime) -> None:
    """Say where the metrics are, and wait for Ctrl-C or the SIGTERM that containers get."""
    url = runtime.system_status_url
    if url is None:
        sys.exit(f"no port, no metrics to look at; try: DYN_SYSTEM_PORT=8081 {sys.argv[0]}")
    reachable = url.replace("0.0.0.0", "localhost").replace("[::]", "localhost")
    print(f"metrics: {reachable}/metrics    stop: Ctrl-C", flush=True)
    signal.sigwait(STOP)

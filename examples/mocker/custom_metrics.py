#!/usr/bin/env python3
"""An engine's worker with metrics of your own: the engine is simulated, the requests are its load.

    DYN_SYSTEM_PORT=8081 ./custom_metrics.py --model llama-8b --load 8
    curl http://localhost:8081/metrics

``Measured`` stands between the endpoint and the engine, and sees every request and every item of
its answer. Arguments are those of ``python -m dynamo.mocker``, whose metrics are there as well.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from dynamo.mocker import main
from dynamo.prometheus_metrics import REQUEST_DURATION, exponential_buckets
from dynamo.runtime import Context, Endpoint

Generate = Callable[[Any, Context], AsyncGenerator[dict[str, Any], None]]

WEIGHTS = 16 * 10**9
"""Bytes of a model of eight billion parameters in 16 bits."""
TOKEN = 128 * 2**10
"""Bytes of a token in its KV cache."""


class Measured:
    """Has the engine answer. Counts what happens when it does, and shows the state when asked."""

    def __init__(self, endpoint: Endpoint, generate: Generate) -> None:
        self._generate = generate
        self._active = 0
        self._tokens = 0

        metrics = endpoint.metrics
        self._requests_total = metrics.create_intcounter("requests_total", "Requests received")
        self._requests_by_model = metrics.create_intcountervec(
            "requests_by_model",
            "Requests by model",
            ["model_type", "model_size"],
            max_series=100,  # clients choose what they write there
        )
        self._latency = metrics.create_histogram(
            "latency_seconds", "Request latency", buckets=REQUEST_DURATION
        )
        self._answer_tokens = metrics.create_histogramvec(
            "answer_tokens",
            "Tokens of an answer",
            ["finish_reason"],
            buckets=exponential_buckets(start=1, factor=2, count=14),
        )
        for reason in ("stop", "length", "abort"):
            self._answer_tokens.labels(finish_reason=reason)  # shown as 0 before the first one
        self._active_connections = metrics.create_intgauge(
            "active_connections", "Requests being answered"
        )
        self._gpu_memory = metrics.create_intgaugevec(
            "gpu_memory_bytes", "GPU memory by device", ["gpu_id", "memory_type"]
        )
        metrics.register_callback(self._update)

    async def generate(
        self, request: Any, context: Context
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Answer a request: the handler of the endpoint."""
        self._requests_total.inc()
        self._requests_by_model.inc(model_labels(request))
        self._active += 1
        tokens, reason = 0, "abort"  # unless it comes to an end
        try:
            with self._latency.time():
                # Closed when the client leaves, so that the engine gives the request up at once.
                async with aclosing(self._generate(request, context)) as items:
                    async for item in items:
                        tokens += len(item["token_ids"])
                        self._tokens += len(item["token_ids"])
                        reason = item["finish_reason"] or reason
                        yield item
        finally:
            self._active -= 1
            self._tokens -= tokens
            self._answer_tokens.observe(tokens, {"finish_reason": reason})

    def _update(self) -> None:
        """Show the state of this moment, before each scrape, in the thread for callbacks."""
        self._active_connections.set(self._active)
        # There is no GPU to ask here, as torch.cuda.memory_allocated(0) would: this is an estimate.
        allocated = WEIGHTS + self._tokens * TOKEN
        self._gpu_memory.set(allocated, {"gpu_id": "0", "memory_type": "allocated"})


def model_labels(request: Any) -> dict[str, str]:
    """Return what a request says of its model: ``llama-8b`` is a llama of size 8b."""
    model = request.get("model") if isinstance(request, dict) else None
    model_type, _, model_size = str(model or "unknown").partition("-")
    return {"model_type": model_type, "model_size": model_size}


if __name__ == "__main__":
    main(lambda endpoint, generate: Measured(endpoint, generate).generate)

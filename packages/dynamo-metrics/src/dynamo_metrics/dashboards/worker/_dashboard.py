"""The rows, in their order, and what is chosen for all of them."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards._board import WORKER, Variable, board, worker_variables
from dynamo_metrics.dashboards.worker import batch, cache, fleet, glance, latency, requests, runtime

_VARIABLES = [
    *worker_variables(signals.UPTIME),
    Variable("model", f"vllm:num_requests_running{{{WORKER}}}", "model_name"),
]
_ROWS = (glance, requests, latency, batch, cache, runtime, fleet)


def worker_dashboard() -> str:
    """Return the dashboard as JSON that Grafana imports."""
    return board(
        "LLM workers",
        "dynamo-worker",
        "Requests, latency, batches, KV cache and Python's own delays of LLM workers. Dashed lines "
        "are thresholds of alerts.",
        _VARIABLES,
        [module.row() for module in _ROWS],
    )

"""The workers of a model: where they are, and what they are doing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dynamo._settings import METRICS_PREFIX
from dynamo.prometheus_names import frontend_service, labels
from dynamo.prometheus_names import sanitize_frontend_prometheus_prefix as sanitized

if TYPE_CHECKING:
    from dynamo.discovery import Model
    from dynamo.frontend._metrics import RequestRecord
    from dynamo.runtime import Client, DistributedRuntime


class Worker:
    """One instance of an endpoint, with the requests that it has from this frontend."""

    def __init__(self, client: Client, model: Model) -> None:
        self.client = client
        self.instance_id = model.instance_id
        self.block_size = model.kv_cache_block_size
        self.requests: set[RequestRecord] = set()

    @property
    def in_flight(self) -> int:
        """Requests that it has from this frontend."""
        return len(self.requests)


class WorkerMetrics:
    """Gauges of each worker, with the labels of Dynamo's router."""

    def __init__(self, runtime: DistributedRuntime) -> None:
        """Create them. Raises ``MetricsError`` if a metric of the program's has such a name."""
        create = runtime.metrics
        prefix = sanitized(METRICS_PREFIX.read())
        names = (labels.WORKER_ID, labels.DP_RANK, labels.WORKER_TYPE)
        self._lock = threading.Lock()
        self._workers: dict[str, Worker] = {}
        self._first_token = create.create_gaugevec(
            f"{prefix}_{frontend_service.WORKER_LAST_TIME_TO_FIRST_TOKEN_SECONDS}",
            "Time to the first token of the latest request of a worker in seconds",
            names,
            full_name=True,
        )
        self._between_tokens = create.create_gaugevec(
            f"{prefix}_{frontend_service.WORKER_LAST_INTER_TOKEN_LATENCY_SECONDS}",
            "Time between the last two tokens of the latest request of a worker in seconds",
            names,
            full_name=True,
        )
        self._prompt_tokens = create.create_intgaugevec(
            f"{prefix}_{frontend_service.WORKER_LAST_INPUT_SEQUENCE_TOKENS}",
            "Number of tokens of the prompt of the latest request of a worker",
            names,
            full_name=True,
        )
        self._blocks = create.create_intgaugevec(
            f"{prefix}_{frontend_service.WORKER_ACTIVE_DECODE_BLOCKS}",
            "Number of KV cache blocks that the requests of this frontend fill in a worker",
            names,
            full_name=True,
        )
        self._callback = create.register_callback(self._count_blocks)

    def show(self, worker: Worker) -> None:
        """Show a worker."""
        with self._lock:
            self._workers[_id(worker)] = worker

    def hide(self, worker: Worker) -> None:
        """Remove a worker that is gone."""
        with self._lock:
            del self._workers[_id(worker)]
            for gauge in (self._first_token, self._between_tokens, self._prompt_tokens):
                gauge.remove({labels.WORKER_ID: _id(worker)})
            self._blocks.remove({labels.WORKER_ID: _id(worker)})

    def answered(self, worker: Worker, record: RequestRecord) -> None:
        """Show what a request of the worker was like, now that it has ended."""
        with self._lock:
            if _id(worker) not in self._workers or not record.output_tokens:
                return
            names = _labels(worker)
            self._first_token.set(record.until_first_token, names)
            self._prompt_tokens.set(record.prompt_tokens, names)
            if record.between_tokens:
                self._between_tokens.set(record.between_tokens, names)

    def _count_blocks(self) -> None:
        """Set the blocks before a scrape, in the thread for callbacks."""
        with self._lock:
            for worker in self._workers.values():
                if worker.block_size:
                    self._blocks.set(_blocks(worker, worker.block_size), _labels(worker))


def _blocks(worker: Worker, size: int) -> int:
    lengths = (
        record.prompt_tokens + record.output_tokens
        for record in worker.requests.copy()
        if record.output_tokens
    )
    return sum(-(-length // size) for length in lengths)


def _id(worker: Worker) -> str:
    return f"{worker.instance_id:x}"


def _labels(worker: Worker) -> dict[str, str]:
    return {
        labels.WORKER_ID: _id(worker),
        labels.DP_RANK: "0",
        labels.WORKER_TYPE: "aggregated",
    }

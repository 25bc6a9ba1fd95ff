"""The metrics of the frontend, under the names that Dynamo's dashboards ask for.

They belong to the runtime itself and have no labels of the hierarchy. A model has its series, at 0,
from the moment when its first worker comes.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from dynamo._settings import (
    INPUT_SEQUENCE,
    ITL,
    METRICS_PREFIX,
    OUTPUT_SEQUENCE,
    REQUEST_DURATION,
    TTFT,
)
from dynamo.frontend._buckets import buckets
from dynamo.prometheus_names import (
    frontend_perf,
    frontend_service,
    labels,
    name_prefix,
    routing_overhead,
)
from dynamo.prometheus_names import sanitize_frontend_prometheus_prefix as sanitized

if TYPE_CHECKING:
    from dynamo.discovery import Model
    from dynamo.prometheus_metrics import Histogram, HistogramVec, IntGauge, IntGaugeVec
    from dynamo.runtime import DistributedRuntime

UNKNOWN = "unknown"
"""The label ``model`` of requests for models that are not there: clients choose these names."""
ENDPOINTS = ("chat_completions", "completions")
"""Values of the label ``endpoint``."""

_REQUEST = (labels.MODEL, "endpoint", "request_type")
_STAGES = (frontend_perf.STAGE_PREPROCESS, frontend_perf.STAGE_ROUTE, frontend_perf.STAGE_DISPATCH)
_OVERHEAD_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0)
_STAGE_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)
_SIZES = {
    "context_length": frontend_service.MODEL_CONTEXT_LENGTH,
    "kv_cache_block_size": frontend_service.MODEL_KV_CACHE_BLOCK_SIZE,
    "total_kv_blocks": frontend_service.MODEL_TOTAL_KV_BLOCKS,
    "max_num_seqs": frontend_service.MODEL_MAX_NUM_SEQS,
    "max_num_batched_tokens": frontend_service.MODEL_MAX_NUM_BATCHED_TOKENS,
}
_SIZE_TEXTS = {
    "context_length": "Context length of the model in tokens",
    "kv_cache_block_size": "Tokens in a block of the KV cache of a worker of the model",
    "total_kv_blocks": "Blocks in the KV cache of a worker of the model",
    "max_num_seqs": "Sequences that a worker of the model runs in a batch, at most",
    "max_num_batched_tokens": "Tokens that a worker of the model computes in a step, at most",
}


class FrontendMetrics:
    """Counts requests, each once in ``requests_started_total`` and once in ``requests_total``."""

    def __init__(self, runtime: DistributedRuntime) -> None:
        """Create the metrics.

        Raises ``ValueError`` for a bad variable, ``MetricsError`` if a metric of the program's own
        has one of the names.
        """
        create = runtime.metrics
        prefix = sanitized(METRICS_PREFIX.read())

        def gauge(name: str, text: str, *names: str) -> IntGaugeVec:
            return create.create_intgaugevec(f"{prefix}_{name}", text, names, full_name=True)

        def histogram(name: str, text: str, bounds: list[float]) -> HistogramVec:
            return create.create_histogramvec(
                f"{prefix}_{name}", text, [labels.MODEL], buckets=bounds, full_name=True
            )

        self.started = create.create_intcountervec(
            f"{prefix}_{frontend_service.REQUESTS_STARTED_TOTAL}",
            "Total number of requests received",
            _REQUEST,
            full_name=True,
        )
        self.requests = create.create_intcountervec(
            f"{prefix}_{frontend_service.REQUESTS_TOTAL}",
            "Total number of requests answered, by their outcome",
            [*_REQUEST, "status", "error_type"],
            full_name=True,
        )
        self.queued = gauge(
            frontend_service.QUEUED_REQUESTS,
            "Number of requests whose first token has not come",
            labels.MODEL,
        )
        self.inflight = gauge(
            frontend_service.INFLIGHT_REQUESTS, "Number of requests in flight", labels.MODEL
        )
        self.active = gauge(
            frontend_service.ACTIVE_REQUESTS, "Number of requests in flight", labels.MODEL
        )
        self.disconnected = create.create_intgauge(
            f"{prefix}_{frontend_service.DISCONNECTED_CLIENTS}",
            "Number of clients that disconnected before their response was complete",
            full_name=True,
        )
        self.duration = histogram(
            frontend_service.REQUEST_DURATION_SECONDS,
            "Time from a request to the end of its response in seconds",
            buckets(REQUEST_DURATION),
        )
        self.input_tokens = histogram(
            frontend_service.INPUT_SEQUENCE_TOKENS,
            "Number of tokens of a prompt",
            buckets(INPUT_SEQUENCE),
        )
        self.cached_tokens = histogram(
            frontend_service.CACHED_TOKENS,
            "Number of tokens of a prompt that were found in the prefix cache",
            buckets(INPUT_SEQUENCE),
        )
        self.output_tokens = histogram(
            frontend_service.OUTPUT_SEQUENCE_TOKENS,
            "Number of tokens of a response",
            buckets(OUTPUT_SEQUENCE),
        )
        self.output_tokens_total = create.create_intcountervec(
            f"{prefix}_{frontend_service.OUTPUT_TOKENS_TOTAL}",
            "Total number of tokens generated, counted as they come",
            [labels.MODEL],
            full_name=True,
        )
        self.first_token = histogram(
            frontend_service.TIME_TO_FIRST_TOKEN_SECONDS,
            "Time from a request to its first token in seconds",
            buckets(TTFT),
        )
        self.between_tokens = histogram(
            frontend_service.INTER_TOKEN_LATENCY_SECONDS,
            "Time between a token and the next one in seconds",
            buckets(ITL),
        )
        self.migrations = create.create_intcountervec(
            f"{prefix}_{frontend_service.MODEL_MIGRATION_TOTAL}",
            "Total number of requests sent to another worker because one refused or was lost",
            [labels.MODEL, frontend_service.MIGRATION_TYPE_LABEL],
            full_name=True,
        )
        self.cancellations = create.create_intcountervec(
            f"{prefix}_{frontend_service.MODEL_CANCELLATION_TOTAL}",
            "Total number of requests cancelled by their clients or by a shutdown",
            _REQUEST,
            full_name=True,
        )
        self.rejections = create.create_intcountervec(
            f"{prefix}_{frontend_service.MODEL_REJECTION_TOTAL}",
            "Total number of requests turned away for lack of resources",
            [labels.MODEL, "endpoint"],
            full_name=True,
        )
        self._sizes = {
            field: gauge(name, _SIZE_TEXTS[field], labels.MODEL) for field, name in _SIZES.items()
        }
        stages = create.create_histogramvec(
            f"{prefix}_{frontend_perf.STAGE_DURATION_SECONDS}",
            "Time that a request spends in a stage of the frontend in seconds",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            full_name=True,
        )
        in_stage = gauge(
            frontend_perf.STAGE_REQUESTS, "Number of requests in a stage of the frontend", "stage"
        )
        self.stages = {
            stage: Stage(stages.with_label_values([stage]), in_stage.with_label_values([stage]))
            for stage in _STAGES
        }
        # Nothing is hashed or looked up before a worker is chosen: the choice is the whole.
        self._overheads = [
            create.create_histogram(
                f"{name_prefix.ROUTER}_{name}", text, buckets=_OVERHEAD_BUCKETS, full_name=True
            )
            for name, text in (
                (routing_overhead.SCHEDULING_MS, "Time to choose a worker in milliseconds"),
                (routing_overhead.TOTAL_MS, "Time of a whole routing decision in milliseconds"),
            )
        ]
        self._models: dict[str, ModelMetrics] = {}

    def show_model(self, model: Model) -> None:
        """Show a model that has a worker, with the sizes that this one has given."""
        if model.name not in self._models:
            self._models[model.name] = ModelMetrics(self, model.name)
        for field, gauge in self._sizes.items():
            size = getattr(model, field)
            if size is None:
                gauge.remove({labels.MODEL: model.name})
            else:
                gauge.set(size, {labels.MODEL: model.name})

    def hide_model(self, name: str) -> None:
        """Remove the sizes of a model without workers. What was counted stays."""
        for gauge in self._sizes.values():
            gauge.remove({labels.MODEL: name})

    def routed(self, seconds: float) -> None:
        """Observe the choice of a worker."""
        for overhead in self._overheads:
            overhead.observe(1000 * seconds)

    def rejected(self, model: str, endpoint: str, request_type: str, error_type: str) -> None:
        """Count a request that no worker has got; it has no duration."""
        request = {labels.MODEL: model, "endpoint": endpoint, "request_type": request_type}
        self.started.inc(request)
        status = frontend_service.status.ERROR
        self.requests.inc({**request, "status": status, "error_type": error_type})
        if error_type == frontend_service.error_type.OVERLOAD:
            self.rejections.inc({labels.MODEL: model, "endpoint": endpoint})

    def begin(
        self, model: str, endpoint: str, request_type: str, arrived: float, trace: str | None
    ) -> RequestRecord:
        """Count a request of a model that is shown, and return its record."""
        return RequestRecord(self, self._models[model], endpoint, request_type, arrived, trace)


class Stage:
    """One stage of requests: ``with`` measures it."""

    def __init__(self, duration: Histogram, requests: IntGauge) -> None:
        self._observe = duration.observe
        self._enter = requests.inc
        self._leave = requests.dec

    def enter(self) -> float:
        """Begin; returns what ``leave`` needs."""
        self._enter()
        return perf_counter()

    def leave(self, begun: float) -> float:
        """End; returns the seconds that it took."""
        self._leave()
        seconds = perf_counter() - begun
        self._observe(seconds)
        return seconds


class ModelMetrics:
    """The series of one model, found once."""

    def __init__(self, metrics: FrontendMetrics, name: str) -> None:
        self.name = name
        only = [name]
        self.queued = metrics.queued.with_label_values(only)
        self.inflight = metrics.inflight.with_label_values(only)
        self.active = metrics.active.with_label_values(only)
        self.duration = metrics.duration.with_label_values(only)
        self.input_tokens = metrics.input_tokens.with_label_values(only)
        self.cached_tokens = metrics.cached_tokens.with_label_values(only)
        self.output_tokens = metrics.output_tokens.with_label_values(only)
        self.output_tokens_total = metrics.output_tokens_total.with_label_values(only)
        self.first_token = metrics.first_token.with_label_values(only)
        self.between_tokens = metrics.between_tokens.with_label_values(only)
        moved = frontend_service.migration_type.NEW_REQUEST
        self.moved: Callable[[], None] = metrics.migrations.with_label_values([name, moved]).inc
        for endpoint in ENDPOINTS:
            for kind in (
                frontend_service.request_type.STREAM,
                frontend_service.request_type.UNARY,
            ):
                status = frontend_service.status.SUCCESS
                metrics.started.with_label_values([name, endpoint, kind])
                metrics.requests.with_label_values([name, endpoint, kind, status, ""])
                metrics.cancellations.with_label_values([name, endpoint, kind])
            metrics.rejections.with_label_values([name, endpoint])


class RequestRecord:
    """One request from its acceptance to its outcome."""

    __slots__ = (
        "_arrived",
        "_count_tokens",
        "_exemplar",
        "_last",
        "_metrics",
        "_model",
        "_observe_gap",
        "_request",
        "between_tokens",
        "cached_tokens",
        "output_tokens",
        "prompt_tokens",
        "until_first_token",
    )

    def __init__(
        self,
        metrics: FrontendMetrics,
        model: ModelMetrics,
        endpoint: str,
        request_type: str,
        arrived: float,
        trace: str | None,
    ) -> None:
        self._metrics = metrics
        self._model = model
        self._request = {
            labels.MODEL: model.name,
            "endpoint": endpoint,
            "request_type": request_type,
        }
        self._arrived = arrived
        self._exemplar = {"trace_id": trace} if trace else None
        self._last: float | None = None
        self._count_tokens = model.output_tokens_total.inc_by
        self._observe_gap = model.between_tokens.observe
        self.prompt_tokens = 0
        self.cached_tokens = 0
        self.output_tokens = 0
        self.until_first_token = 0.0
        """Seconds from the request to its first token, once that has come."""
        self.between_tokens = 0.0
        """Seconds between the latest two tokens, once there are two."""
        metrics.started.inc(self._request)
        model.queued.inc()
        model.inflight.inc()
        model.active.inc()

    def moved(self) -> None:
        """Count that the request goes to another worker."""
        self._model.moved()

    def prompt(self, tokens: int, cached: int) -> None:
        """Observe the length of the prompt, and how much of it was in the cache."""
        self.prompt_tokens, self.cached_tokens = tokens, cached
        self._model.input_tokens.observe(tokens)
        self._model.cached_tokens.observe(cached)

    def tokens(self, number: int) -> None:
        """Observe tokens that have come now, together."""
        if not number:
            return
        now = perf_counter()
        self.output_tokens += number
        self._count_tokens(number)
        last, self._last = self._last, now
        if last is None:
            self._model.queued.dec()
            self.until_first_token = now - self._arrived
            self._model.first_token.observe(self.until_first_token, exemplar=self._exemplar)
            return
        gap = self.between_tokens = (now - last) / number
        for _ in range(number):
            self._observe_gap(gap)

    def end(self, error_type: str) -> None:
        """Count the outcome: an error type, ``""`` for a success."""
        model = self._model
        if self._last is None:
            model.queued.dec()
        model.inflight.dec()
        model.active.dec()
        model.duration.observe(perf_counter() - self._arrived, exemplar=self._exemplar)
        if self._last is not None:
            model.output_tokens.observe(self.output_tokens)
        kinds = frontend_service.error_type
        if error_type == kinds.CANCELLED:
            self._metrics.cancellations.inc(self._request)
        elif error_type == kinds.UNAVAILABLE:
            rejected = {name: self._request[name] for name in (labels.MODEL, "endpoint")}
            self._metrics.rejections.inc(rejected)
        status = frontend_service.status.ERROR if error_type else frontend_service.status.SUCCESS
        self._metrics.requests.inc({**self._request, "status": status, "error_type": error_type})

    def disconnected(self) -> None:
        """Count a client that has disconnected."""
        self._metrics.disconnected.inc()

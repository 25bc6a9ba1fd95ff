"""Recording rules and alerts of LLM workers, as data.

Names of recorded series say by which labels, what, and how: ``level:metric:operations``, as
https://prometheus.io/docs/practices/rules/ has it. An alert keeps its comparison apart, so that
what it compares can be looked at when all is well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dynamo.dashboards import _signals as signals
from dynamo.dashboards._scope import Scope

SCOPE = Scope(window="5m")
"""Rules are about all workers; 5 minutes smooth the ups and downs of batches."""

MODEL = ("job", "model_name")
WORKER = ("job", "instance")
ENGINE = ("job", "instance", "model_name")


@dataclass(frozen=True)
class Recording:
    """A series that Prometheus computes and keeps."""

    by: tuple[str, ...]
    metric: str
    operations: str
    expression: str

    @property
    def name(self) -> str:
        """What the series is called."""
        return f"{'_'.join(self.by)}:{self.metric.replace(':', '_')}:{self.operations}"

    def rule(self) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        return {"record": self.name, "expr": self.expression}


@dataclass(frozen=True)
class Condition:
    """A comparison. ``expression`` gives values also while it does not hold."""

    expression: str
    operator: Literal[">", "<", "=="]
    threshold: float

    def __str__(self) -> str:
        return f"{self.expression} {self.operator} {self.threshold:g}"


@dataclass(frozen=True)
class Alert:
    """What somebody is told when all conditions have held for a while."""

    name: str
    conditions: tuple[Condition, ...]
    """Those after the first have its labels. The value that is told is the first one's."""
    hold: str
    severity: Literal["critical", "warning"]
    summary: str
    description: str

    @property
    def expression(self) -> str:
        """All conditions together."""
        return "\nand ".join(map(str, self.conditions))

    def rule(self) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.hold,
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.description},
        }


def _quantile(share: float, histogram: str, by: tuple[str, ...]) -> Recording:
    operations = f"p{share * 100:g}_rate5m"
    return Recording(by, histogram, operations, SCOPE.quantile(share, histogram, *by))


TTFT = _quantile(0.95, signals.TTFT, ENGINE)
TTFT_OF_MODEL = _quantile(0.95, signals.TTFT, MODEL)
ITL = _quantile(0.95, signals.ITL, ENGINE)
ITL_OF_MODEL = _quantile(0.95, signals.ITL, MODEL)
E2E = _quantile(0.95, signals.E2E, ENGINE)
E2E_OF_MODEL = _quantile(0.95, signals.E2E, MODEL)
GIL_WAIT = _quantile(0.99, signals.GIL_WAIT, WORKER)
EVENT_LOOP_LAG = _quantile(0.99, signals.EVENT_LOOP_LAG, WORKER)

REQUESTS = Recording(
    WORKER, "dynamo_component_requests", "rate5m", SCOPE.rate(signals.REQUESTS, *WORKER)
)
ERROR_RATIO = Recording(
    WORKER,
    "dynamo_component_errors_per_requests",
    "ratio_rate5m",
    signals.error_ratio(SCOPE, *WORKER),
)
RUNNING = Recording(ENGINE, "vllm:num_requests_running", "sum", signals.running(SCOPE, *ENGINE))
WAITING = Recording(ENGINE, "vllm:num_requests_waiting", "sum", signals.waiting(SCOPE, *ENGINE))
GENERATED = Recording(ENGINE, "vllm:generation_tokens", "rate5m", signals.generated(SCOPE, *ENGINE))
KV_CACHE = Recording(
    ENGINE, "vllm:kv_cache_usage_perc", "max", signals.kv_cache_usage(SCOPE, *ENGINE)
)
PREEMPTIONS = Recording(
    ENGINE, "vllm:num_preemptions", "rate5m", signals.preemptions(SCOPE, *ENGINE)
)
PREFIX_HITS = Recording(
    ENGINE,
    "vllm:prefix_cache_hits_per_queries",
    "ratio_rate5m",
    signals.prefix_hit_ratio(SCOPE, *ENGINE),
)
CALLBACK_FAILURES = Recording(
    WORKER,
    "dynamo_runtime_callback_failures",
    "rate5m",
    signals.rates_or_none(SCOPE, signals.CALLBACK_FAILURES, *WORKER),
)
LOSSES = Recording(
    WORKER,
    "dynamo_runtime_losses",
    "rate5m",
    signals.rates_or_none(SCOPE, signals.LOSSES, *WORKER),
)

RECORDINGS = (
    *(REQUESTS, ERROR_RATIO),
    *(TTFT, TTFT_OF_MODEL, ITL, ITL_OF_MODEL, E2E, E2E_OF_MODEL),
    *(RUNNING, WAITING, GENERATED, KV_CACHE, PREEMPTIONS, PREFIX_HITS),
    *(GIL_WAIT, EVENT_LOOP_LAG, CALLBACK_FAILURES, LOSSES),
)


def _ours(expression: str) -> str:
    """Leave out processes that are no workers, which have series of the same names."""
    return f"({expression} and on (job, instance) {signals.UPTIME})"


_SHOWN_LATELY = f"max by (job) (last_over_time({signals.UPTIME}[6h]))"
_WORKERS = f"count by (job) ({signals.UPTIME})"
_ON = "{{ $labels.instance }}"
_FOR = "{{ $labels.model_name }}"

ALERTS = (
    Alert(
        "DynamoWorkerDown",
        (Condition(f"(up and on (job) {_SHOWN_LATELY})", "==", 0),),
        "1m",
        "critical",
        f"Worker {_ON} cannot be scraped",
        f"Prometheus has not got an answer from {_ON} of job {{{{ $labels.job }}}} for a minute. "
        "/metrics answers also while Python is busy: the process is gone, or its host or network.",
    ),
    Alert(
        "DynamoNoWorkers",
        (Condition(f"({_WORKERS} or 0 * {_SHOWN_LATELY})", "==", 0),),
        "1m",
        "critical",
        "Job {{ $labels.job }} has no workers left",
        "There were workers of job {{ $labels.job }} within the last 6 hours, and none shows "
        "metrics now. Nobody serves its requests.",
    ),
    Alert(
        "DynamoWorkerRestarting",
        (Condition(_ours("changes(process_start_time_seconds[30m])"), ">", 2),),
        "1m",
        "warning",
        f"Worker {_ON} starts again and again",
        f"{_ON} has been started {{{{ $value }}}} times within 30 minutes. Look at its log, and at "
        "its memory before each end.",
    ),
    Alert(
        "DynamoErrorsHigh",
        (Condition(ERROR_RATIO.name, ">", 0.05), Condition(REQUESTS.name, ">", 0.05)),
        "5m",
        "critical",
        f"{{{{ $value | humanizePercentage }}}} of the requests of {_ON} fail",
        f"More than 5 % of the requests of {_ON} fail. The label error_type of {signals.ERRORS} "
        "says how: generate is the handler or the engine, publish_* the way back to the client.",
    ),
    Alert(
        "DynamoTimeToFirstTokenHigh",
        (Condition(TTFT_OF_MODEL.name, ">", 2),),
        "5m",
        "warning",
        f"First tokens of {_FOR} take {{{{ $value | humanizeDuration }}}}",
        f"The 95th percentile of the time to the first token of {_FOR} is above 2 s, over all "
        "workers of job {{ $labels.job }}. If requests wait, there are too few workers; if not, "
        "prompts are long or the cache does not help.",
    ),
    Alert(
        "DynamoInterTokenLatencyHigh",
        (Condition(ITL_OF_MODEL.name, ">", 0.2),),
        "5m",
        "warning",
        f"Tokens of {_FOR} are {{{{ $value | humanizeDuration }}}} apart",
        f"The 95th percentile of the time between tokens of {_FOR} is above 0.2 s, over all "
        "workers of job {{ $labels.job }}. Batches are too large, or long prompts and preemptions "
        "interrupt those that decode.",
    ),
    Alert(
        "DynamoQueueGrowing",
        (
            Condition(WAITING.name, ">", 10),
            Condition(f"deriv({WAITING.name}[10m])", ">", 0.02),
        ),
        "10m",
        "warning",
        f"{{{{ $value }}}} requests wait at {_ON}, and ever more",
        f"The queue of {_FOR} on {_ON} has grown by more than one request a minute for 10 "
        "minutes: more comes in than is done. Add workers, or send it less.",
    ),
    Alert(
        "DynamoKvCacheFull",
        (
            Condition(f"max_over_time({KV_CACHE.name}[5m])", ">", 0.9),
            Condition(PREEMPTIONS.name, ">", 0.1),
        ),
        "5m",
        "warning",
        f"{_ON} preempts requests, its KV cache is {{{{ $value | humanizePercentage }}}} full",
        f"{_ON} has no blocks left for {_FOR}: requests are preempted and computed anew. Give it "
        "more blocks, fewer requests in a batch or shorter ones, or add workers.",
    ),
    Alert(
        "DynamoEngineStalled",
        (Condition(GENERATED.name, "==", 0), Condition(RUNNING.name, ">", 0)),
        "5m",
        "critical",
        f"{_FOR} on {_ON} has requests and makes no tokens",
        f"Requests of {_FOR} are in a batch on {_ON}, and not one token has come out for 5 "
        "minutes. The engine hangs: take a dump of its stacks, then restart it.",
    ),
    Alert(
        "DynamoEventLoopLagging",
        (Condition(EVENT_LOOP_LAG.name, ">", 0.25),),
        "5m",
        "warning",
        f"The event loop of {_ON} is {{{{ $value | humanizeDuration }}}} late",
        f"The 99th percentile of the lag of the event loop of {_ON} is above 0.25 s: streams "
        "stall and health checks are late. Something computes or blocks in a coroutine.",
    ),
    Alert(
        "DynamoGilWaitHigh",
        (Condition(GIL_WAIT.name, ">", 0.1),),
        "5m",
        "warning",
        f"Threads of {_ON} wait {{{{ $value | humanizeDuration }}}} for the GIL",
        f"The 99th percentile of the wait for Python's lock on {_ON} is above 0.1 s. A C extension "
        "holds it, or too many threads compute in Python.",
    ),
    Alert(
        "DynamoCallbacksFailing",
        (Condition(CALLBACK_FAILURES.name, ">", 0),),
        "5m",
        "warning",
        f"Metrics callbacks of {_ON} fail or are late",
        f"Callbacks before a scrape raise or miss their deadline on {_ON}, "
        "{{ $value | humanize }} of them a second: what they set is old. Its log has the first "
        "traceback.",
    ),
    Alert(
        "DynamoMetricsLost",
        (Condition(LOSSES.name, ">", 0),),
        "5m",
        "warning",
        f"Metrics of {_ON} are lost",
        f"{_ON} leaves out {{{{ $value | humanize }}}} series, families or updates a second: a "
        "metric is at its limit of series, or the text of another library is in conflict. Its log "
        "says which.",
    ),
    Alert(
        "DynamoFileDescriptorsLow",
        (Condition(_ours("process_open_fds / process_max_fds"), ">", 0.8),),
        "5m",
        "warning",
        f"{_ON} has {{{{ $value | humanizePercentage }}}} of its file descriptors in use",
        f"{_ON} will soon accept no connections. Raise its limit (ulimit -n), or find who keeps "
        "connections open.",
    ),
)


def limit(alert: str) -> float:
    """Return the threshold of the first condition of an alert, by its name."""
    return {one.name: one.conditions[0].threshold for one in ALERTS}[alert]


def groups() -> list[dict[str, Any]]:
    """Return the groups of rules, as they stand under ``groups`` of Prometheus' rule files.

    One group is evaluated in order, so that alerts see what has just been recorded.
    """
    return [{"name": "dynamo-workers", "rules": [one.rule() for one in (*RECORDINGS, *ALERTS)]}]

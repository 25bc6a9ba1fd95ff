"""Alerts for people on call."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards import recordings
from dynamo_metrics.dashboards._rule import Alert, Condition


def _ours(expression: str, workers: str = signals.UPTIME) -> str:
    """Leave out processes that are no workers, which have series of the same names."""
    return f"({expression} and on (job, instance) {workers})"


_SHOWN_LATELY = f"max by (job) (last_over_time({signals.UPTIME}[6h]))"
_SHOWN_IN_30M = f"last_over_time({signals.UPTIME}[30m])"
"""Workers that may be down at the moment, as one is that ends again and again."""
_STARTS_IN_30M = 'changes(process_start_time_seconds{dynamo_process=""}[30m])'
"""Not of a group of processes, whose server replaces them on purpose (``--max-requests``)."""
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
        "metrics now. It serves no requests.",
    ),
    Alert(
        "DynamoWorkerRestarting",
        (Condition(_ours(_STARTS_IN_30M, _SHOWN_IN_30M), ">", 2),),
        "1m",
        "warning",
        f"Worker {_ON} starts again and again",
        f"{_ON} has been started {{{{ $value }}}} times within 30 minutes. Look at its log, and at "
        "its memory before each end.",
    ),
    Alert(
        "DynamoErrorsHigh",
        (
            Condition(recordings.ERROR_RATIO.name, ">", 0.05),
            Condition(recordings.REQUESTS.name, ">", 0.05),
        ),
        "5m",
        "critical",
        f"{{{{ $value | humanizePercentage }}}} of the requests of {_ON} fail",
        f"More than 5 % of the requests of {_ON} fail, not counting those that it could not read. "
        f"The label error_type of {signals.ERRORS} says how: generate is the handler or the "
        "engine, publish_* the way back to the client.",
    ),
    Alert(
        "DynamoTimeToFirstTokenHigh",
        (Condition(recordings.TTFT_OF_MODEL.name, ">", 2),),
        "5m",
        "warning",
        f"First tokens of {_FOR} take {{{{ $value | humanizeDuration }}}}",
        f"The 95th percentile of the time to the first token of {_FOR} is above 2 s, over all "
        "workers of job {{ $labels.job }}. If requests wait, there are too few workers; if not, "
        "prompts are long or the cache does not help.",
    ),
    Alert(
        "DynamoInterTokenLatencyHigh",
        (Condition(recordings.ITL_OF_MODEL.name, ">", 0.2),),
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
            Condition(recordings.WAITING.name, ">", 10),
            Condition(f"deriv({recordings.WAITING.name}[10m])", ">", 0.02),
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
            Condition(f"max_over_time({recordings.KV_CACHE.name}[5m])", ">", 0.9),
            Condition(recordings.PREEMPTIONS.name, ">", 0.1),
        ),
        "5m",
        "warning",
        f"{_ON} preempts requests, its KV cache is {{{{ $value | humanizePercentage }}}} full",
        f"{_ON} has no blocks left for {_FOR}: requests are preempted and computed anew. Give it "
        "more blocks, fewer requests in a batch or shorter ones, or add workers.",
    ),
    Alert(
        "DynamoEngineStalled",
        (Condition(recordings.GENERATED.name, "==", 0), Condition(recordings.RUNNING.name, ">", 0)),
        "5m",
        "critical",
        f"{_FOR} on {_ON} has requests and makes no tokens",
        f"Requests of {_FOR} are in a batch on {_ON}, and not one token has come out for 5 "
        "minutes. The engine hangs: take a dump of its stacks, then restart it.",
    ),
    Alert(
        "DynamoEventLoopLagging",
        (Condition(recordings.EVENT_LOOP_LAG.name, ">", 0.25),),
        "5m",
        "warning",
        f"The event loop of {_ON} is {{{{ $value | humanizeDuration }}}} late",
        f"The 99th percentile of the lag of the event loop of {_ON} is above 0.25 s: streams "
        "stall and health checks are late. Something computes or blocks in a coroutine.",
    ),
    Alert(
        "DynamoGilWaitHigh",
        (Condition(recordings.GIL_WAIT.name, ">", 0.1),),
        "5m",
        "warning",
        f"Threads of {_ON} wait {{{{ $value | humanizeDuration }}}} for the GIL",
        f"The 99th percentile of the wait for Python's lock on {_ON} is above 0.1 s. A C extension "
        "holds it, or too many threads compute in Python.",
    ),
    Alert(
        "DynamoCallbacksFailing",
        (Condition(recordings.CALLBACK_FAILURES.name, ">", 0),),
        "5m",
        "warning",
        f"Metrics callbacks of {_ON} fail or are late",
        f"Callbacks before a scrape raise or miss their deadline on {_ON}, "
        "{{ $value | humanize }} of them a second: what they set is old. Its log has the first "
        "traceback.",
    ),
    Alert(
        "DynamoMetricsLost",
        (Condition(recordings.LOSSES.name, ">", 0),),
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

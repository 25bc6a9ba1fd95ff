"""The dashboard of LLM workers: one of them, or a fleet.

It shows what the mocker and vLLM show, the requests that the runtime counts, and how Python fares.
Its dashed lines are the thresholds of the alerts.
"""

from __future__ import annotations

from dynamo.dashboards import _signals as signals
from dynamo.dashboards import rules
from dynamo.dashboards._board import WINDOW, WORKER, Row, Variable, board, worker_variables
from dynamo.dashboards._panels import Column, Panel, Query, heat, lines, number, rows, states
from dynamo.dashboards._scope import Scope, aggregated, total

TITLE = "LLM workers"
UID = "dynamo-worker"

SCOPE = Scope(window=WINDOW, worker=WORKER, model='model_name=~"$model"')
"""What the variables choose."""

VARIABLES = [
    *worker_variables(signals.UPTIME),
    Variable("model", f"vllm:num_requests_running{{{WORKER}}}", "model_name"),
]

_BY_INSTANCE = "{{instance}}"


def worker_dashboard() -> str:
    """Return the dashboard as JSON that Grafana imports."""
    description = (
        "Requests, latency, batches, KV cache and Python's own delays of LLM workers. "
        "Dashed lines are thresholds of alerts."
    )
    made = [_glance(), _requests(), _latency(), _batch(), _cache(), _python(), _fleet()]
    return board(TITLE, UID, description, VARIABLES, made)


def _glance() -> Row:
    ttft, itl = (
        rules.limit("DynamoTimeToFirstTokenHigh"),
        rules.limit("DynamoInterTokenLatencyHigh"),
    )
    errors, cache = rules.limit("DynamoErrorsHigh"), rules.limit("DynamoKvCacheFull")
    return "At a glance", [
        number(
            "Requests",
            "Requests that arrive per second. 0 with clients at work: they find no worker.",
            SCOPE.rate(signals.REQUESTS),
            "reqps",
        ),
        number(
            "Error ratio",
            "Share of the requests that fail. If it stays above 0, see Errors for the reason.",
            signals.error_ratio(SCOPE),
            "percentunit",
            limits={errors / 5: "orange", errors: "red"},
        ),
        number(
            "TTFT, p95",
            "Time to the first token that 95 % of the requests do not exceed: what users wait.",
            SCOPE.quantile(0.95, signals.TTFT),
            "s",
            limits={ttft / 2: "orange", ttft: "red"},
        ),
        number(
            "ITL, p95",
            "Time between tokens that 95 % do not exceed: how smoothly answers are read.",
            SCOPE.quantile(0.95, signals.ITL),
            "s",
            limits={itl / 2: "orange", itl: "red"},
        ),
        number(
            "Waiting",
            "Requests in queues. More for longer than a burst: the workers do not keep up.",
            signals.waiting(SCOPE),
            limits={1: "orange", rules.limit("DynamoQueueGrowing"): "red"},
        ),
        number(
            "KV cache",
            "The fullest KV cache. Near 100 % requests are preempted.",
            signals.kv_cache_usage(SCOPE),
            "percentunit",
            limits={cache - 0.1: "orange", cache: "red"},
        ),
    ]


def _requests() -> Row:
    return "Requests", [
        lines(
            "Requests by worker",
            "Requests that arrive per second. Lines far apart: the load is not spread evenly.",
            Query(SCOPE.rate(signals.REQUESTS, "instance"), _BY_INSTANCE),
            unit="reqps",
        ),
        lines(
            "In flight by worker",
            "Requests that are being answered, waiting ones included. It grows when answers take "
            "longer or more come in.",
            Query(
                total(SCOPE.series("dynamo_component_inflight_requests"), "instance"), _BY_INSTANCE
            ),
        ),
        lines(
            "Errors",
            "Requests per second that failed, by reason, and those whose client went away. "
            "generate: the handler or the engine raised; publish_*: the way back broke.",
            Query(SCOPE.rate(signals.ERRORS, "error_type"), "{{error_type}}"),
            Query(SCOPE.rate("dynamo_component_cancellation_total"), "cancelled"),
            unit="reqps",
        ),
        lines(
            "Finished by the engine",
            "Requests per second, by why they ended. Much length: max_tokens cuts answers off.",
            Query(
                SCOPE.rate("vllm:request_success_total", "finished_reason"), "{{finished_reason}}"
            ),
            unit="reqps",
            stacked=True,
        ),
        lines(
            "Tokens",
            "Tokens per second: those of prompts, found in the cache or computed, and of answers.",
            Query(SCOPE.rate("vllm:prompt_tokens_total"), "prompts"),
            Query(signals.generated(SCOPE), "answers"),
            unit="cps",
        ),
        lines(
            "Answers by worker",
            "Tokens of answers per second: what a worker gets done.",
            Query(signals.generated(SCOPE, "instance"), _BY_INSTANCE),
            unit="cps",
        ),
        lines(
            "Length of prompts",
            "Tokens of the prompts that were finished. Longer prompts are later first tokens.",
            *_quantiles("vllm:request_prompt_tokens"),
        ),
        lines(
            "Length of answers",
            "Tokens of the answers that were finished. Longer answers hold blocks for longer.",
            *_quantiles("vllm:request_generation_tokens"),
        ),
        lines(
            "Traffic",
            "Bytes per second of requests and of answers, as JSON.",
            Query(SCOPE.rate("dynamo_component_request_bytes_total"), "requests"),
            Query(SCOPE.rate("dynamo_component_response_bytes_total"), "answers"),
            unit="Bps",
        ),
    ]


def _latency() -> Row:
    ttft, itl = (
        rules.limit("DynamoTimeToFirstTokenHigh"),
        rules.limit("DynamoInterTokenLatencyHigh"),
    )
    return "Latency", [
        *_histogram(
            "Time to first token",
            "From arrival at the engine to the first token: queue and prompt. It rises first when "
            "workers do not keep up.",
            signals.TTFT,
            ttft,
        ),
        *_histogram(
            "Time between tokens",
            "It rises with the batch, and by jumps when long prompts or preemptions come between.",
            signals.ITL,
            itl,
        ),
        *_histogram(
            "Whole requests in the engine",
            "From arrival at the engine to the last token. Mostly the length of answers.",
            signals.E2E,
        ),
        lines(
            "TTFT by worker, p95",
            "One line above the rest is a worker in trouble; all together are too much load.",
            Query(SCOPE.quantile(0.95, signals.TTFT, "instance"), _BY_INSTANCE),
            unit="s",
            limit=ttft,
        ),
        lines(
            "ITL by worker, p95",
            "One line above the rest is a slower GPU, or a worker with larger batches.",
            Query(SCOPE.quantile(0.95, signals.ITL, "instance"), _BY_INSTANCE),
            unit="s",
            limit=itl,
        ),
        lines(
            "Where time goes",
            "Mean time of a request in the queue, with its prompt and with its answer. A thick "
            "queue wants workers, a thick prompt wants the prefix cache or chunks.",
            Query(SCOPE.mean("vllm:request_queue_time_seconds"), "queue"),
            Query(SCOPE.mean("vllm:request_prefill_time_seconds"), "prompt"),
            Query(SCOPE.mean("vllm:request_decode_time_seconds"), "answer"),
            unit="s",
            stacked=True,
        ),
        lines(
            "Around the engine: first item",
            "From arrival at the endpoint to the first item of the answer. What it has above the "
            "TTFT is time in Python and on the way.",
            *_quantiles("dynamo_component_time_to_first_response_seconds"),
            unit="s",
            width=12,
        ),
        lines(
            "Around the engine: whole requests",
            "From arrival at the endpoint to the end, on every way out.",
            *_quantiles("dynamo_component_request_duration_seconds"),
            unit="s",
            width=12,
        ),
    ]


def _batch() -> Row:
    return "Queue and batch", [
        lines(
            "Running by worker",
            "Requests in the batch. At max_num_seqs the batch is full, below it the cache is.",
            Query(signals.running(SCOPE, "instance"), _BY_INSTANCE),
        ),
        lines(
            "Waiting by worker",
            "Requests in the queue. One worker only: routing does not see its queue.",
            Query(signals.waiting(SCOPE, "instance"), _BY_INSTANCE),
            limit=rules.limit("DynamoQueueGrowing"),
        ),
        lines(
            "Waiting by reason",
            "capacity: no room in batch or cache; deferred: held back, for a transfer for example.",
            Query(
                total(SCOPE.series("vllm:num_requests_waiting_by_reason"), "reason"), "{{reason}}"
            ),
            stacked=True,
        ),
        lines(
            "Time in the queue",
            "From arrival at the engine to the first step. It is part of the TTFT.",
            *_quantiles("vllm:request_queue_time_seconds"),
            unit="s",
        ),
        lines(
            "Tokens in a step",
            "Tokens computed in a step. Near max_num_batched_tokens prompts wait for each other.",
            *_quantiles("vllm:iteration_tokens_total"),
        ),
        lines(
            "Refused by the engine",
            "Requests per second that found its queue full, by limit.",
            Query(SCOPE.rate("vllm:admission_rejections_total", "reason"), "{{reason}}"),
            unit="reqps",
        ),
    ]


def _cache() -> Row:
    return "KV cache", [
        lines(
            "Usage by worker",
            "Share of the blocks that are in use. Near 100 % with preemptions there are too few.",
            Query(signals.kv_cache_usage(SCOPE, "instance"), _BY_INSTANCE),
            unit="percentunit",
            most=1,
            limit=rules.limit("DynamoKvCacheFull"),
        ),
        lines(
            "Preemptions by worker",
            "Requests per second that lost their blocks and are computed anew: work done twice.",
            Query(signals.preemptions(SCOPE, "instance"), _BY_INSTANCE),
            unit="cps",
        ),
        lines(
            "Prefix cache hits by worker",
            "Share of the prompt tokens that were found in the cache. A fall after a change of "
            "routing: requests with the same beginning no longer meet.",
            Query(signals.prefix_hit_ratio(SCOPE, "instance"), _BY_INSTANCE),
            unit="percentunit",
            most=1,
        ),
        lines(
            "Prompt tokens by source",
            "Tokens per second that were computed, found in the cache, or got from elsewhere.",
            Query(SCOPE.rate("vllm:prompt_tokens_by_source_total", "source"), "{{source}}"),
            unit="cps",
            width=12,
            stacked=True,
        ),
        lines(
            "Preemptions of a request",
            "How often requests were preempted before they were finished, in the mean and at most "
            "for 99 %.",
            Query(SCOPE.mean("vllm:request_num_preemptions"), "mean"),
            Query(SCOPE.quantile(0.99, "vllm:request_num_preemptions"), "p99"),
            width=12,
        ),
    ]


def _python() -> Row:
    return "Runtime", [
        lines(
            "GIL wait by worker, p99",
            "How long a thread waits for Python's lock. Above 5 ms somebody does not let go: a C "
            "extension, or threads that compute.",
            Query(SCOPE.quantile(0.99, signals.GIL_WAIT, "instance"), _BY_INSTANCE),
            unit="s",
            limit=rules.limit("DynamoGilWaitHigh"),
        ),
        lines(
            "Event-loop lag by worker, p99",
            "How late the event loop runs what is due. All streams of the worker stall together.",
            Query(SCOPE.quantile(0.99, signals.EVENT_LOOP_LAG, "instance"), _BY_INSTANCE),
            unit="s",
            limit=rules.limit("DynamoEventLoopLagging"),
        ),
        lines(
            "CPU by worker",
            "Cores in use. At 1 a worker in pure Python is at its end, whatever the GPU does.",
            Query(SCOPE.rate("process_cpu_seconds_total", "instance"), _BY_INSTANCE),
        ),
        heat(
            "GIL waits",
            "Waits per second, by length. A band far above the rest: somebody holds the lock.",
            SCOPE.rate(signals.GIL_WAIT + "_bucket", "le"),
            "s",
        ),
        heat(
            "Event-loop lags",
            "Lags per second, by length.",
            SCOPE.rate(signals.EVENT_LOOP_LAG + "_bucket", "le"),
            "s",
        ),
        lines(
            "Memory by worker",
            "Resident memory. Steady growth without more requests is a leak.",
            Query(total(SCOPE.series("process_resident_memory_bytes"), "instance"), _BY_INSTANCE),
            unit="bytes",
        ),
        lines(
            "Garbage collections",
            "Collections per second, by generation. Those of generation 2 stop all of Python.",
            Query(
                SCOPE.rate("python_gc_collections_total", "generation"),
                "generation {{generation}}",
            ),
            unit="cps",
        ),
        lines(
            "File descriptors by worker",
            "Share of those allowed that are open. At 100 % no connection is accepted.",
            Query(
                f"{aggregated('max', SCOPE.series('process_open_fds'), 'instance')} / "
                f"{aggregated('max', SCOPE.series('process_max_fds'), 'instance')}",
                _BY_INSTANCE,
            ),
            unit="percentunit",
            limit=rules.limit("DynamoFileDescriptorsLow"),
        ),
        lines(
            "Scrapes by worker",
            "How long the last answer to Prometheus took, callbacks included.",
            Query(
                aggregated(
                    "max", SCOPE.series("dynamo_runtime_scrape_duration_seconds"), "instance"
                ),
                _BY_INSTANCE,
            ),
            unit="s",
        ),
        lines(
            "Failed callbacks by worker",
            "Metrics callbacks per second that raised or were late: what they set is old.",
            Query(
                signals.rates_or_none(SCOPE, signals.CALLBACK_FAILURES, "instance"), _BY_INSTANCE
            ),
            unit="cps",
        ),
        lines(
            "Lost metrics by worker",
            "Series, families and updates per second that are not shown: a limit is reached, or "
            "texts of other libraries are in conflict.",
            Query(signals.rates_or_none(SCOPE, signals.LOSSES, "instance"), _BY_INSTANCE),
            unit="cps",
        ),
    ]


def _fleet() -> Row:
    return "Fleet", [
        number(
            "Workers up",
            "Targets that answered the last scrape.",
            total(SCOPE.series("up")),
            width=6,
        ),
        number(
            "Workers down",
            "Targets that did not. One that left service discovery is neither up nor down.",
            f"count({SCOPE.series('up')}) - {total(SCOPE.series('up'))}",
            width=6,
            limits={1: "red"},
        ),
        number(
            "Alerts firing",
            "Alerts of the rule file that fire for the chosen jobs; 0 also without that file.",
            'count(ALERTS{alertname=~"Dynamo.+", alertstate="firing", job=~"$job"}) or vector(0)',
            width=6,
            limits={1: "red"},
        ),
        number(
            "Youngest worker",
            "Seconds since the last start of a worker. Small again and again: something restarts.",
            aggregated("min", SCOPE.series(signals.UPTIME)),
            "s",
            width=6,
        ),
        states(
            "Targets",
            "Whether each target answers its scrapes. A gap: service discovery did not know it.",
            Query(SCOPE.series("up"), _BY_INSTANCE),
            ("down", "up"),
        ),
        _side_by_side(),
    ]


def _side_by_side() -> Panel:
    recorded = {
        "Tokens/s": (rules.GENERATED, "cps"),
        "TTFT, p95": (rules.TTFT, "s"),
        "ITL, p95": (rules.ITL, "s"),
        "Request, p95": (rules.E2E, "s"),
        "Running": (rules.RUNNING, "short"),
        "Waiting": (rules.WAITING, "short"),
        "KV cache": (rules.KV_CACHE, "percentunit"),
        "Preemptions/s": (rules.PREEMPTIONS, "cps"),
        "Prefix hits": (rules.PREFIX_HITS, "percentunit"),
    }
    columns = [
        # Lines are put together by their labels, of which the name must not be one.
        Column(title, aggregated("max", SCOPE.series(recording.name), *rules.ENGINE), unit)
        for title, (recording, unit) in recorded.items()
    ]
    return rows(
        "Workers side by side",
        "Each engine over the last 5 minutes, by recording rules: empty without the rule file.",
        *columns,
    )


def _quantiles(histogram: str) -> list[Query]:
    return [
        Query(SCOPE.quantile(share, histogram), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)
    ]


def _histogram(
    title: str, description: str, histogram: str, limit: float | None = None
) -> list[Panel]:
    """Return quantiles, and the whole distribution beside them."""
    return [
        lines(
            f"{title}: p50, p95, p99",
            description,
            *_quantiles(histogram),
            unit="s",
            width=12,
            limit=limit,
        ),
        heat(
            f"{title}: all",
            f"{title}, how many a second by length. Two bands are two kinds of requests, which "
            "quantiles hide.",
            SCOPE.rate(histogram + "_bucket", "le"),
            "s",
        ),
    ]

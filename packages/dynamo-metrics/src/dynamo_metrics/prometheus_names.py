# The one source of the names: `make names` writes the Rust constants from this file.
# ruff: noqa: N801
"""Every metric name, label name and fixed label value, and the functions that make names valid.

A full metric name is a prefix of ``name_prefix``, ``_``, and a constant of one of the other groups,
each of which names its prefix. Names and values are Dynamo's, from version 0.7 on. Names that
Dynamo has removed stay, so that code and dashboards written for them still work.

How names are built: ``{prefix}_{measured quantity}_{unit}``, where the unit is ``seconds``,
``bytes``, ``ms``, ``percent`` and the like. Counters end in ``_total``, gauges never do.
``_counter``, ``_gauge``, ``_time``, ``_size``, ``_rate`` and ``_sum`` say too little or mean
something else: ``_total``, ``_duration_seconds``, ``_bytes``, ``_per_second`` and ``_avg`` are
better.

Import the module or its groups::

    from dynamo_metrics import prometheus_names
    from dynamo_metrics.prometheus_names import frontend_service, work_handler
"""

import re
from typing import Final

__all__ = [
    "COMPONENT_NATS_METRICS",
    "DRT_NATS_METRICS",
    "KVSTATS_METRICS",
    "build_component_metric_name",
    "component_names",
    "distributed_runtime",
    "frontend_perf",
    "frontend_service",
    "kv_publisher",
    "kvbm",
    "kvbm_connector",
    "kvindexer",
    "kvrouter",
    "kvstats",
    "kvstats_legacy",
    "labels",
    "lifecycle",
    "model_info",
    "name_prefix",
    "nats_client",
    "nats_service",
    "process",
    "python_gc",
    "request_plane",
    "router",
    "router_request",
    "routing_overhead",
    "runtime_metrics",
    "sanitize_frontend_prometheus_prefix",
    "sanitize_prometheus_label",
    "sanitize_prometheus_name",
    "task_tracker",
    "tokio_perf",
    "transport",
    "trtllm_additional",
    "work_handler",
]


class name_prefix:
    """The prefixes of full metric names, by the part of the system that owns the metric."""

    COMPONENT: Final = "dynamo_component"
    """Components and the endpoints they serve."""

    FRONTEND: Final = "dynamo_frontend"
    """The HTTP frontend; ``DYN_METRICS_PREFIX`` replaces it."""

    ROUTER: Final = "dynamo_router"
    """Routers; their series carry the label ``router_id``."""

    TOKIO: Final = "dynamo_tokio"
    """The tokio runtime below the frontend."""

    KVINDEXER: Final = "dynamo_kvindexer"
    """The KV indexer as a service of its own."""

    REQUEST_PLANE: Final = "dynamo_request_plane"
    """Requests on their way to a worker, on every transport."""

    TRANSPORT: Final = "dynamo_transport"
    """One transport: bytes, connections, protocol errors."""

    WORK_HANDLER: Final = "dynamo_work_handler"
    """The queue and the pool that hand requests to a worker's handler."""

    REJECTION: Final = "dynamo_rejection"
    """Requests turned away before any work was done."""

    ROUTING_OVERHEAD: Final = "dynamo_routing_overhead"
    """The phases of a routing decision."""

    RUNTIME: Final = "dynamo_runtime"
    """The metrics of this runtime itself, which Dynamo does not have."""


class labels:
    """Label names. Metrics get the first three by their place in the hierarchy."""

    COMPONENT: Final = "dynamo_component"
    """The component's name, as given."""

    NAMESPACE: Final = "dynamo_namespace"
    """The namespace's name, as given; the names of nested ones joined by dots."""

    ENDPOINT: Final = "dynamo_endpoint"
    """The endpoint's name, as given."""

    PROCESS: Final = "dynamo_process"
    """The number of a process among those that share a directory; small numbers are reused."""

    DP_RANK: Final = "dp_rank"
    """A worker's data-parallel rank, from 0."""

    WORKER_ID: Final = "worker_id"
    """The instance id of a worker in discovery, in hexadecimal."""

    MODEL: Final = "model"
    """The model's name or path, under the name that OpenAI's API has for it."""

    MODEL_NAME: Final = "model_name"
    """The model's name or path, under the name that vLLM and other engines have for it."""

    WORKER_TYPE: Final = "worker_type"
    """The role of a worker: ``aggregated``, ``prefill``, ``decode`` or ``encode``."""

    ROUTER_ID: Final = "router_id"
    """The instance id in discovery of the frontend that routes."""


class component_names:
    """Component names with a fixed meaning, as values of the label ``dynamo_component``."""

    ROUTER: Final = "router"
    """The router that places requests by their KV cache overlap."""


class distributed_runtime:
    """The runtime itself. Prefix: ``name_prefix.COMPONENT``."""

    UPTIME_SECONDS: Final = "uptime_seconds"
    """Gauge: seconds since the runtime was made."""


class process:
    """The process, as the client libraries of Prometheus show it. Full names."""

    CPU_SECONDS_TOTAL: Final = "process_cpu_seconds_total"
    """Counter: seconds of user and system CPU time."""

    VIRTUAL_MEMORY_BYTES: Final = "process_virtual_memory_bytes"
    """Gauge: bytes of virtual memory."""

    RESIDENT_MEMORY_BYTES: Final = "process_resident_memory_bytes"
    """Gauge: bytes of resident memory."""

    START_TIME_SECONDS: Final = "process_start_time_seconds"
    """Gauge: when the process was started, in seconds since 1970."""

    OPEN_FDS: Final = "process_open_fds"
    """Gauge: open file descriptors."""

    MAX_FDS: Final = "process_max_fds"
    """Gauge: the most file descriptors that may be open."""


class python_gc:
    """Python's garbage collector, as prometheus_client shows it. Full names."""

    COLLECTIONS_TOTAL: Final = "python_gc_collections_total"
    """Counter by ``generation``: collections."""

    OBJECTS_COLLECTED_TOTAL: Final = "python_gc_objects_collected_total"
    """Counter by ``generation``: objects collected."""

    OBJECTS_UNCOLLECTABLE_TOTAL: Final = "python_gc_objects_uncollectable_total"
    """Counter by ``generation``: objects found that cannot be collected."""

    GENERATION_LABEL: Final = "generation"
    """The label of the generation: ``0``, ``1``, ``2``."""


class runtime_metrics:
    """Callbacks and scrapes; Dynamo has no such metrics. Prefix: ``name_prefix.RUNTIME``."""

    CALLBACK_ERRORS_TOTAL: Final = "callback_errors_total"
    """Counter: callbacks that raised an exception."""

    CALLBACK_NOT_REACHED_TOTAL: Final = "callback_not_reached_total"
    """Counter: callbacks that had not begun at the deadline of a scrape."""

    CALLBACK_TIMEOUTS_TOTAL: Final = "callback_timeouts_total"
    """Counter: callbacks that did not finish before the deadline of a scrape."""

    EVENT_LOOP_LAG_SECONDS: Final = "event_loop_lag_seconds"
    """Histogram: seconds by which the event loop ran a call late, sampled."""

    GIL_WAIT_SECONDS: Final = "gil_wait_seconds"
    """Histogram: seconds that a thread waited for Python's global interpreter lock, sampled."""

    PROCESSES: Final = "processes"
    """Gauge: processes that share the directory and are alive."""

    PUSH_DURATION_SECONDS: Final = "push_duration_seconds"
    """Gauge: duration of the last OTLP export in seconds, callbacks and retries included."""

    PUSH_EXPORTS_TOTAL: Final = "push_exports_total"
    """Counter by ``outcome``: OTLP exports; ``success``, ``partial`` or ``failure``."""

    PUSH_REJECTED_POINTS_TOTAL: Final = "push_rejected_points_total"
    """Counter: data points that the OTLP receiver rejected."""

    PUSH_RETRIES_TOTAL: Final = "push_retries_total"
    """Counter: OTLP requests that were sent again."""

    REJECTED_UPDATES_TOTAL: Final = "rejected_updates_total"
    """Counter by ``metric`` and ``reason``: updates that changed nothing, such as those by NaN."""

    SCRAPE_DURATION_SECONDS: Final = "scrape_duration_seconds"
    """Gauge: duration of the last scrape in seconds, callbacks included."""

    SERIES_OVERFLOW_TOTAL: Final = "series_overflow_total"
    """Counter by ``metric``: updates counted in the overflow series of a metric at its limit."""

    SHARED_CONFLICTS: Final = "shared_conflicts"
    """Gauge: metrics of processes that differ from the newest metric of the name and are hidden."""

    SHARED_FILES_REFUSED_TOTAL: Final = "shared_files_refused_total"
    """Counter: damaged or unknown files in the shared directory."""

    TEXT_DROPPED_FAMILIES_TOTAL: Final = "text_dropped_families_total"
    """Counter: families dropped from external expositions."""

    TEXT_DROPPED_SERIES_TOTAL: Final = "text_dropped_series_total"
    """Counter: series and samples dropped from external expositions."""

    TEXT_DROPPED_TOTAL: Final = "text_dropped_total"
    """Counter by ``reason``: parts dropped from external expositions."""


class work_handler:
    """Requests as a worker's endpoint sees them. Prefix: ``name_prefix.COMPONENT``.

    The metrics of the queue and the pool have the prefix ``name_prefix.WORK_HANDLER``.
    """

    REQUESTS_TOTAL: Final = "requests_total"
    """Counter: requests handled, with any outcome."""

    REQUEST_BYTES_TOTAL: Final = "request_bytes_total"
    """Counter: bytes of the requests received."""

    RESPONSE_BYTES_TOTAL: Final = "response_bytes_total"
    """Counter: bytes of the responses sent."""

    INFLIGHT_REQUESTS: Final = "inflight_requests"
    """Gauge: requests in the handler now."""

    REQUEST_DURATION_SECONDS: Final = "request_duration_seconds"
    """Histogram: seconds from a request's arrival to the end of its response."""

    ERRORS_TOTAL: Final = "errors_total"
    """Counter by ``ERROR_TYPE_LABEL``: requests that failed."""

    CANCELLATION_TOTAL: Final = "cancellation_total"
    """Counter: requests that the client cancelled, by a message or by disconnecting."""

    NETWORK_TRANSIT_SECONDS: Final = "network_transit_seconds"
    """Histogram: seconds from the frontend's send to the arrival here, by both hosts' clocks."""

    TIME_TO_FIRST_RESPONSE_SECONDS: Final = "time_to_first_response_seconds"
    """Histogram: seconds from a request's arrival to the first item of its response."""

    QUEUE_DEPTH: Final = "queue_depth"
    """Gauge: requests in the queue before the pool."""

    QUEUE_CAPACITY: Final = "queue_capacity"
    """Gauge: how many requests that queue holds."""

    ENQUEUE_REJECTED_TOTAL: Final = "enqueue_rejected_total"
    """Counter: requests that found the queue closed; a full one makes them wait instead."""

    PERMIT_WAIT_SECONDS: Final = "permit_wait_seconds"
    """Histogram: seconds a request waits for a place in the pool."""

    POOL_ACTIVE_TASKS: Final = "pool_active_tasks"
    """Gauge: places of the pool in use."""

    POOL_CAPACITY: Final = "pool_capacity"
    """Gauge: places the pool has."""

    ERROR_TYPE_LABEL: Final = "error_type"
    """The label of the reason of a failed request; its values are ``error_types``."""

    class error_types:
        """Values of ``ERROR_TYPE_LABEL``."""

        DESERIALIZATION: Final = "deserialization"
        """The request could not be decoded."""

        INVALID_MESSAGE: Final = "invalid_message"
        """The message is not a request."""

        RESPONSE_STREAM: Final = "response_stream"
        """No stream for the response could be opened."""

        GENERATE: Final = "generate"
        """The handler raised an exception."""

        SERIALIZATION: Final = "serialization"
        """An item of the response could not be encoded."""

        PUBLISH_RESPONSE: Final = "publish_response"
        """An item of the response could not be sent."""

        PUBLISH_FINAL: Final = "publish_final"
        """The end of the response could not be sent."""


class frontend_service:
    """The HTTP frontend. Prefix: ``name_prefix.FRONTEND`` or ``DYN_METRICS_PREFIX``."""

    METRICS_PREFIX_ENV: Final = "DYN_METRICS_PREFIX"
    """The environment variable that replaces the prefix ``dynamo_frontend``."""

    MODEL_READY: Final = "model_ready"
    """Gauge: 1 while a worker that serves the model can be reached."""

    REQUESTS_TOTAL: Final = "requests_total"
    """Counter: requests answered, by status, request type and error type."""

    REQUESTS_STARTED_TOTAL: Final = "requests_started_total"
    """Counter: requests accepted."""

    FAILURES_TOTAL: Final = "failures_total"
    """Counter: requests that failed for good."""

    QUEUED_REQUESTS: Final = "queued_requests"
    """Gauge: requests accepted that have not had the first item of a response."""

    INFLIGHT_REQUESTS: Final = "inflight_requests"
    """Gauge: requests in flight; ``ACTIVE_REQUESTS`` is the clearer name."""

    ACTIVE_REQUESTS: Final = "active_requests"
    """Gauge: requests in flight, from acceptance to the end of the response."""

    DISCONNECTED_CLIENTS: Final = "disconnected_clients"
    """Gauge: clients that disconnected before their response was complete."""

    REQUEST_DURATION_SECONDS: Final = "request_duration_seconds"
    """Histogram: seconds from a request's acceptance to the end of its response."""

    INPUT_SEQUENCE_TOKENS: Final = "input_sequence_tokens"
    """Histogram: tokens of a request's prompt."""

    OUTPUT_SEQUENCE_TOKENS: Final = "output_sequence_tokens"
    """Histogram: tokens of a response."""

    CACHED_SEQUENCE_LENGTH: Final = "cached_sequence_length"
    """Histogram: prompt tokens found in the prefix cache; Dynamo 0.7's name of ``CACHED_TOKENS``.
    """

    CACHED_TOKENS: Final = "cached_tokens"
    """Histogram: prompt tokens of a request that were found in the prefix cache."""

    KV_HIT_RATE: Final = "kv_hit_rate"
    """Histogram: share of the prompt the router expects in the worker's KV cache, 0 to 1."""

    KV_BEST_ELIGIBLE_CACHED_PREFIX_TOKENS_TOTAL: Final = (
        "kv_best_eligible_cached_prefix_tokens_total"
    )
    """Counter: prompt tokens cached by the worker that has most of them."""

    KV_SELECTED_CACHED_PREFIX_TOKENS_TOTAL: Final = "kv_selected_cached_prefix_tokens_total"
    """Counter: prompt tokens cached by the worker that was selected."""

    KV_WORKER_REUSED_TOKENS_TOTAL: Final = "kv_worker_reused_tokens_total"
    """Counter: prompt tokens that workers report as reused from their cache."""

    KV_TRANSFER_ESTIMATED_LATENCY_SECONDS: Final = "kv_transfer_estimated_latency_seconds"
    """Histogram: at most how many seconds the KV cache took from a prefill to a decode worker."""

    SHARED_CACHE_HIT_RATE: Final = "shared_cache_hit_rate"
    """Histogram: share of a request's blocks found in the shared cache, 0 to 1."""

    SHARED_CACHE_BEYOND_BLOCKS: Final = "shared_cache_beyond_blocks"
    """Histogram: blocks in the shared cache that the chosen worker does not have itself."""

    NON_MAX_OVERLAP_SELECTIONS_TOTAL: Final = "non_max_overlap_selections_total"
    """Counter: selected workers that had less overlap than another eligible one."""

    OVERLAP_BLOCKS_LOST: Final = "overlap_blocks_lost"
    """Histogram: blocks of overlap that such a selection gave up."""

    TOKENIZER_LATENCY_MS: Final = "tokenizer_latency_ms"
    """Histogram by ``OPERATION_LABEL``: milliseconds to tokenize or detokenize."""

    OUTPUT_TOKENS_TOTAL: Final = "output_tokens_total"
    """Counter: tokens generated, counted as they come."""

    TIME_TO_FIRST_TOKEN_SECONDS: Final = "time_to_first_token_seconds"
    """Histogram: seconds from a request's acceptance to its first token."""

    INTER_TOKEN_LATENCY_SECONDS: Final = "inter_token_latency_seconds"
    """Histogram: seconds between one token and the next."""

    EMBEDDING_LATENCY_SECONDS: Final = "embedding_latency_seconds"
    """Histogram: seconds for a whole embeddings request."""

    IMAGES_PER_REQUEST: Final = "images_per_request"
    """Histogram: images in a request."""

    VIDEOS_PER_REQUEST: Final = "videos_per_request"
    """Histogram: videos in a request."""

    AUDIO_PER_REQUEST: Final = "audio_per_request"
    """Histogram: audio parts in a request."""

    IMAGE_TOKENS_PER_REQUEST: Final = "image_tokens_per_request"
    """Histogram: placeholder tokens of the images in a request."""

    MODEL_TOTAL_KV_BLOCKS: Final = "model_total_kv_blocks"
    """Gauge: KV cache blocks of a worker that serves the model."""

    MODEL_MAX_NUM_SEQS: Final = "model_max_num_seqs"
    """Gauge: sequences such a worker runs at a time, at most."""

    MODEL_MAX_NUM_BATCHED_TOKENS: Final = "model_max_num_batched_tokens"
    """Gauge: tokens such a worker takes into one batch, at most."""

    MODEL_CONTEXT_LENGTH: Final = "model_context_length"
    """Gauge: the model's context length in tokens."""

    MODEL_KV_CACHE_BLOCK_SIZE: Final = "model_kv_cache_block_size"
    """Gauge: tokens in a KV cache block."""

    MODEL_MIGRATION_LIMIT: Final = "model_migration_limit"
    """Gauge: how often a request may move to another worker."""

    MODEL_MIGRATION_TOTAL: Final = "model_migration_total"
    """Counter by ``MIGRATION_TYPE_LABEL``: requests moved because their worker was lost."""

    MODEL_MIGRATION_DURATION_SECONDS: Final = "model_migration_duration_seconds"
    """Histogram: seconds from the loss of a worker to the end of the migration."""

    MODEL_MIGRATION_MAX_SEQ_LEN_EXCEEDED_TOTAL: Final = "model_migration_max_seq_len_exceeded_total"
    """Counter: requests too long to be moved."""

    MODEL_CANCELLATION_TOTAL: Final = "model_cancellation_total"
    """Counter: requests cancelled."""

    MODEL_REJECTION_TOTAL: Final = "model_rejection_total"
    """Counter: requests turned away for lack of resources."""

    ADMISSION_REJECTION_TOTAL: Final = "admission_rejection_total"
    """Counter by gate and model: requests turned away by an admission gate."""

    ADMISSION_GATE_LIMIT: Final = "admission_gate_limit"
    """Gauge by gate: the limit of an admission gate that is switched on."""

    WORKER_ACTIVE_DECODE_BLOCKS: Final = "worker_active_decode_blocks"
    """Gauge by worker: KV cache blocks in use for decoding."""

    WORKER_ACTIVE_PREFILL_TOKENS: Final = "worker_active_prefill_tokens"
    """Gauge by worker: prompt tokens that wait for their prefill."""

    WORKER_WAITING_REQUESTS: Final = "worker_waiting_requests"
    """Gauge by worker and rank: requests that wait inside the engine."""

    WORKER_LAST_TIME_TO_FIRST_TOKEN_SECONDS: Final = "worker_last_time_to_first_token_seconds"
    """Gauge by worker: seconds to the first token of its latest request."""

    WORKER_LAST_INPUT_SEQUENCE_TOKENS: Final = "worker_last_input_sequence_tokens"
    """Gauge by worker: prompt tokens of that same request."""

    WORKER_LAST_INTER_TOKEN_LATENCY_SECONDS: Final = "worker_last_inter_token_latency_seconds"
    """Gauge by worker: seconds between its latest two tokens."""

    ROUTER_QUEUE_PENDING_REQUESTS: Final = "router_queue_pending_requests"
    """Gauge by worker type: requests in the router's queue."""

    LORA_REPLICA_FACTOR: Final = "lora_replica_factor"
    """Gauge by LoRA adapter: replicas given to it."""

    LORA_IS_ACTIVE: Final = "lora_is_active"
    """Gauge by LoRA adapter: 1 while it gets requests, otherwise 0."""

    LORA_ESTIMATED_LOAD: Final = "lora_estimated_load"
    """Gauge by LoRA adapter: requests in the time window, as estimated."""

    LORA_RAW_ARRIVAL_COUNT: Final = "lora_raw_arrival_count"
    """Gauge by LoRA adapter: requests in the time window, as counted."""

    LORA_ACTIVE_REQUESTS: Final = "lora_active_requests"
    """Gauge by LoRA adapter: requests in flight."""

    LORA_CHURN_LOADS_TOTAL: Final = "lora_churn_loads_total"
    """Adapters placed on a worker by the LoRA controller."""

    LORA_CHURN_UNLOADS_TOTAL: Final = "lora_churn_unloads_total"
    """Adapters taken off a worker by the LoRA controller."""

    LORA_OVERFLOW_COUNT: Final = "lora_overflow_count"
    """Replicas for which the LoRA controller found no worker."""

    MIGRATION_TYPE_LABEL: Final = "migration_type"
    """The label of the time of a move; its values are ``migration_type``."""

    MIGRATION_OUTCOME_LABEL: Final = "outcome"
    """The label of how a move ended; its values are ``migration_outcome``."""

    OPERATION_LABEL: Final = "operation"
    """The label of the tokenizer's operation; its values are ``operation``."""

    class operation:
        """Values of ``OPERATION_LABEL``."""

        TOKENIZE: Final = "tokenize"
        """Text to tokens."""

        DETOKENIZE: Final = "detokenize"
        """Tokens to text."""

    class migration_outcome:
        """Values of ``MIGRATION_OUTCOME_LABEL``."""

        SUCCESS: Final = "success"
        """Another worker took the request."""

        FAILURE: Final = "failure"
        """No worker took the request."""

        CANCELLED: Final = "cancelled"
        """The client disconnected meanwhile."""

    class migration_type:
        """Values of ``MIGRATION_TYPE_LABEL``."""

        NEW_REQUEST: Final = "new_request"
        """Moved before the response began: no worker took the request."""

        ONGOING_REQUEST: Final = "ongoing_request"
        """Moved in the middle of the response: its stream broke off."""

    class status:
        """Values of the label ``status`` of ``REQUESTS_TOTAL``."""

        SUCCESS: Final = "success"
        """The response is complete."""

        ERROR: Final = "error"
        """The request failed; the label ``error_type`` has the reason."""

    class request_type:
        """Values of the label ``request_type`` of ``REQUESTS_TOTAL``."""

        STREAM: Final = "stream"
        """The response came in parts."""

        UNARY: Final = "unary"
        """The response came in one piece."""

    class error_type:
        """Values of the label ``error_type`` of ``REQUESTS_TOTAL``."""

        NONE: Final = ""
        """No error. The empty value, which Prometheus treats as no label."""

        VALIDATION: Final = "validation"
        """The request is not valid (HTTP 400)."""

        NOT_FOUND: Final = "not_found"
        """There is no such model or resource (HTTP 404)."""

        OVERLOAD: Final = "overload"
        """Too many requests (HTTP 429 or 529)."""

        UNAVAILABLE: Final = "unavailable"
        """No worker can serve the request (HTTP 503)."""

        CANCELLED: Final = "cancelled"
        """Cancelled by the client or by a timeout."""

        RESPONSE_TIMEOUT: Final = "response_timeout"
        """The worker took the request and fell silent."""

        FIRST_TOKEN_TIMEOUT: Final = "first_token_timeout"
        """The first token did not come in time."""

        INTRA_TOKEN_TIMEOUT: Final = "intra_token_timeout"
        """A later token did not come in time."""

        INTERNAL: Final = "internal"
        """An error that no other value names (HTTP 500)."""

        NOT_IMPLEMENTED: Final = "not_implemented"
        """The request asks for something that does not exist yet (HTTP 501)."""

        BACKEND_ERROR: Final = "backend_error"
        """The engine ended the response with an error."""

        TRUNCATED_STREAM: Final = "truncated_stream"
        """The response ended without a reason given."""


class frontend_perf:
    """A request's stages in the frontend, and its event loop. Prefix: ``name_prefix.FRONTEND``."""

    STAGE_DURATION_SECONDS: Final = "stage_duration_seconds"
    """Histogram by stage: seconds spent in it."""

    STAGE_REQUESTS: Final = "stage_requests"
    """Gauge by stage and phase: requests in it now."""

    STAGE_PREPROCESS: Final = "preprocess"
    """Value of the label ``stage``: templates, tokenizing and checks."""

    STAGE_ROUTE: Final = "route"
    """Value of the label ``stage``: the choice of a worker."""

    STAGE_DISPATCH: Final = "dispatch"
    """Value of the label ``stage``: the request goes to the worker."""

    TOKENIZE_SECONDS: Final = "tokenize_seconds"
    """Histogram: seconds to tokenize a prompt."""

    TEMPLATE_SECONDS: Final = "template_seconds"
    """Histogram: seconds to fill in the chat template."""

    TOKENIZER_CACHE_HITS_TOTAL: Final = "tokenizer_cache_hits_total"
    """Counter: look-ups that the tokenizer's cache answered."""

    TOKENIZER_CACHE_MISSES_TOTAL: Final = "tokenizer_cache_misses_total"
    """Counter: look-ups that the tokenizer's cache could not answer."""

    TOKENIZER_CACHE_CACHED_TOKENS_TOTAL: Final = "tokenizer_cache_cached_tokens_total"
    """Counter by model: tokens that came from the tokenizer's cache."""

    TOKENIZER_CACHE_UNCACHED_TOKENS_TOTAL: Final = "tokenizer_cache_uncached_tokens_total"
    """Counter by model: tokens that had to be made in spite of the tokenizer's cache."""

    DETOKENIZE_PER_TOKEN_US: Final = "detokenize_per_token_us"
    """Microseconds to detokenize one token. Replaced by the next two."""

    DETOKENIZE_TOTAL_US: Final = "detokenize_total_us"
    """Counter: microseconds spent on detokenizing. Over ``DETOKENIZE_TOKEN_COUNT``, the mean."""

    DETOKENIZE_TOKEN_COUNT: Final = "detokenize_token_count"
    """Counter: tokens detokenized."""

    EVENT_LOOP_DELAY_SECONDS: Final = "event_loop_delay_seconds"
    """Histogram: seconds by which a timer of 10 ms comes late in the event loop."""

    EVENT_LOOP_STALL_TOTAL: Final = "event_loop_stall_total"
    """Counter: such delays beyond 5 ms."""


class router:
    """Routers, as the component ``router``. Prefix: ``name_prefix.COMPONENT``."""

    REQUESTS_STARTED_TOTAL: Final = "router_requests_started_total"
    """Counter: requests taken into the schedule."""

    REQUESTS_TOTAL: Final = "router_requests_total"
    """Counter: requests routed."""

    REMOTE_INDEXER_QUERY_FAILURES_TOTAL: Final = "router_remote_indexer_query_failures_total"
    """Counter: failed questions to a remote indexer about overlaps."""

    REMOTE_INDEXER_WRITE_FAILURES_TOTAL: Final = "router_remote_indexer_write_failures_total"
    """Counter: routing decisions that could not be sent to a remote indexer."""

    KV_EVENT_SOURCE_MISMATCH_WORKERS: Final = "router_kv_event_source_mismatch_workers"
    """Gauge: workers that should publish KV events but have no endpoint to ask for them."""

    TIME_TO_FIRST_TOKEN_SECONDS: Final = "router_time_to_first_token_seconds"
    """Histogram: seconds to the first token, seen from the router."""

    INTER_TOKEN_LATENCY_SECONDS: Final = "router_inter_token_latency_seconds"
    """Histogram: a request's mean seconds between tokens, seen from the router."""

    INPUT_SEQUENCE_TOKENS: Final = "router_input_sequence_tokens"
    """Histogram: tokens of a request's prompt."""

    OUTPUT_SEQUENCE_TOKENS: Final = "router_output_sequence_tokens"
    """Histogram: tokens of a response."""

    KV_HIT_RATE: Final = "router_kv_hit_rate"
    """Histogram: share of the prompt the router expects in the worker's KV cache, 0 to 1."""

    KV_BEST_ELIGIBLE_CACHED_PREFIX_TOKENS_TOTAL: Final = (
        "router_kv_best_eligible_cached_prefix_tokens_total"
    )
    """Counter: prompt tokens cached by the worker that has most of them."""

    KV_SELECTED_CACHED_PREFIX_TOKENS_TOTAL: Final = "router_kv_selected_cached_prefix_tokens_total"
    """Counter: prompt tokens cached by the worker that was selected."""

    KV_WORKER_REUSED_TOKENS_TOTAL: Final = "router_kv_worker_reused_tokens_total"
    """Counter: prompt tokens that workers report as reused from their cache."""

    SHARED_CACHE_HIT_RATE: Final = "router_shared_cache_hit_rate"
    """Histogram: share of a request's blocks found in the shared cache, 0 to 1."""

    SHARED_CACHE_BEYOND_BLOCKS: Final = "router_shared_cache_beyond_blocks"
    """Histogram: blocks in the shared cache that the chosen worker does not have itself."""

    NON_MAX_OVERLAP_SELECTIONS_TOTAL: Final = "router_non_max_overlap_selections_total"
    """Counter: selected workers that had less overlap than another eligible one."""

    OVERLAP_BLOCKS_LOST: Final = "router_overlap_blocks_lost"
    """Histogram: blocks of overlap that such a selection gave up."""

    WORKER_REGISTERED: Final = "router_worker_registered"
    """Gauge by worker and rank: 1 while the router knows it."""


class router_request:
    """How the frontend's names become the router's. Prefix: ``name_prefix.COMPONENT``."""

    METRIC_PREFIX: Final = "router_"
    """Goes before a name of ``frontend_service``: ``requests_total`` becomes
    ``router_requests_total``.
    """


class routing_overhead:
    """The phases of a routing decision, by ``router_id``. Prefix: ``name_prefix.ROUTER``."""

    BLOCK_HASHING_MS: Final = "overhead_block_hashing_ms"
    """Histogram: milliseconds to hash the prompt's blocks."""

    INDEXER_FIND_MATCHES_MS: Final = "overhead_indexer_find_matches_ms"
    """Histogram: milliseconds to find the workers that hold them."""

    SEQ_HASHING_MS: Final = "overhead_seq_hashing_ms"
    """Histogram: milliseconds to hash the sequence."""

    SCHEDULING_MS: Final = "overhead_scheduling_ms"
    """Histogram: milliseconds to choose a worker."""

    TOTAL_MS: Final = "overhead_total_ms"
    """Histogram: milliseconds for the whole decision."""

    SHARED_CACHE_QUERY_MS: Final = "overhead_shared_cache_query_ms"
    """Histogram: milliseconds to ask the shared KV cache."""

    SHARED_CACHE_ERRORS_TOTAL: Final = "shared_cache_errors_total"
    """Counter: questions to the shared KV cache that failed or came too late."""


class kvrouter:
    """The index of the workers' KV caches. Prefix: ``name_prefix.COMPONENT``."""

    KV_CACHE_EVENTS_APPLIED: Final = "kv_cache_events_applied"
    """Counter by event type and status: KV cache events taken into the index."""


class kvindexer:
    """The KV indexer as an HTTP service. Prefix: ``name_prefix.KVINDEXER``."""

    REQUEST_DURATION_SECONDS: Final = "request_duration_seconds"
    """Histogram: seconds to answer a request."""

    REQUESTS_TOTAL: Final = "requests_total"
    """Counter: requests."""

    ERRORS_TOTAL: Final = "errors_total"
    """Counter: answers with an HTTP status of 400 or more."""

    MODELS: Final = "models"
    """Gauge: indexers in use, one for each model and tenant."""

    WORKERS: Final = "workers"
    """Gauge: workers registered."""


class kv_publisher:
    """KV cache events on their way out of a worker. Prefix: ``name_prefix.COMPONENT``."""

    ENGINES_DROPPED_EVENTS_TOTAL: Final = "kv_publisher_engines_dropped_events_total"
    """Counter: events lost inside the engine, seen as gaps in their ids."""

    ZMQ_EVENTS_TOTAL: Final = "kv_publisher_zmq_events_total"
    """Counter by stage and event type: events seen by the ZMQ relay."""

    ZMQ_FILTERED_EVENTS_TOTAL: Final = "kv_publisher_zmq_filtered_events_total"
    """Counter by event type and reason: events the relay dropped before it converted them."""

    ZMQ_CONVERSION_ISSUES_TOTAL: Final = "kv_publisher_zmq_conversion_issues_total"
    """Counter by event type and reason: events the relay could not convert."""

    ZMQ_SUSPICIOUS_EVENTS_TOTAL: Final = "kv_publisher_zmq_suspicious_events_total"
    """Counter by event type and reason: odd events that the relay passed on all the same."""


class kvstats:
    """A worker's KV cache. Prefix: ``name_prefix.COMPONENT``.

    Dynamo 0.8 had other values for two of these: see ``kvstats_legacy``.
    """

    TOTAL_BLOCKS: Final = "total_blocks"
    """Gauge: KV cache blocks the worker has."""

    GPU_CACHE_USAGE_PERCENT: Final = "gpu_cache_usage_percent"
    """Gauge: share of the KV cache in use, 0 to 1 in spite of the name."""

    KV_CACHE_HIT_RATE: Final = "kv_cache_hit_rate"
    """Gauge: share of prompt tokens found in the prefix cache, 0 to 1."""

    PREFIX: Final = "kvstats_"
    """The prefix of these names up to Dynamo 0.8; they include it."""

    ACTIVE_BLOCKS: Final = "kvstats_active_blocks"
    """Gauge: KV cache blocks in use. Up to Dynamo 0.8."""

    GPU_PREFIX_CACHE_HIT_RATE: Final = "kvstats_gpu_prefix_cache_hit_rate"
    """Gauge: share of prompt tokens found in the prefix cache, 0 to 1. Up to Dynamo 0.8."""


class kvstats_legacy:
    """A worker's KV cache, as Dynamo 0.7 and 0.8 named it. Prefix: ``name_prefix.COMPONENT``."""

    PREFIX: Final = "kvstats_"
    """The prefix of these names; they include it."""

    ACTIVE_BLOCKS: Final = "kvstats_active_blocks"
    """Gauge: KV cache blocks in use."""

    TOTAL_BLOCKS: Final = "kvstats_total_blocks"
    """Gauge: KV cache blocks the worker has."""

    GPU_CACHE_USAGE_PERCENT: Final = "kvstats_gpu_cache_usage_percent"
    """Gauge: share of the KV cache in use, 0 to 1 in spite of the name."""

    GPU_PREFIX_CACHE_HIT_RATE: Final = "kvstats_gpu_prefix_cache_hit_rate"
    """Gauge: share of prompt tokens found in the prefix cache, 0 to 1."""


class model_info:
    """The model a worker has loaded. Prefix: ``name_prefix.COMPONENT``."""

    LOAD_TIME_SECONDS: Final = "model_load_time_seconds"
    """Gauge: seconds it took to load the model."""


class lifecycle:
    """The end of a worker. Prefix: ``name_prefix.COMPONENT``."""

    CLEANUP_TIME_SECONDS: Final = "cleanup_time_seconds"
    """Gauge: seconds that the engine needed to release its resources."""

    DRAIN_TIME_SECONDS: Final = "drain_time_seconds"
    """Gauge: seconds that the drain took."""


class kvbm:
    """The KV block manager, which moves blocks between device, host, disk and object storage.

    In its names these are ``d``, ``h``, ``d`` (the second one) and ``o``.
    """

    OFFLOAD_BLOCKS_D2H: Final = "offload_blocks_d2h"
    """Blocks moved from device to host."""

    OFFLOAD_BLOCKS_H2D: Final = "offload_blocks_h2d"
    """Blocks moved from host to disk."""

    OFFLOAD_BLOCKS_D2D: Final = "offload_blocks_d2d"
    """Blocks moved from device to disk, past the host's memory."""

    ONBOARD_BLOCKS_H2D: Final = "onboard_blocks_h2d"
    """Blocks brought back from host to device."""

    ONBOARD_BLOCKS_D2D: Final = "onboard_blocks_d2d"
    """Blocks brought back from disk to device."""

    MATCHED_TOKENS: Final = "matched_tokens"
    """Prompt tokens found in some cache."""

    HOST_CACHE_HIT_RATE: Final = "host_cache_hit_rate"
    """Share of look-ups answered by the host's cache, 0 to 1, over a sliding window."""

    DISK_CACHE_HIT_RATE: Final = "disk_cache_hit_rate"
    """Share of look-ups answered by the disk's cache, 0 to 1, over a sliding window."""

    OBJECT_CACHE_HIT_RATE: Final = "object_cache_hit_rate"
    """Share of look-ups answered by object storage, 0 to 1, over a sliding window."""

    OFFLOAD_BLOCKS_D2O: Final = "offload_blocks_d2o"
    """Blocks moved from device to object storage."""

    ONBOARD_BLOCKS_O2D: Final = "onboard_blocks_o2d"
    """Blocks brought back from object storage to device."""

    OFFLOAD_BYTES_OBJECT: Final = "offload_bytes_object"
    """Bytes moved to object storage."""

    ONBOARD_BYTES_OBJECT: Final = "onboard_bytes_object"
    """Bytes brought back from object storage."""

    OBJECT_READ_FAILURES: Final = "object_read_failures"
    """Blocks that could not be read from object storage."""

    OBJECT_WRITE_FAILURES: Final = "object_write_failures"
    """Blocks that could not be written to object storage."""


class kvbm_connector:
    """The two sides of the KV block manager, as component names. Before Dynamo 0.7."""

    KVBM_CONNECTOR_LEADER: Final = "kvbm_connector_leader"
    """The side that plans."""

    KVBM_CONNECTOR_WORKER: Final = "kvbm_connector_worker"
    """The side that moves blocks."""


class task_tracker:
    """Background tasks, counted through their life."""

    TASKS_ISSUED_TOTAL: Final = "tasks_issued_total"
    """Counter: tasks handed in."""

    TASKS_STARTED_TOTAL: Final = "tasks_started_total"
    """Counter: tasks that began to run."""

    TASKS_SUCCESS_TOTAL: Final = "tasks_success_total"
    """Counter: tasks that ended well."""

    TASKS_CANCELLED_TOTAL: Final = "tasks_cancelled_total"
    """Counter: tasks cancelled."""

    TASKS_FAILED_TOTAL: Final = "tasks_failed_total"
    """Counter: tasks that ended with an error."""

    TASKS_REJECTED_TOTAL: Final = "tasks_rejected_total"
    """Counter: tasks turned away before they ran."""


class tokio_perf:
    """The tokio runtime. Prefix: ``name_prefix.TOKIO``."""

    WORKER_MEAN_POLL_TIME_NS: Final = "worker_mean_poll_time_ns"
    """Gauge by worker thread: mean nanoseconds of a task's poll."""

    GLOBAL_QUEUE_DEPTH: Final = "global_queue_depth"
    """Gauge: tasks in the queue that all worker threads share."""

    BUDGET_FORCED_YIELD_TOTAL: Final = "budget_forced_yield_total"
    """Counter: tasks made to yield because they had used up their budget."""

    WORKER_BUSY_RATIO: Final = "worker_busy_ratio"
    """Gauge by worker thread: share of its time spent on tasks, 0 to 1."""

    WORKER_PARK_COUNT_TOTAL: Final = "worker_park_count_total"
    """Counter by worker thread: times it went to sleep for want of tasks."""

    WORKER_LOCAL_QUEUE_DEPTH: Final = "worker_local_queue_depth"
    """Gauge by worker thread: tasks in its own queue."""

    WORKER_STEAL_COUNT_TOTAL: Final = "worker_steal_count_total"
    """Counter by worker thread: tasks taken from another one's queue."""

    WORKER_OVERFLOW_COUNT_TOTAL: Final = "worker_overflow_count_total"
    """Counter by worker thread: times its own queue ran over into the shared one."""

    QUEUE_OVERLOAD_WARNINGS_TOTAL: Final = "queue_overload_warnings_total"
    """Counter: warnings about queues that are too long."""

    BLOCKING_THREADS: Final = "blocking_threads"
    """Gauge: threads for blocking calls."""

    BLOCKING_IDLE_THREADS: Final = "blocking_idle_threads"
    """Gauge: such threads without work."""

    BLOCKING_QUEUE_DEPTH: Final = "blocking_queue_depth"
    """Gauge: blocking calls that wait for a thread."""

    ALIVE_TASKS: Final = "alive_tasks"
    """Gauge: tasks that have not ended."""


class request_plane:
    """Requests between the frontend and a worker. Prefix: ``name_prefix.REQUEST_PLANE``."""

    QUEUE_SECONDS: Final = "queue_seconds"
    """Histogram: seconds until a request is encoded and ready to be sent."""

    SEND_SECONDS: Final = "send_seconds"
    """Histogram: seconds until the worker has confirmed a request."""

    ROUNDTRIP_TTFT_SECONDS: Final = "roundtrip_ttft_seconds"
    """Histogram: seconds from the sending to the first item of the response."""

    INFLIGHT: Final = "inflight"
    """Gauge: requests in flight; an early name of ``INFLIGHT_REQUESTS``."""

    INFLIGHT_REQUESTS: Final = "inflight_requests"
    """Gauge: requests in flight."""


class transport:
    """The transports. Prefix: ``name_prefix.TRANSPORT``."""

    class tcp:
        """Requests over plain TCP."""

        POOL_ACTIVE: Final = "tcp_pool_active"
        """Gauge: connections in use."""

        POOL_IDLE: Final = "tcp_pool_idle"
        """Gauge: connections kept for later use."""

        BYTES_SENT_TOTAL: Final = "tcp_bytes_sent_total"
        """Counter: bytes sent."""

        BYTES_RECEIVED_TOTAL: Final = "tcp_bytes_received_total"
        """Counter: bytes received."""

        ERRORS_TOTAL: Final = "tcp_errors_total"
        """Counter: errors of the connections and the protocol."""

        SERVER_QUEUE_DEPTH: Final = "tcp_server_queue_depth"
        """Gauge: requests the server has read and not yet handed on."""

        ACCEPT_BACKOFF_TOTAL: Final = "tcp_accept_backoff_total"
        """Counter: failed accepts after which the server paused for want of resources."""

    class nats:
        """Requests over NATS."""

        ERRORS_TOTAL: Final = "nats_errors_total"
        """Counter: errors of the connection and the protocol."""


class nats_client:
    """The connection to NATS, as Dynamo 0.7 showed it. Prefix: ``name_prefix.COMPONENT``."""

    PREFIX: Final = "nats_client_"
    """The prefix of these names; they include it."""

    IN_TOTAL_BYTES: Final = "nats_client_in_total_bytes"
    """Bytes received."""

    OUT_OVERHEAD_BYTES: Final = "nats_client_out_overhead_bytes"
    """Bytes sent that are protocol, not payload."""

    IN_MESSAGES: Final = "nats_client_in_messages"
    """Messages received."""

    OUT_MESSAGES: Final = "nats_client_out_messages"
    """Messages sent."""

    CONNECTS: Final = "nats_client_connects"
    """Connections opened; before Dynamo 0.7."""

    CURRENT_CONNECTIONS: Final = "nats_client_current_connections"
    """Open connections; named ``CONNECTS`` before Dynamo 0.7."""

    CONNECTION_STATE: Final = "nats_client_connection_state"
    """Gauge: 0 disconnected, 1 connected, 2 reconnecting."""


class nats_service:
    """A component's NATS services, from ``$SRV.STATS``. Prefix: ``name_prefix.COMPONENT``.

    Dynamo 0.7 showed them and gave four of them new names; both are here.
    """

    PREFIX: Final = "nats_service_"
    """The prefix of these names; they include it."""

    AVG_PROCESSING_MS: Final = "nats_service_avg_processing_time_ms"
    """Mean milliseconds to handle a request; before Dynamo 0.7."""

    PROCESSING_MS_AVG: Final = "nats_service_processing_ms_avg"
    """Mean milliseconds to handle a request."""

    TOTAL_ERRORS: Final = "nats_service_total_errors"
    """Requests that failed; before Dynamo 0.7."""

    ERRORS_TOTAL: Final = "nats_service_errors_total"
    """Requests that failed."""

    TOTAL_REQUESTS: Final = "nats_service_total_requests"
    """Requests handled; before Dynamo 0.7."""

    REQUESTS_TOTAL: Final = "nats_service_requests_total"
    """Requests handled."""

    TOTAL_PROCESSING_MS: Final = "nats_service_total_processing_time_ms"
    """Milliseconds spent on requests, in all; before Dynamo 0.7."""

    PROCESSING_MS_TOTAL: Final = "nats_service_processing_ms_total"
    """Milliseconds spent on requests, in all."""

    ACTIVE_SERVICES: Final = "nats_service_active_services"
    """Gauge: services that answer."""

    ACTIVE_ENDPOINTS: Final = "nats_service_active_endpoints"
    """Gauge: endpoints of these services."""


class trtllm_additional:
    """Metrics of TensorRT-LLM workers beside those of the engine. These are full names."""

    NUM_ABORTED_REQUESTS_TOTAL: Final = "trtllm_num_aborted_requests_total"
    """Counter: requests aborted or cancelled."""

    REQUEST_TYPE_IMAGE_TOTAL: Final = "trtllm_request_type_image_total"
    """Counter: requests with images."""

    REQUEST_TYPE_STRUCTURED_OUTPUT_TOTAL: Final = "trtllm_request_type_structured_output_total"
    """Counter: requests whose output has a prescribed structure."""

    KV_TRANSFER_SUCCESS_TOTAL: Final = "trtllm_kv_transfer_success_total"
    """Counter: KV cache transfers that succeeded."""

    KV_TRANSFER_LATENCY_SECONDS: Final = "trtllm_kv_transfer_latency_seconds"
    """Histogram: seconds of a request's KV cache transfer."""

    KV_TRANSFER_BYTES: Final = "trtllm_kv_transfer_bytes"
    """Histogram: bytes of a request's KV cache transfer."""

    KV_TRANSFER_SPEED_GB_S: Final = "trtllm_kv_transfer_speed_gb_s"
    """Histogram: gigabytes a second of a request's KV cache transfer."""

    KV_EVENT_BUFFER_CAPACITY: Final = "trtllm_kv_event_buffer_capacity"
    """Gauge: KV events the engine keeps before it drops the oldest."""

    KV_EVENT_DRAIN_BATCH_SIZE: Final = "trtllm_kv_event_drain_batch_size"
    """KV events that one poll of the engine returned."""

    KV_EVENT_ID_GAP_EVENTS_TOTAL: Final = "trtllm_kv_event_id_gap_events_total"
    """Counter: KV events that are missing, by the gaps in their ids."""


KVSTATS_METRICS: Final = (
    kvstats_legacy.ACTIVE_BLOCKS,
    kvstats_legacy.TOTAL_BLOCKS,
    kvstats_legacy.GPU_CACHE_USAGE_PERCENT,
    kvstats_legacy.GPU_PREFIX_CACHE_HIT_RATE,
)
"""All metrics of ``kvstats_legacy``."""

DRT_NATS_METRICS: Final = (
    nats_client.CONNECTION_STATE,
    nats_client.CURRENT_CONNECTIONS,
    nats_client.IN_TOTAL_BYTES,
    nats_client.IN_MESSAGES,
    nats_client.OUT_OVERHEAD_BYTES,
    nats_client.OUT_MESSAGES,
)
"""All metrics of ``nats_client`` that Dynamo 0.7 shows."""

COMPONENT_NATS_METRICS: Final = (
    nats_service.PROCESSING_MS_AVG,
    nats_service.ERRORS_TOTAL,
    nats_service.REQUESTS_TOTAL,
    nats_service.PROCESSING_MS_TOTAL,
    nats_service.ACTIVE_SERVICES,
    nats_service.ACTIVE_ENDPOINTS,
)
"""All metrics of ``nats_service`` that Dynamo 0.7 shows."""


def sanitize_prometheus_name(raw: str) -> str:
    """Make a valid metric name of ``raw``.

    Each character outside ``[a-zA-Z0-9_:]`` becomes one ``_``; a digit or colon in front gets a
    ``_`` before it. What is valid already stays as it is, a leading ``__`` too.

    Raises ``ValueError`` if nothing but underscores would be left, as of an empty text.
    """
    return _replace(raw, "metric", r"[^a-zA-Z0-9_:]", "ASCII letter, digit or colon")


def sanitize_prometheus_label(raw: str) -> str:
    """Make a valid label name of ``raw``.

    Each character outside ``[a-zA-Z0-9_]`` becomes one ``_``; a digit in front gets a ``_`` before
    it. Two leading underscores, which Prometheus keeps for itself, are dropped, of more one stays,
    and a digit they leave in front gets its ``_``: ``__a`` becomes ``a``, ``___a`` and ``@@@a``
    become ``_a``, ``__1`` becomes ``_1``. (Dynamo makes ``__a`` of ``___a``.) For names only: label
    values may be any text.

    Raises ``ValueError`` if nothing but underscores would be left, as of an empty text.
    """
    name = _replace(raw, "label", r"[^a-zA-Z0-9_]", "ASCII letter or digit")
    if not name.startswith("__"):
        return name
    rest = name[2:]
    return rest if re.match("[a-zA-Z]", rest) else "_" + rest.lstrip("_")


def sanitize_frontend_prometheus_prefix(raw: str) -> str:
    """Make a valid prefix for the frontend's metrics of ``raw``.

    ``raw`` is the value of ``DYN_METRICS_PREFIX``. As ``sanitize_prometheus_name``, but
    ``name_prefix.FRONTEND`` if nothing can be made of it.
    """
    try:
        return sanitize_prometheus_name(raw)
    except ValueError:
        return name_prefix.FRONTEND


def build_component_metric_name(name: str) -> str:
    """Return the full name of a component's metric.

    That is ``name_prefix.COMPONENT``, ``_``, and ``name`` made valid by itself, so that ``1st``
    gives ``dynamo_component__1st``. A prefix that ``name`` has already is not recognised.

    Raises ``ValueError`` if no valid name can be made of ``name``.
    """
    return f"{name_prefix.COMPONENT}_{sanitize_prometheus_name(name)}"


def _replace(raw: str, kind: str, not_allowed: str, needed: str) -> str:
    name = re.sub(not_allowed, "_", raw)
    if not name.strip("_"):
        raise ValueError(
            f"{_quote(raw)} cannot be part of a {kind} name: it has no {needed}; add one"
        )
    return name if re.match("[a-zA-Z_]", name) else f"_{name}"


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _quote(text: str) -> str:
    """Quote a text as the native core's messages do: on one line, with what is not seen escaped."""
    shown = (_ESCAPES.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in text)
    return f'"{"".join(shown)}"'

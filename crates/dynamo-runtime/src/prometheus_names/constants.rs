//! Generated from `dynamo_metrics/prometheus_names.py` by `make names`: change that file.

pub mod name_prefix {
    //! The prefixes of full metric names, by the part of the system that owns the metric.

    /// Components and the endpoints they serve.
    pub const COMPONENT: &str = "dynamo_component";
    /// The HTTP frontend; `DYN_METRICS_PREFIX` replaces it.
    pub const FRONTEND: &str = "dynamo_frontend";
    /// Routers; their series carry the label `router_id`.
    pub const ROUTER: &str = "dynamo_router";
    /// The tokio runtime below the frontend.
    pub const TOKIO: &str = "dynamo_tokio";
    /// The KV indexer as a service of its own.
    pub const KVINDEXER: &str = "dynamo_kvindexer";
    /// Requests on their way to a worker, on every transport.
    pub const REQUEST_PLANE: &str = "dynamo_request_plane";
    /// One transport: bytes, connections, protocol errors.
    pub const TRANSPORT: &str = "dynamo_transport";
    /// The queue and the pool that hand requests to a worker's handler.
    pub const WORK_HANDLER: &str = "dynamo_work_handler";
    /// Requests turned away before any work was done.
    pub const REJECTION: &str = "dynamo_rejection";
    /// The phases of a routing decision.
    pub const ROUTING_OVERHEAD: &str = "dynamo_routing_overhead";
    /// The metrics of this runtime itself, which Dynamo does not have.
    pub const RUNTIME: &str = "dynamo_runtime";
}

pub mod labels {
    //! Label names. Metrics get the first three by their place in the hierarchy.

    /// The component's name, as given.
    pub const COMPONENT: &str = "dynamo_component";
    /// The namespace's name, as given; the names of nested ones joined by dots.
    pub const NAMESPACE: &str = "dynamo_namespace";
    /// The endpoint's name, as given.
    pub const ENDPOINT: &str = "dynamo_endpoint";
    /// The number of a process among those that share a directory; small numbers are reused.
    pub const PROCESS: &str = "dynamo_process";
    /// A worker's data-parallel rank, from 0.
    pub const DP_RANK: &str = "dp_rank";
    /// The instance id of a worker in discovery, in hexadecimal.
    pub const WORKER_ID: &str = "worker_id";
    /// The model's name or path, under the name that OpenAI's API has for it.
    pub const MODEL: &str = "model";
    /// The model's name or path, under the name that vLLM and other engines have for it.
    pub const MODEL_NAME: &str = "model_name";
    /// The role of a worker: `aggregated`, `prefill`, `decode` or `encode`.
    pub const WORKER_TYPE: &str = "worker_type";
    /// The instance id in discovery of the frontend that routes.
    pub const ROUTER_ID: &str = "router_id";
}

pub mod component_names {
    //! Component names with a fixed meaning, as values of the label `dynamo_component`.

    /// The router that places requests by their KV cache overlap.
    pub const ROUTER: &str = "router";
}

pub mod distributed_runtime {
    //! The runtime itself. Prefix: [`super::name_prefix::COMPONENT`].

    /// Gauge: seconds since the runtime was made.
    pub const UPTIME_SECONDS: &str = "uptime_seconds";
}

pub mod process {
    //! The process, as the client libraries of Prometheus show it. Full names.

    /// Counter: seconds of user and system CPU time.
    pub const CPU_SECONDS_TOTAL: &str = "process_cpu_seconds_total";
    /// Gauge: bytes of virtual memory.
    pub const VIRTUAL_MEMORY_BYTES: &str = "process_virtual_memory_bytes";
    /// Gauge: bytes of resident memory.
    pub const RESIDENT_MEMORY_BYTES: &str = "process_resident_memory_bytes";
    /// Gauge: when the process was started, in seconds since 1970.
    pub const START_TIME_SECONDS: &str = "process_start_time_seconds";
    /// Gauge: open file descriptors.
    pub const OPEN_FDS: &str = "process_open_fds";
    /// Gauge: the most file descriptors that may be open.
    pub const MAX_FDS: &str = "process_max_fds";
}

pub mod python_gc {
    //! Python's garbage collector, as prometheus_client shows it. Full names.

    /// Counter by `generation`: collections.
    pub const COLLECTIONS_TOTAL: &str = "python_gc_collections_total";
    /// Counter by `generation`: objects collected.
    pub const OBJECTS_COLLECTED_TOTAL: &str = "python_gc_objects_collected_total";
    /// Counter by `generation`: objects found that cannot be collected.
    pub const OBJECTS_UNCOLLECTABLE_TOTAL: &str = "python_gc_objects_uncollectable_total";
    /// The label of the generation: `0`, `1`, `2`.
    pub const GENERATION_LABEL: &str = "generation";
}

pub mod runtime_metrics {
    //! Callbacks and scrapes; Dynamo has no such metrics. Prefix: [`super::name_prefix::RUNTIME`].

    /// Counter: callbacks that raised an exception.
    pub const CALLBACK_ERRORS_TOTAL: &str = "callback_errors_total";
    /// Counter: callbacks that had not begun at the deadline of a scrape.
    pub const CALLBACK_NOT_REACHED_TOTAL: &str = "callback_not_reached_total";
    /// Counter: callbacks that did not finish before the deadline of a scrape.
    pub const CALLBACK_TIMEOUTS_TOTAL: &str = "callback_timeouts_total";
    /// Histogram: seconds by which the event loop ran a call late, sampled.
    pub const EVENT_LOOP_LAG_SECONDS: &str = "event_loop_lag_seconds";
    /// Histogram: seconds that a thread waited for Python's global interpreter lock, sampled.
    pub const GIL_WAIT_SECONDS: &str = "gil_wait_seconds";
    /// Gauge: processes that share the directory and are alive.
    pub const PROCESSES: &str = "processes";
    /// Gauge: duration of the last OTLP export in seconds, callbacks and retries included.
    pub const PUSH_DURATION_SECONDS: &str = "push_duration_seconds";
    /// Counter by `outcome`: OTLP exports; `success`, `partial` or `failure`.
    pub const PUSH_EXPORTS_TOTAL: &str = "push_exports_total";
    /// Counter: data points that the OTLP receiver rejected.
    pub const PUSH_REJECTED_POINTS_TOTAL: &str = "push_rejected_points_total";
    /// Counter: OTLP requests that were sent again.
    pub const PUSH_RETRIES_TOTAL: &str = "push_retries_total";
    /// Counter by `metric` and `reason`: updates that changed nothing, such as those by NaN.
    pub const REJECTED_UPDATES_TOTAL: &str = "rejected_updates_total";
    /// Gauge: duration of the last scrape in seconds, callbacks included.
    pub const SCRAPE_DURATION_SECONDS: &str = "scrape_duration_seconds";
    /// Counter by `metric`: updates counted in the overflow series of a metric at its limit.
    pub const SERIES_OVERFLOW_TOTAL: &str = "series_overflow_total";
    /// Gauge: metrics of processes that differ from the newest metric of the name and are hidden.
    pub const SHARED_CONFLICTS: &str = "shared_conflicts";
    /// Counter: damaged or unknown files in the shared directory.
    pub const SHARED_FILES_REFUSED_TOTAL: &str = "shared_files_refused_total";
    /// Counter: families dropped from external expositions.
    pub const TEXT_DROPPED_FAMILIES_TOTAL: &str = "text_dropped_families_total";
    /// Counter: series and samples dropped from external expositions.
    pub const TEXT_DROPPED_SERIES_TOTAL: &str = "text_dropped_series_total";
    /// Counter by `reason`: parts dropped from external expositions.
    pub const TEXT_DROPPED_TOTAL: &str = "text_dropped_total";
}

pub mod work_handler {
    //! Requests as a worker's endpoint sees them. Prefix: [`super::name_prefix::COMPONENT`].
    //!
    //! The metrics of the queue and the pool have the prefix [`super::name_prefix::WORK_HANDLER`].

    /// Counter: requests handled, with any outcome.
    pub const REQUESTS_TOTAL: &str = "requests_total";
    /// Counter: bytes of the requests received.
    pub const REQUEST_BYTES_TOTAL: &str = "request_bytes_total";
    /// Counter: bytes of the responses sent.
    pub const RESPONSE_BYTES_TOTAL: &str = "response_bytes_total";
    /// Gauge: requests in the handler now.
    pub const INFLIGHT_REQUESTS: &str = "inflight_requests";
    /// Histogram: seconds from a request's arrival to the end of its response.
    pub const REQUEST_DURATION_SECONDS: &str = "request_duration_seconds";
    /// Counter by [`ERROR_TYPE_LABEL`]: requests that failed.
    pub const ERRORS_TOTAL: &str = "errors_total";
    /// Counter: requests that the client cancelled, by a message or by disconnecting.
    pub const CANCELLATION_TOTAL: &str = "cancellation_total";
    /// Histogram: seconds from the frontend's send to the arrival here, by both hosts' clocks.
    pub const NETWORK_TRANSIT_SECONDS: &str = "network_transit_seconds";
    /// Histogram: seconds from a request's arrival to the first item of its response.
    pub const TIME_TO_FIRST_RESPONSE_SECONDS: &str = "time_to_first_response_seconds";
    /// Gauge: requests in the queue before the pool.
    pub const QUEUE_DEPTH: &str = "queue_depth";
    /// Gauge: how many requests that queue holds.
    pub const QUEUE_CAPACITY: &str = "queue_capacity";
    /// Counter: requests that found the queue closed; a full one makes them wait instead.
    pub const ENQUEUE_REJECTED_TOTAL: &str = "enqueue_rejected_total";
    /// Histogram: seconds a request waits for a place in the pool.
    pub const PERMIT_WAIT_SECONDS: &str = "permit_wait_seconds";
    /// Gauge: places of the pool in use.
    pub const POOL_ACTIVE_TASKS: &str = "pool_active_tasks";
    /// Gauge: places the pool has.
    pub const POOL_CAPACITY: &str = "pool_capacity";
    /// The label of the reason of a failed request; its values are [`error_types`].
    pub const ERROR_TYPE_LABEL: &str = "error_type";
    pub mod error_types {
        //! Values of `ERROR_TYPE_LABEL`.

        /// The request could not be decoded.
        pub const DESERIALIZATION: &str = "deserialization";
        /// The message is not a request.
        pub const INVALID_MESSAGE: &str = "invalid_message";
        /// No stream for the response could be opened.
        pub const RESPONSE_STREAM: &str = "response_stream";
        /// The handler raised an exception.
        pub const GENERATE: &str = "generate";
        /// An item of the response could not be encoded.
        pub const SERIALIZATION: &str = "serialization";
        /// An item of the response could not be sent.
        pub const PUBLISH_RESPONSE: &str = "publish_response";
        /// The end of the response could not be sent.
        pub const PUBLISH_FINAL: &str = "publish_final";
    }
}

pub mod frontend_service {
    //! The HTTP frontend. Prefix: [`super::name_prefix::FRONTEND`] or `DYN_METRICS_PREFIX`.

    /// The environment variable that replaces the prefix `dynamo_frontend`.
    pub const METRICS_PREFIX_ENV: &str = "DYN_METRICS_PREFIX";
    /// Gauge: 1 while a worker that serves the model can be reached.
    pub const MODEL_READY: &str = "model_ready";
    /// Counter: requests answered, by status, request type and error type.
    pub const REQUESTS_TOTAL: &str = "requests_total";
    /// Counter: requests accepted.
    pub const REQUESTS_STARTED_TOTAL: &str = "requests_started_total";
    /// Counter: requests that failed for good.
    pub const FAILURES_TOTAL: &str = "failures_total";
    /// Gauge: requests accepted that have not had the first item of a response.
    pub const QUEUED_REQUESTS: &str = "queued_requests";
    /// Gauge: requests in flight; [`ACTIVE_REQUESTS`] is the clearer name.
    pub const INFLIGHT_REQUESTS: &str = "inflight_requests";
    /// Gauge: requests in flight, from acceptance to the end of the response.
    pub const ACTIVE_REQUESTS: &str = "active_requests";
    /// Gauge: clients that disconnected before their response was complete.
    pub const DISCONNECTED_CLIENTS: &str = "disconnected_clients";
    /// Histogram: seconds from a request's acceptance to the end of its response.
    pub const REQUEST_DURATION_SECONDS: &str = "request_duration_seconds";
    /// Histogram: tokens of a request's prompt.
    pub const INPUT_SEQUENCE_TOKENS: &str = "input_sequence_tokens";
    /// Histogram: tokens of a response.
    pub const OUTPUT_SEQUENCE_TOKENS: &str = "output_sequence_tokens";
    /// Histogram: prompt tokens found in the prefix cache; Dynamo 0.7's name of [`CACHED_TOKENS`].
    pub const CACHED_SEQUENCE_LENGTH: &str = "cached_sequence_length";
    /// Histogram: prompt tokens of a request that were found in the prefix cache.
    pub const CACHED_TOKENS: &str = "cached_tokens";
    /// Histogram: share of the prompt the router expects in the worker's KV cache, 0 to 1.
    pub const KV_HIT_RATE: &str = "kv_hit_rate";
    /// Counter: prompt tokens cached by the worker that has most of them.
    pub const KV_BEST_ELIGIBLE_CACHED_PREFIX_TOKENS_TOTAL: &str =
        "kv_best_eligible_cached_prefix_tokens_total";
    /// Counter: prompt tokens cached by the worker that was selected.
    pub const KV_SELECTED_CACHED_PREFIX_TOKENS_TOTAL: &str =
        "kv_selected_cached_prefix_tokens_total";
    /// Counter: prompt tokens that workers report as reused from their cache.
    pub const KV_WORKER_REUSED_TOKENS_TOTAL: &str = "kv_worker_reused_tokens_total";
    /// Histogram: at most how many seconds the KV cache took from a prefill to a decode worker.
    pub const KV_TRANSFER_ESTIMATED_LATENCY_SECONDS: &str = "kv_transfer_estimated_latency_seconds";
    /// Histogram: share of a request's blocks found in the shared cache, 0 to 1.
    pub const SHARED_CACHE_HIT_RATE: &str = "shared_cache_hit_rate";
    /// Histogram: blocks in the shared cache that the chosen worker does not have itself.
    pub const SHARED_CACHE_BEYOND_BLOCKS: &str = "shared_cache_beyond_blocks";
    /// Counter: selected workers that had less overlap than another eligible one.
    pub const NON_MAX_OVERLAP_SELECTIONS_TOTAL: &str = "non_max_overlap_selections_total";
    /// Histogram: blocks of overlap that such a selection gave up.
    pub const OVERLAP_BLOCKS_LOST: &str = "overlap_blocks_lost";
    /// Histogram by [`OPERATION_LABEL`]: milliseconds to tokenize or detokenize.
    pub const TOKENIZER_LATENCY_MS: &str = "tokenizer_latency_ms";
    /// Counter: tokens generated, counted as they come.
    pub const OUTPUT_TOKENS_TOTAL: &str = "output_tokens_total";
    /// Histogram: seconds from a request's acceptance to its first token.
    pub const TIME_TO_FIRST_TOKEN_SECONDS: &str = "time_to_first_token_seconds";
    /// Histogram: seconds between one token and the next.
    pub const INTER_TOKEN_LATENCY_SECONDS: &str = "inter_token_latency_seconds";
    /// Histogram: seconds for a whole embeddings request.
    pub const EMBEDDING_LATENCY_SECONDS: &str = "embedding_latency_seconds";
    /// Histogram: images in a request.
    pub const IMAGES_PER_REQUEST: &str = "images_per_request";
    /// Histogram: videos in a request.
    pub const VIDEOS_PER_REQUEST: &str = "videos_per_request";
    /// Histogram: audio parts in a request.
    pub const AUDIO_PER_REQUEST: &str = "audio_per_request";
    /// Histogram: placeholder tokens of the images in a request.
    pub const IMAGE_TOKENS_PER_REQUEST: &str = "image_tokens_per_request";
    /// Gauge: KV cache blocks of a worker that serves the model.
    pub const MODEL_TOTAL_KV_BLOCKS: &str = "model_total_kv_blocks";
    /// Gauge: sequences such a worker runs at a time, at most.
    pub const MODEL_MAX_NUM_SEQS: &str = "model_max_num_seqs";
    /// Gauge: tokens such a worker takes into one batch, at most.
    pub const MODEL_MAX_NUM_BATCHED_TOKENS: &str = "model_max_num_batched_tokens";
    /// Gauge: the model's context length in tokens.
    pub const MODEL_CONTEXT_LENGTH: &str = "model_context_length";
    /// Gauge: tokens in a KV cache block.
    pub const MODEL_KV_CACHE_BLOCK_SIZE: &str = "model_kv_cache_block_size";
    /// Gauge: how often a request may move to another worker.
    pub const MODEL_MIGRATION_LIMIT: &str = "model_migration_limit";
    /// Counter by [`MIGRATION_TYPE_LABEL`]: requests moved because their worker was lost.
    pub const MODEL_MIGRATION_TOTAL: &str = "model_migration_total";
    /// Histogram: seconds from the loss of a worker to the end of the migration.
    pub const MODEL_MIGRATION_DURATION_SECONDS: &str = "model_migration_duration_seconds";
    /// Counter: requests too long to be moved.
    pub const MODEL_MIGRATION_MAX_SEQ_LEN_EXCEEDED_TOTAL: &str =
        "model_migration_max_seq_len_exceeded_total";
    /// Counter: requests cancelled.
    pub const MODEL_CANCELLATION_TOTAL: &str = "model_cancellation_total";
    /// Counter: requests turned away for lack of resources.
    pub const MODEL_REJECTION_TOTAL: &str = "model_rejection_total";
    /// Counter by gate and model: requests turned away by an admission gate.
    pub const ADMISSION_REJECTION_TOTAL: &str = "admission_rejection_total";
    /// Gauge by gate: the limit of an admission gate that is switched on.
    pub const ADMISSION_GATE_LIMIT: &str = "admission_gate_limit";
    /// Gauge by worker: KV cache blocks in use for decoding.
    pub const WORKER_ACTIVE_DECODE_BLOCKS: &str = "worker_active_decode_blocks";
    /// Gauge by worker: prompt tokens that wait for their prefill.
    pub const WORKER_ACTIVE_PREFILL_TOKENS: &str = "worker_active_prefill_tokens";
    /// Gauge by worker and rank: requests that wait inside the engine.
    pub const WORKER_WAITING_REQUESTS: &str = "worker_waiting_requests";
    /// Gauge by worker: seconds to the first token of its latest request.
    pub const WORKER_LAST_TIME_TO_FIRST_TOKEN_SECONDS: &str =
        "worker_last_time_to_first_token_seconds";
    /// Gauge by worker: prompt tokens of that same request.
    pub const WORKER_LAST_INPUT_SEQUENCE_TOKENS: &str = "worker_last_input_sequence_tokens";
    /// Gauge by worker: seconds between its latest two tokens.
    pub const WORKER_LAST_INTER_TOKEN_LATENCY_SECONDS: &str =
        "worker_last_inter_token_latency_seconds";
    /// Gauge by worker type: requests in the router's queue.
    pub const ROUTER_QUEUE_PENDING_REQUESTS: &str = "router_queue_pending_requests";
    /// Gauge by LoRA adapter: replicas given to it.
    pub const LORA_REPLICA_FACTOR: &str = "lora_replica_factor";
    /// Gauge by LoRA adapter: 1 while it gets requests, otherwise 0.
    pub const LORA_IS_ACTIVE: &str = "lora_is_active";
    /// Gauge by LoRA adapter: requests in the time window, as estimated.
    pub const LORA_ESTIMATED_LOAD: &str = "lora_estimated_load";
    /// Gauge by LoRA adapter: requests in the time window, as counted.
    pub const LORA_RAW_ARRIVAL_COUNT: &str = "lora_raw_arrival_count";
    /// Gauge by LoRA adapter: requests in flight.
    pub const LORA_ACTIVE_REQUESTS: &str = "lora_active_requests";
    /// Adapters placed on a worker by the LoRA controller.
    pub const LORA_CHURN_LOADS_TOTAL: &str = "lora_churn_loads_total";
    /// Adapters taken off a worker by the LoRA controller.
    pub const LORA_CHURN_UNLOADS_TOTAL: &str = "lora_churn_unloads_total";
    /// Replicas for which the LoRA controller found no worker.
    pub const LORA_OVERFLOW_COUNT: &str = "lora_overflow_count";
    /// The label of the time of a move; its values are [`migration_type`].
    pub const MIGRATION_TYPE_LABEL: &str = "migration_type";
    /// The label of how a move ended; its values are [`migration_outcome`].
    pub const MIGRATION_OUTCOME_LABEL: &str = "outcome";
    /// The label of the tokenizer's operation; its values are [`operation`].
    pub const OPERATION_LABEL: &str = "operation";
    pub mod operation {
        //! Values of `OPERATION_LABEL`.

        /// Text to tokens.
        pub const TOKENIZE: &str = "tokenize";
        /// Tokens to text.
        pub const DETOKENIZE: &str = "detokenize";
    }

    pub mod migration_outcome {
        //! Values of `MIGRATION_OUTCOME_LABEL`.

        /// Another worker took the request.
        pub const SUCCESS: &str = "success";
        /// No worker took the request.
        pub const FAILURE: &str = "failure";
        /// The client disconnected meanwhile.
        pub const CANCELLED: &str = "cancelled";
    }

    pub mod migration_type {
        //! Values of `MIGRATION_TYPE_LABEL`.

        /// Moved before the response began: no worker took the request.
        pub const NEW_REQUEST: &str = "new_request";
        /// Moved in the middle of the response: its stream broke off.
        pub const ONGOING_REQUEST: &str = "ongoing_request";
    }

    pub mod status {
        //! Values of the label `status` of `REQUESTS_TOTAL`.

        /// The response is complete.
        pub const SUCCESS: &str = "success";
        /// The request failed; the label `error_type` has the reason.
        pub const ERROR: &str = "error";
    }

    pub mod request_type {
        //! Values of the label `request_type` of `REQUESTS_TOTAL`.

        /// The response came in parts.
        pub const STREAM: &str = "stream";
        /// The response came in one piece.
        pub const UNARY: &str = "unary";
    }

    pub mod error_type {
        //! Values of the label `error_type` of `REQUESTS_TOTAL`.

        /// No error. The empty value, which Prometheus treats as no label.
        pub const NONE: &str = "";
        /// The request is not valid (HTTP 400).
        pub const VALIDATION: &str = "validation";
        /// There is no such model or resource (HTTP 404).
        pub const NOT_FOUND: &str = "not_found";
        /// Too many requests (HTTP 429 or 529).
        pub const OVERLOAD: &str = "overload";
        /// No worker can serve the request (HTTP 503).
        pub const UNAVAILABLE: &str = "unavailable";
        /// Cancelled by the client or by a timeout.
        pub const CANCELLED: &str = "cancelled";
        /// The worker took the request and fell silent.
        pub const RESPONSE_TIMEOUT: &str = "response_timeout";
        /// The first token did not come in time.
        pub const FIRST_TOKEN_TIMEOUT: &str = "first_token_timeout";
        /// A later token did not come in time.
        pub const INTRA_TOKEN_TIMEOUT: &str = "intra_token_timeout";
        /// An error that no other value names (HTTP 500).
        pub const INTERNAL: &str = "internal";
        /// The request asks for something that does not exist yet (HTTP 501).
        pub const NOT_IMPLEMENTED: &str = "not_implemented";
        /// The engine ended the response with an error.
        pub const BACKEND_ERROR: &str = "backend_error";
        /// The response ended without a reason given.
        pub const TRUNCATED_STREAM: &str = "truncated_stream";
    }
}

pub mod frontend_perf {
    //! A request's stages in the frontend, and its event loop. Prefix: [`super::name_prefix::FRONTEND`].

    /// Histogram by stage: seconds spent in it.
    pub const STAGE_DURATION_SECONDS: &str = "stage_duration_seconds";
    /// Gauge by stage and phase: requests in it now.
    pub const STAGE_REQUESTS: &str = "stage_requests";
    /// Value of the label `stage`: templates, tokenizing and checks.
    pub const STAGE_PREPROCESS: &str = "preprocess";
    /// Value of the label `stage`: the choice of a worker.
    pub const STAGE_ROUTE: &str = "route";
    /// Value of the label `stage`: the request goes to the worker.
    pub const STAGE_DISPATCH: &str = "dispatch";
    /// Histogram: seconds to tokenize a prompt.
    pub const TOKENIZE_SECONDS: &str = "tokenize_seconds";
    /// Histogram: seconds to fill in the chat template.
    pub const TEMPLATE_SECONDS: &str = "template_seconds";
    /// Counter: look-ups that the tokenizer's cache answered.
    pub const TOKENIZER_CACHE_HITS_TOTAL: &str = "tokenizer_cache_hits_total";
    /// Counter: look-ups that the tokenizer's cache could not answer.
    pub const TOKENIZER_CACHE_MISSES_TOTAL: &str = "tokenizer_cache_misses_total";
    /// Counter by model: tokens that came from the tokenizer's cache.
    pub const TOKENIZER_CACHE_CACHED_TOKENS_TOTAL: &str = "tokenizer_cache_cached_tokens_total";
    /// Counter by model: tokens that had to be made in spite of the tokenizer's cache.
    pub const TOKENIZER_CACHE_UNCACHED_TOKENS_TOTAL: &str = "tokenizer_cache_uncached_tokens_total";
    /// Microseconds to detokenize one token. Replaced by the next two.
    pub const DETOKENIZE_PER_TOKEN_US: &str = "detokenize_per_token_us";
    /// Counter: microseconds spent on detokenizing. Over [`DETOKENIZE_TOKEN_COUNT`], the mean.
    pub const DETOKENIZE_TOTAL_US: &str = "detokenize_total_us";
    /// Counter: tokens detokenized.
    pub const DETOKENIZE_TOKEN_COUNT: &str = "detokenize_token_count";
    /// Histogram: seconds by which a timer of 10 ms comes late in the event loop.
    pub const EVENT_LOOP_DELAY_SECONDS: &str = "event_loop_delay_seconds";
    /// Counter: such delays beyond 5 ms.
    pub const EVENT_LOOP_STALL_TOTAL: &str = "event_loop_stall_total";
}

pub mod router {
    //! Routers, as the component [`super::router`]. Prefix: [`super::name_prefix::COMPONENT`].

    /// Counter: requests taken into the schedule.
    pub const REQUESTS_STARTED_TOTAL: &str = "router_requests_started_total";
    /// Counter: requests routed.
    pub const REQUESTS_TOTAL: &str = "router_requests_total";
    /// Counter: failed questions to a remote indexer about overlaps.
    pub const REMOTE_INDEXER_QUERY_FAILURES_TOTAL: &str =
        "router_remote_indexer_query_failures_total";
    /// Counter: routing decisions that could not be sent to a remote indexer.
    pub const REMOTE_INDEXER_WRITE_FAILURES_TOTAL: &str =
        "router_remote_indexer_write_failures_total";
    /// Gauge: workers that should publish KV events but have no endpoint to ask for them.
    pub const KV_EVENT_SOURCE_MISMATCH_WORKERS: &str = "router_kv_event_source_mismatch_workers";
    /// Histogram: seconds to the first token, seen from the router.
    pub const TIME_TO_FIRST_TOKEN_SECONDS: &str = "router_time_to_first_token_seconds";
    /// Histogram: a request's mean seconds between tokens, seen from the router.
    pub const INTER_TOKEN_LATENCY_SECONDS: &str = "router_inter_token_latency_seconds";
    /// Histogram: tokens of a request's prompt.
    pub const INPUT_SEQUENCE_TOKENS: &str = "router_input_sequence_tokens";
    /// Histogram: tokens of a response.
    pub const OUTPUT_SEQUENCE_TOKENS: &str = "router_output_sequence_tokens";
    /// Histogram: share of the prompt the router expects in the worker's KV cache, 0 to 1.
    pub const KV_HIT_RATE: &str = "router_kv_hit_rate";
    /// Counter: prompt tokens cached by the worker that has most of them.
    pub const KV_BEST_ELIGIBLE_CACHED_PREFIX_TOKENS_TOTAL: &str =
        "router_kv_best_eligible_cached_prefix_tokens_total";
    /// Counter: prompt tokens cached by the worker that was selected.
    pub const KV_SELECTED_CACHED_PREFIX_TOKENS_TOTAL: &str =
        "router_kv_selected_cached_prefix_tokens_total";
    /// Counter: prompt tokens that workers report as reused from their cache.
    pub const KV_WORKER_REUSED_TOKENS_TOTAL: &str = "router_kv_worker_reused_tokens_total";
    /// Histogram: share of a request's blocks found in the shared cache, 0 to 1.
    pub const SHARED_CACHE_HIT_RATE: &str = "router_shared_cache_hit_rate";
    /// Histogram: blocks in the shared cache that the chosen worker does not have itself.
    pub const SHARED_CACHE_BEYOND_BLOCKS: &str = "router_shared_cache_beyond_blocks";
    /// Counter: selected workers that had less overlap than another eligible one.
    pub const NON_MAX_OVERLAP_SELECTIONS_TOTAL: &str = "router_non_max_overlap_selections_total";
    /// Histogram: blocks of overlap that such a selection gave up.
    pub const OVERLAP_BLOCKS_LOST: &str = "router_overlap_blocks_lost";
    /// Gauge by worker and rank: 1 while the router knows it.
    pub const WORKER_REGISTERED: &str = "router_worker_registered";
}

pub mod router_request {
    //! How the frontend's names become the router's. Prefix: [`super::name_prefix::COMPONENT`].

    /// Goes before a name of [`super::frontend_service`]: `requests_total` becomes
    /// `router_requests_total`.
    pub const METRIC_PREFIX: &str = "router_";
}

pub mod routing_overhead {
    //! The phases of a routing decision, by `router_id`. Prefix: [`super::name_prefix::ROUTER`].

    /// Histogram: milliseconds to hash the prompt's blocks.
    pub const BLOCK_HASHING_MS: &str = "overhead_block_hashing_ms";
    /// Histogram: milliseconds to find the workers that hold them.
    pub const INDEXER_FIND_MATCHES_MS: &str = "overhead_indexer_find_matches_ms";
    /// Histogram: milliseconds to hash the sequence.
    pub const SEQ_HASHING_MS: &str = "overhead_seq_hashing_ms";
    /// Histogram: milliseconds to choose a worker.
    pub const SCHEDULING_MS: &str = "overhead_scheduling_ms";
    /// Histogram: milliseconds for the whole decision.
    pub const TOTAL_MS: &str = "overhead_total_ms";
    /// Histogram: milliseconds to ask the shared KV cache.
    pub const SHARED_CACHE_QUERY_MS: &str = "overhead_shared_cache_query_ms";
    /// Counter: questions to the shared KV cache that failed or came too late.
    pub const SHARED_CACHE_ERRORS_TOTAL: &str = "shared_cache_errors_total";
}

pub mod kvrouter {
    //! The index of the workers' KV caches. Prefix: [`super::name_prefix::COMPONENT`].

    /// Counter by event type and status: KV cache events taken into the index.
    pub const KV_CACHE_EVENTS_APPLIED: &str = "kv_cache_events_applied";
}

pub mod kvindexer {
    //! The KV indexer as an HTTP service. Prefix: [`super::name_prefix::KVINDEXER`].

    /// Histogram: seconds to answer a request.
    pub const REQUEST_DURATION_SECONDS: &str = "request_duration_seconds";
    /// Counter: requests.
    pub const REQUESTS_TOTAL: &str = "requests_total";
    /// Counter: answers with an HTTP status of 400 or more.
    pub const ERRORS_TOTAL: &str = "errors_total";
    /// Gauge: indexers in use, one for each model and tenant.
    pub const MODELS: &str = "models";
    /// Gauge: workers registered.
    pub const WORKERS: &str = "workers";
}

pub mod kv_publisher {
    //! KV cache events on their way out of a worker. Prefix: [`super::name_prefix::COMPONENT`].

    /// Counter: events lost inside the engine, seen as gaps in their ids.
    pub const ENGINES_DROPPED_EVENTS_TOTAL: &str = "kv_publisher_engines_dropped_events_total";
    /// Counter by stage and event type: events seen by the ZMQ relay.
    pub const ZMQ_EVENTS_TOTAL: &str = "kv_publisher_zmq_events_total";
    /// Counter by event type and reason: events the relay dropped before it converted them.
    pub const ZMQ_FILTERED_EVENTS_TOTAL: &str = "kv_publisher_zmq_filtered_events_total";
    /// Counter by event type and reason: events the relay could not convert.
    pub const ZMQ_CONVERSION_ISSUES_TOTAL: &str = "kv_publisher_zmq_conversion_issues_total";
    /// Counter by event type and reason: odd events that the relay passed on all the same.
    pub const ZMQ_SUSPICIOUS_EVENTS_TOTAL: &str = "kv_publisher_zmq_suspicious_events_total";
}

pub mod kvstats {
    //! A worker's KV cache. Prefix: [`super::name_prefix::COMPONENT`].
    //!
    //! Dynamo 0.8 had other values for two of these: see [`super::kvstats_legacy`].

    /// Gauge: KV cache blocks the worker has.
    pub const TOTAL_BLOCKS: &str = "total_blocks";
    /// Gauge: share of the KV cache in use, 0 to 1 in spite of the name.
    pub const GPU_CACHE_USAGE_PERCENT: &str = "gpu_cache_usage_percent";
    /// Gauge: share of prompt tokens found in the prefix cache, 0 to 1.
    pub const KV_CACHE_HIT_RATE: &str = "kv_cache_hit_rate";
    /// The prefix of these names up to Dynamo 0.8; they include it.
    pub const PREFIX: &str = "kvstats_";
    /// Gauge: KV cache blocks in use. Up to Dynamo 0.8.
    pub const ACTIVE_BLOCKS: &str = "kvstats_active_blocks";
    /// Gauge: share of prompt tokens found in the prefix cache, 0 to 1. Up to Dynamo 0.8.
    pub const GPU_PREFIX_CACHE_HIT_RATE: &str = "kvstats_gpu_prefix_cache_hit_rate";
}

pub mod kvstats_legacy {
    //! A worker's KV cache, as Dynamo 0.7 and 0.8 named it. Prefix: [`super::name_prefix::COMPONENT`].

    /// The prefix of these names; they include it.
    pub const PREFIX: &str = "kvstats_";
    /// Gauge: KV cache blocks in use.
    pub const ACTIVE_BLOCKS: &str = "kvstats_active_blocks";
    /// Gauge: KV cache blocks the worker has.
    pub const TOTAL_BLOCKS: &str = "kvstats_total_blocks";
    /// Gauge: share of the KV cache in use, 0 to 1 in spite of the name.
    pub const GPU_CACHE_USAGE_PERCENT: &str = "kvstats_gpu_cache_usage_percent";
    /// Gauge: share of prompt tokens found in the prefix cache, 0 to 1.
    pub const GPU_PREFIX_CACHE_HIT_RATE: &str = "kvstats_gpu_prefix_cache_hit_rate";
}

pub mod model_info {
    //! The model a worker has loaded. Prefix: [`super::name_prefix::COMPONENT`].

    /// Gauge: seconds it took to load the model.
    pub const LOAD_TIME_SECONDS: &str = "model_load_time_seconds";
}

pub mod lifecycle {
    //! The end of a worker. Prefix: [`super::name_prefix::COMPONENT`].

    /// Gauge: seconds that the engine needed to release its resources.
    pub const CLEANUP_TIME_SECONDS: &str = "cleanup_time_seconds";
    /// Gauge: seconds that the drain took.
    pub const DRAIN_TIME_SECONDS: &str = "drain_time_seconds";
}

pub mod kvbm {
    //! The KV block manager, which moves blocks between device, host, disk and object storage.
    //!
    //! In its names these are `d`, `h`, `d` (the second one) and `o`.

    /// Blocks moved from device to host.
    pub const OFFLOAD_BLOCKS_D2H: &str = "offload_blocks_d2h";
    /// Blocks moved from host to disk.
    pub const OFFLOAD_BLOCKS_H2D: &str = "offload_blocks_h2d";
    /// Blocks moved from device to disk, past the host's memory.
    pub const OFFLOAD_BLOCKS_D2D: &str = "offload_blocks_d2d";
    /// Blocks brought back from host to device.
    pub const ONBOARD_BLOCKS_H2D: &str = "onboard_blocks_h2d";
    /// Blocks brought back from disk to device.
    pub const ONBOARD_BLOCKS_D2D: &str = "onboard_blocks_d2d";
    /// Prompt tokens found in some cache.
    pub const MATCHED_TOKENS: &str = "matched_tokens";
    /// Share of look-ups answered by the host's cache, 0 to 1, over a sliding window.
    pub const HOST_CACHE_HIT_RATE: &str = "host_cache_hit_rate";
    /// Share of look-ups answered by the disk's cache, 0 to 1, over a sliding window.
    pub const DISK_CACHE_HIT_RATE: &str = "disk_cache_hit_rate";
    /// Share of look-ups answered by object storage, 0 to 1, over a sliding window.
    pub const OBJECT_CACHE_HIT_RATE: &str = "object_cache_hit_rate";
    /// Blocks moved from device to object storage.
    pub const OFFLOAD_BLOCKS_D2O: &str = "offload_blocks_d2o";
    /// Blocks brought back from object storage to device.
    pub const ONBOARD_BLOCKS_O2D: &str = "onboard_blocks_o2d";
    /// Bytes moved to object storage.
    pub const OFFLOAD_BYTES_OBJECT: &str = "offload_bytes_object";
    /// Bytes brought back from object storage.
    pub const ONBOARD_BYTES_OBJECT: &str = "onboard_bytes_object";
    /// Blocks that could not be read from object storage.
    pub const OBJECT_READ_FAILURES: &str = "object_read_failures";
    /// Blocks that could not be written to object storage.
    pub const OBJECT_WRITE_FAILURES: &str = "object_write_failures";
}

pub mod kvbm_connector {
    //! The two sides of the KV block manager, as component names. Before Dynamo 0.7.

    /// The side that plans.
    pub const KVBM_CONNECTOR_LEADER: &str = "kvbm_connector_leader";
    /// The side that moves blocks.
    pub const KVBM_CONNECTOR_WORKER: &str = "kvbm_connector_worker";
}

pub mod task_tracker {
    //! Background tasks, counted through their life.

    /// Counter: tasks handed in.
    pub const TASKS_ISSUED_TOTAL: &str = "tasks_issued_total";
    /// Counter: tasks that began to run.
    pub const TASKS_STARTED_TOTAL: &str = "tasks_started_total";
    /// Counter: tasks that ended well.
    pub const TASKS_SUCCESS_TOTAL: &str = "tasks_success_total";
    /// Counter: tasks cancelled.
    pub const TASKS_CANCELLED_TOTAL: &str = "tasks_cancelled_total";
    /// Counter: tasks that ended with an error.
    pub const TASKS_FAILED_TOTAL: &str = "tasks_failed_total";
    /// Counter: tasks turned away before they ran.
    pub const TASKS_REJECTED_TOTAL: &str = "tasks_rejected_total";
}

pub mod tokio_perf {
    //! The tokio runtime. Prefix: [`super::name_prefix::TOKIO`].

    /// Gauge by worker thread: mean nanoseconds of a task's poll.
    pub const WORKER_MEAN_POLL_TIME_NS: &str = "worker_mean_poll_time_ns";
    /// Gauge: tasks in the queue that all worker threads share.
    pub const GLOBAL_QUEUE_DEPTH: &str = "global_queue_depth";
    /// Counter: tasks made to yield because they had used up their budget.
    pub const BUDGET_FORCED_YIELD_TOTAL: &str = "budget_forced_yield_total";
    /// Gauge by worker thread: share of its time spent on tasks, 0 to 1.
    pub const WORKER_BUSY_RATIO: &str = "worker_busy_ratio";
    /// Counter by worker thread: times it went to sleep for want of tasks.
    pub const WORKER_PARK_COUNT_TOTAL: &str = "worker_park_count_total";
    /// Gauge by worker thread: tasks in its own queue.
    pub const WORKER_LOCAL_QUEUE_DEPTH: &str = "worker_local_queue_depth";
    /// Counter by worker thread: tasks taken from another one's queue.
    pub const WORKER_STEAL_COUNT_TOTAL: &str = "worker_steal_count_total";
    /// Counter by worker thread: times its own queue ran over into the shared one.
    pub const WORKER_OVERFLOW_COUNT_TOTAL: &str = "worker_overflow_count_total";
    /// Counter: warnings about queues that are too long.
    pub const QUEUE_OVERLOAD_WARNINGS_TOTAL: &str = "queue_overload_warnings_total";
    /// Gauge: threads for blocking calls.
    pub const BLOCKING_THREADS: &str = "blocking_threads";
    /// Gauge: such threads without work.
    pub const BLOCKING_IDLE_THREADS: &str = "blocking_idle_threads";
    /// Gauge: blocking calls that wait for a thread.
    pub const BLOCKING_QUEUE_DEPTH: &str = "blocking_queue_depth";
    /// Gauge: tasks that have not ended.
    pub const ALIVE_TASKS: &str = "alive_tasks";
}

pub mod request_plane {
    //! Requests between the frontend and a worker. Prefix: [`super::name_prefix::REQUEST_PLANE`].

    /// Histogram: seconds until a request is encoded and ready to be sent.
    pub const QUEUE_SECONDS: &str = "queue_seconds";
    /// Histogram: seconds until the worker has confirmed a request.
    pub const SEND_SECONDS: &str = "send_seconds";
    /// Histogram: seconds from the sending to the first item of the response.
    pub const ROUNDTRIP_TTFT_SECONDS: &str = "roundtrip_ttft_seconds";
    /// Gauge: requests in flight; an early name of [`INFLIGHT_REQUESTS`].
    pub const INFLIGHT: &str = "inflight";
    /// Gauge: requests in flight.
    pub const INFLIGHT_REQUESTS: &str = "inflight_requests";
}

pub mod transport {
    //! The transports. Prefix: [`super::name_prefix::TRANSPORT`].

    pub mod tcp {
        //! Requests over plain TCP.

        /// Gauge: connections in use.
        pub const POOL_ACTIVE: &str = "tcp_pool_active";
        /// Gauge: connections kept for later use.
        pub const POOL_IDLE: &str = "tcp_pool_idle";
        /// Counter: bytes sent.
        pub const BYTES_SENT_TOTAL: &str = "tcp_bytes_sent_total";
        /// Counter: bytes received.
        pub const BYTES_RECEIVED_TOTAL: &str = "tcp_bytes_received_total";
        /// Counter: errors of the connections and the protocol.
        pub const ERRORS_TOTAL: &str = "tcp_errors_total";
        /// Gauge: requests the server has read and not yet handed on.
        pub const SERVER_QUEUE_DEPTH: &str = "tcp_server_queue_depth";
        /// Counter: failed accepts after which the server paused for want of resources.
        pub const ACCEPT_BACKOFF_TOTAL: &str = "tcp_accept_backoff_total";
    }

    pub mod nats {
        //! Requests over NATS.

        /// Counter: errors of the connection and the protocol.
        pub const ERRORS_TOTAL: &str = "nats_errors_total";
    }
}

pub mod nats_client {
    //! The connection to NATS, as Dynamo 0.7 showed it. Prefix: [`super::name_prefix::COMPONENT`].

    /// The prefix of these names; they include it.
    pub const PREFIX: &str = "nats_client_";
    /// Bytes received.
    pub const IN_TOTAL_BYTES: &str = "nats_client_in_total_bytes";
    /// Bytes sent that are protocol, not payload.
    pub const OUT_OVERHEAD_BYTES: &str = "nats_client_out_overhead_bytes";
    /// Messages received.
    pub const IN_MESSAGES: &str = "nats_client_in_messages";
    /// Messages sent.
    pub const OUT_MESSAGES: &str = "nats_client_out_messages";
    /// Connections opened; before Dynamo 0.7.
    pub const CONNECTS: &str = "nats_client_connects";
    /// Open connections; named [`CONNECTS`] before Dynamo 0.7.
    pub const CURRENT_CONNECTIONS: &str = "nats_client_current_connections";
    /// Gauge: 0 disconnected, 1 connected, 2 reconnecting.
    pub const CONNECTION_STATE: &str = "nats_client_connection_state";
}

pub mod nats_service {
    //! A component's NATS services, from `$SRV.STATS`. Prefix: [`super::name_prefix::COMPONENT`].
    //!
    //! Dynamo 0.7 showed them and gave four of them new names; both are here.

    /// The prefix of these names; they include it.
    pub const PREFIX: &str = "nats_service_";
    /// Mean milliseconds to handle a request; before Dynamo 0.7.
    pub const AVG_PROCESSING_MS: &str = "nats_service_avg_processing_time_ms";
    /// Mean milliseconds to handle a request.
    pub const PROCESSING_MS_AVG: &str = "nats_service_processing_ms_avg";
    /// Requests that failed; before Dynamo 0.7.
    pub const TOTAL_ERRORS: &str = "nats_service_total_errors";
    /// Requests that failed.
    pub const ERRORS_TOTAL: &str = "nats_service_errors_total";
    /// Requests handled; before Dynamo 0.7.
    pub const TOTAL_REQUESTS: &str = "nats_service_total_requests";
    /// Requests handled.
    pub const REQUESTS_TOTAL: &str = "nats_service_requests_total";
    /// Milliseconds spent on requests, in all; before Dynamo 0.7.
    pub const TOTAL_PROCESSING_MS: &str = "nats_service_total_processing_time_ms";
    /// Milliseconds spent on requests, in all.
    pub const PROCESSING_MS_TOTAL: &str = "nats_service_processing_ms_total";
    /// Gauge: services that answer.
    pub const ACTIVE_SERVICES: &str = "nats_service_active_services";
    /// Gauge: endpoints of these services.
    pub const ACTIVE_ENDPOINTS: &str = "nats_service_active_endpoints";
}

pub mod trtllm_additional {
    //! Metrics of TensorRT-LLM workers beside those of the engine. These are full names.

    /// Counter: requests aborted or cancelled.
    pub const NUM_ABORTED_REQUESTS_TOTAL: &str = "trtllm_num_aborted_requests_total";
    /// Counter: requests with images.
    pub const REQUEST_TYPE_IMAGE_TOTAL: &str = "trtllm_request_type_image_total";
    /// Counter: requests whose output has a prescribed structure.
    pub const REQUEST_TYPE_STRUCTURED_OUTPUT_TOTAL: &str =
        "trtllm_request_type_structured_output_total";
    /// Counter: KV cache transfers that succeeded.
    pub const KV_TRANSFER_SUCCESS_TOTAL: &str = "trtllm_kv_transfer_success_total";
    /// Histogram: seconds of a request's KV cache transfer.
    pub const KV_TRANSFER_LATENCY_SECONDS: &str = "trtllm_kv_transfer_latency_seconds";
    /// Histogram: bytes of a request's KV cache transfer.
    pub const KV_TRANSFER_BYTES: &str = "trtllm_kv_transfer_bytes";
    /// Histogram: gigabytes a second of a request's KV cache transfer.
    pub const KV_TRANSFER_SPEED_GB_S: &str = "trtllm_kv_transfer_speed_gb_s";
    /// Gauge: KV events the engine keeps before it drops the oldest.
    pub const KV_EVENT_BUFFER_CAPACITY: &str = "trtllm_kv_event_buffer_capacity";
    /// KV events that one poll of the engine returned.
    pub const KV_EVENT_DRAIN_BATCH_SIZE: &str = "trtllm_kv_event_drain_batch_size";
    /// Counter: KV events that are missing, by the gaps in their ids.
    pub const KV_EVENT_ID_GAP_EVENTS_TOTAL: &str = "trtllm_kv_event_id_gap_events_total";
}

/// All metrics of [`kvstats_legacy`].
pub const KVSTATS_METRICS: &[&str] = &[
    kvstats_legacy::ACTIVE_BLOCKS,
    kvstats_legacy::TOTAL_BLOCKS,
    kvstats_legacy::GPU_CACHE_USAGE_PERCENT,
    kvstats_legacy::GPU_PREFIX_CACHE_HIT_RATE,
];
/// All metrics of [`nats_client`] that Dynamo 0.7 shows.
pub const DRT_NATS_METRICS: &[&str] = &[
    nats_client::CONNECTION_STATE,
    nats_client::CURRENT_CONNECTIONS,
    nats_client::IN_TOTAL_BYTES,
    nats_client::IN_MESSAGES,
    nats_client::OUT_OVERHEAD_BYTES,
    nats_client::OUT_MESSAGES,
];
/// All metrics of [`nats_service`] that Dynamo 0.7 shows.
pub const COMPONENT_NATS_METRICS: &[&str] = &[
    nats_service::PROCESSING_MS_AVG,
    nats_service::ERRORS_TOTAL,
    nats_service::REQUESTS_TOTAL,
    nats_service::PROCESSING_MS_TOTAL,
    nats_service::ACTIVE_SERVICES,
    nats_service::ACTIVE_ENDPOINTS,
];

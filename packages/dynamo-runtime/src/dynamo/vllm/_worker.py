"""The worker: an engine and an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from dynamo._engines.greeting import greet
from dynamo._engines.handlers import Wrap
from dynamo._engines.serving import serve_model
from dynamo.runtime import Context, DistributedRuntime, Endpoint, register_model
from dynamo.vllm._arguments import Settings
from dynamo.vllm._engine import check, death, start, stop
from dynamo.vllm._guard import guarded
from dynamo.vllm._handler import handler_of
from dynamo.vllm._metrics import model_name, show_families, stat_logger

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM


async def serve(runtime: DistributedRuntime, settings: Settings, wrap: Wrap | None = None) -> None:
    """Serve an engine until the runtime is shut down.

    ``wrap(endpoint, generate)`` is called once, when the engine has started, and returns the
    handler that the endpoint gets; ``generate(request, context)`` has the engine answer. That is
    the place for metrics of your own, created on the endpoint and updated by requests and items.

    Raises ``EngineStartError`` if vLLM does not start, ``EngineDiedError`` if it ends by itself,
    ``ValueError``, ``OSError`` or ``ImportError`` for a bad setting of the environment,
    and what ``wrap`` raises.
    """
    namespace, component, name = settings.endpoint
    endpoint = runtime.namespace(namespace).component(component).endpoint(name)
    endpoint.set_health_status("notready")
    greet(runtime, idle="set DYN_REQUEST_PLANE=tcp")
    with guarded():
        engine = await start(settings.engine, stat_logger(endpoint))
        try:
            generate = handler_of(engine)
            handler = wrap(endpoint, generate) if wrap else generate
            await _serve(runtime, endpoint, engine, handler)
        finally:
            await stop(engine)
    print("stopped")


async def _serve(
    runtime: DistributedRuntime,
    endpoint: Endpoint,
    engine: AsyncLLM,
    handler: Callable[[Any, Context], AsyncIterator[Any]],
) -> None:
    model = model_name(engine.vllm_config)
    show_families(endpoint, model)
    config = engine.vllm_config
    registration = register_model(
        endpoint,
        model,
        context_length=config.model_config.max_model_len,
        kv_cache_block_size=config.cache_config.block_size,
        total_kv_blocks=config.cache_config.num_gpu_blocks or None,
        max_num_seqs=config.scheduler_config.max_num_seqs,
        max_num_batched_tokens=config.scheduler_config.max_num_batched_tokens,
    )
    serving = asyncio.create_task(serve_model(endpoint, handler, model, registration))
    watching = asyncio.create_task(death(engine))
    try:
        await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            runtime.shutdown()  # the endpoint is not ready from here on
        await serving
        if watching.done():
            watching.result()
        await check(engine)  # it may have died a moment ago
    finally:
        serving.cancel()
        watching.cancel()
        await asyncio.wait({serving, watching})

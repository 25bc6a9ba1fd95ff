"""The worker: an engine and an endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dynamo._engines.greeting import greet
from dynamo.prometheus_names import labels
from dynamo.runtime import DistributedRuntime, Endpoint, dynamo_worker
from dynamo.vllm._arguments import Settings
from dynamo.vllm._engine import death, start
from dynamo.vllm._guard import guarded
from dynamo.vllm._handler import handler_of
from dynamo.vllm._metrics import model_name, show_families, stat_logger

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM

_CANARY = {"token_ids": [0], "max_tokens": 1}


async def serve(runtime: DistributedRuntime, settings: Settings) -> None:
    """Serve until told to stop.

    Raises ``EngineStartError`` if vLLM does not start, ``EngineDiedError`` if it ends by itself,
    ``ValueError``, ``OSError`` or ``ImportError`` if a setting of the environment cannot be
    followed.
    """
    namespace, component, name = settings.endpoint
    endpoint = runtime.namespace(namespace).component(component).endpoint(name)
    endpoint.set_health_status("notready")
    greet(runtime, idle="set DYN_REQUEST_PLANE=nats")
    with guarded():
        engine = await start(settings.engine, stat_logger(endpoint))
        try:
            await _serve(runtime, endpoint, engine)
        finally:
            await asyncio.to_thread(engine.shutdown)
    print("stopped")


run = dynamo_worker()(serve)
"""Serves with a runtime of its own."""


async def _serve(runtime: DistributedRuntime, endpoint: Endpoint, engine: AsyncLLM) -> None:
    model = model_name(engine.vllm_config)
    show_families(endpoint, model)
    serving = asyncio.create_task(
        endpoint.serve_endpoint(
            handler_of(engine),
            metrics_labels={labels.MODEL: model},
            health_check_payload=_CANARY,
        )
    )
    watching = asyncio.create_task(death(engine))
    try:
        await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            runtime.shutdown()  # the endpoint is not ready from here on
        await serving
        if watching.done():
            watching.result()
    finally:
        serving.cancel()
        watching.cancel()
        await asyncio.wait({serving, watching})

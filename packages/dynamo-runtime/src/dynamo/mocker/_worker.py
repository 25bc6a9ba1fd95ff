"""The worker: an engine, an endpoint, and perhaps a load."""

from __future__ import annotations

import asyncio
import contextlib
from time import perf_counter

from dynamo._engines.greeting import greet
from dynamo._engines.handlers import Wrap
from dynamo._engines.serving import serve_model
from dynamo.mocker._arguments import Settings
from dynamo.mocker._engine import Engine
from dynamo.mocker._handler import handler_of
from dynamo.mocker._http_load import FrontendSender
from dynamo.mocker._load import EndpointSender, Load, Sender, drive
from dynamo.mocker._metrics import EngineMetrics
from dynamo.mocker._model import Model
from dynamo.mocker._scheduler import Scheduler
from dynamo.runtime import DistributedRuntime, Endpoint, register_model


async def serve(runtime: DistributedRuntime, settings: Settings, wrap: Wrap | None = None) -> None:
    """Serve an engine until the runtime is shut down.

    ``wrap(endpoint, generate)`` is called once, before anything is served, and returns the handler
    that the endpoint gets; ``generate(request, context)`` has the engine answer. That is the place
    for metrics of your own, created on the endpoint and updated by requests and items.

    Raises ``ValueError``, ``OSError`` or ``ImportError`` for a bad setting of the environment,
    and what ``wrap`` raises.
    """
    begun = perf_counter()
    namespace, component, name = settings.endpoint
    endpoint = runtime.namespace(namespace).component(component).endpoint(name)
    metrics = EngineMetrics(endpoint, settings.model, settings.limits)
    scheduler = Scheduler(settings.limits, settings.cost)
    engine = Engine(scheduler, Model(settings.seed, settings.answer), metrics)
    generate = handler_of(engine)
    handler = wrap(endpoint, generate) if wrap else generate
    greet(runtime, idle=None if settings.load else "set DYN_REQUEST_PLANE=tcp, or --load")
    await asyncio.sleep(settings.startup)
    metrics.loaded(perf_counter() - begun)

    limits = settings.limits
    registration = register_model(
        endpoint,
        settings.model,
        context_length=limits.max_model_len,
        kv_cache_block_size=limits.block_size,
        total_kv_blocks=limits.num_gpu_blocks,
        max_num_seqs=limits.max_num_seqs,
        max_num_batched_tokens=limits.max_num_batched_tokens,
    )
    serving = serve_model(endpoint, handler, settings.model, registration)
    tasks = [asyncio.create_task(serving), asyncio.create_task(engine.run())]
    if settings.load:
        tasks.append(asyncio.create_task(_drive(endpoint, settings.load)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            task.result()
    print("stopped")


async def _drive(endpoint: Endpoint, load: Load) -> None:
    sender: Sender
    if load.url is None:
        sender = EndpointSender(await endpoint.client())
    else:
        sender = FrontendSender(load.url)
    await drive(sender, load)

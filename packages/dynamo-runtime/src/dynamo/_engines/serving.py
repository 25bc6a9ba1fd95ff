"""Serves the handler of an engine, and lets frontends find its model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from dynamo.prometheus_names import labels

if TYPE_CHECKING:
    from dynamo.runtime import Context, Endpoint

_CANARY = {"token_ids": [0], "max_tokens": 1}


async def serve_model(
    endpoint: Endpoint,
    handler: Callable[[Any, Context], AsyncIterator[Any]],
    model: str,
    registration: Coroutine[Any, Any, None],
) -> None:
    """Serve until the runtime is drained; ``registration`` is a call of ``register_model``.

    Raises what ``serve_endpoint`` and ``register_model`` raise.
    """
    serving = asyncio.create_task(
        endpoint.serve_endpoint(
            handler, metrics_labels={labels.MODEL: model}, health_check_payload=_CANARY
        )
    )
    registering = asyncio.create_task(registration)
    tasks = {serving, registering}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in (serving, registering):
        if not task.cancelled():
            task.result()

"""Handlers of engine routes: JSON in, JSON out, in the event loop or on a thread."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[Any], Any]
"""Takes what the JSON of a request holds; returns the response, or an awaitable of it."""


def responder(handler: Handler, loop: asyncio.AbstractEventLoop | None) -> Callable[[bytes], str]:
    """Return a function from the body of a request to that of its response.

    It may block. An awaitable that ``handler`` returns is awaited in ``loop``; without one, or when
    that is closed, in an event loop of its own.
    """

    def respond(body: bytes) -> str:
        result = handler(json.loads(body))
        if inspect.isawaitable(result):
            if loop is None or loop.is_closed():
                result = asyncio.run(_awaited(result))
            else:
                result = asyncio.run_coroutine_threadsafe(_awaited(result), loop).result()
        return json.dumps(result, allow_nan=False)

    return respond


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result

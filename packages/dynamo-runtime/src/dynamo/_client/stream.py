"""The answer to a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from dynamo._requests import Context, decode
from dynamo.request_plane import Stream


class ResponseStream:
    """The answer to a request, as it arrives. Raises the ``RequestError`` that it ends with.

    ``aclose()``, a cancelled task and dropping it cancel the request, which stops the handler.
    """

    __module__ = "dynamo.runtime"
    __slots__ = ("__weakref__", "_context", "_open", "_stream", "_wrap")

    def __init__(self, stream: Stream, context: Context, wrap: Callable[[Any], Any] | None) -> None:
        self._stream = stream
        self._context = context
        self._wrap = wrap
        self._open = True
        context.add_listener(stream.cancel)

    def __aiter__(self) -> ResponseStream:
        return self

    async def __anext__(self) -> Any:
        if not self._open:
            raise StopAsyncIteration
        try:
            data = await self._stream.receive()
        except asyncio.CancelledError:
            self._cancel()
            raise
        except Exception:
            self._end()
            raise
        if data is None:
            self._end()
            raise StopAsyncIteration
        item = decode(data)
        return item if self._wrap is None else self._wrap(item)

    async def aclose(self) -> None:
        """Cancel the request, unless the answer is complete."""
        self._cancel()

    def _cancel(self) -> None:
        if self._open:
            self._end()
            self._stream.cancel()

    def _end(self) -> None:
        self._open = False
        self._context.remove_listener(self._stream.cancel)

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self._cancel()

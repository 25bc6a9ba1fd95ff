"""The client's end of a request."""

from __future__ import annotations

from dynamo.request_plane.memory.wire import Exchange


class MemoryStream:
    """The answer to one request."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def receive(self) -> bytes | None:
        """Return the next item, None after the last. Raises what the answer ended with."""
        item = await self._exchange.inbox.get()
        if item is not None:
            self._exchange.credits.add(1)
        return item

    def cancel(self) -> None:
        """Cancel the request."""
        self._exchange.inbox.clear()
        self._exchange.disconnect()

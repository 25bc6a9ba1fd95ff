"""The worker's end of a request."""

from __future__ import annotations

from collections.abc import Callable

from dynamo.request_plane._errors import RequestError
from dynamo.request_plane._protocol import ClientDisconnectedError, Receiver
from dynamo.request_plane.memory.wire import Exchange


class MemoryServed:
    """An address with a receiver."""

    def __init__(self, receivers: dict[str, Receiver], address: str) -> None:
        self._receivers = receivers
        self._address = address

    async def close(self) -> None:
        """Stop accepting requests."""
        self._receivers.pop(self._address, None)


class MemoryCall:
    """One request, to be answered."""

    __slots__ = ("_exchange", "id", "payload")

    def __init__(self, exchange: Exchange, request_id: str, payload: bytes) -> None:
        self._exchange = exchange
        self.id = request_id
        self.payload = payload

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the client disconnects."""
        self._exchange.on_disconnect = callback
        if self._exchange.disconnected:
            callback()

    async def send(self, item: bytes) -> None:
        """Send one item, when the client has room. Raises ``ClientDisconnectedError``."""
        await self._exchange.credits.take()
        self._exchange.inbox.put(item)

    async def finish(self, error: RequestError | None = None) -> None:
        """End the answer. Raises ``ClientDisconnectedError``."""
        if self._exchange.disconnected:
            raise ClientDisconnectedError
        self._exchange.complete()
        self._exchange.inbox.end(error)

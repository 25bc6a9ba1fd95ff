"""The plane of one event loop: clients and workers in the same process, no server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from weakref import WeakKeyDictionary

from dynamo.request_plane._errors import ConnectionLostError, RequestError, UnavailableError
from dynamo.request_plane._flow import Credits, Inbox
from dynamo.request_plane._protocol import CallerGoneError, Receiver

_receivers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Receiver]] = WeakKeyDictionary()


class MemoryPlane:
    """Brings requests to receivers of the same event loop."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._receivers = _receivers.setdefault(loop, {})
        # Other processes, and other loops of this one, may see our addresses in discovery.
        self._prefix = f"{os.getpid()}.{id(loop)}/"
        self._exchanges: set[_Exchange] = set()

    def address(self, namespace: str, component: str, endpoint: str, instance_id: int) -> str:
        """Return where clients of this event loop find an instance of an endpoint."""
        return f"{self._prefix}{(namespace, component, endpoint, instance_id)}"

    def reaches(self, address: str) -> bool:
        """Whether the address is one of this event loop."""
        return address.startswith(self._prefix)

    async def serve(self, address: str, receiver: Receiver) -> MemoryServed:
        """Bring requests for ``address`` to ``receiver``."""
        self._receivers[address] = receiver
        return MemoryServed(self._receivers, address)

    async def call(self, address: str, request_id: str, payload: bytes) -> MemoryStream:
        """Bring a request to ``address``. Raises ``UnavailableError`` if nobody takes it there."""
        receiver = self._receivers.get(address)
        if receiver is None or not receiver.accepting:
            raise UnavailableError(f"no worker takes requests at {address}: it has stopped")
        exchange = _Exchange(self._exchanges)
        receiver.accept(MemoryCall(exchange, request_id, payload))
        return MemoryStream(exchange)

    async def close(self) -> None:
        """Lose the calls that clients of this plane have under way."""
        for exchange in list(self._exchanges):
            exchange.inbox.end(ConnectionLostError("this runtime was shut down"))
            exchange.leave()


class MemoryServed:
    """An address with a receiver."""

    def __init__(self, receivers: dict[str, Receiver], address: str) -> None:
        self._receivers = receivers
        self._address = address

    async def close(self) -> None:
        """Be reachable no more."""
        self._receivers.pop(self._address, None)


class _Exchange:
    """What the two ends of a request share."""

    __slots__ = ("__weakref__", "_open", "credits", "gone", "inbox", "on_gone")

    def __init__(self, exchanges: set[_Exchange]) -> None:
        self.inbox = Inbox()
        self.credits = Credits()
        self.gone = False
        self.on_gone: Callable[[], None] | None = None
        self._open = exchanges
        exchanges.add(self)

    def over(self) -> None:
        self._open.discard(self)

    def leave(self) -> None:
        """Let the client go away, unless the answer is complete."""
        if self in self._open:
            self.over()
            self.gone = True
            self.credits.close(CallerGoneError)
            if self.on_gone is not None:
                self.on_gone()


class MemoryCall:
    """The worker's end of one request."""

    __slots__ = ("_exchange", "id", "payload")

    def __init__(self, exchange: _Exchange, request_id: str, payload: bytes) -> None:
        self._exchange = exchange
        self.id = request_id
        self.payload = payload

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the client goes away."""
        self._exchange.on_gone = callback
        if self._exchange.gone:
            callback()

    async def send(self, item: bytes) -> None:
        """Send one item, when the client has room. Raises ``CallerGoneError``."""
        await self._exchange.credits.take()
        self._exchange.inbox.put(item)

    async def finish(self, error: RequestError | None = None) -> None:
        """End the answer. Raises ``CallerGoneError`` if nobody waits for it."""
        if self._exchange.gone:
            raise CallerGoneError
        self._exchange.over()
        self._exchange.inbox.end(error)


class MemoryStream:
    """The client's end of one request."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    async def receive(self) -> bytes | None:
        """Return the next item, None after the last. Raises what the answer ended with."""
        item = await self._exchange.inbox.get()
        if item is not None:
            self._exchange.credits.add(1)
        return item

    def cancel(self) -> None:
        """Tell the worker that nobody waits."""
        self._exchange.inbox.clear()
        self._exchange.leave()

"""Brings requests to the receivers of the same event loop."""

from __future__ import annotations

import asyncio
import os
from weakref import WeakKeyDictionary

from dynamo.request_plane._errors import ConnectionLostError, UnavailableError
from dynamo.request_plane._protocol import Receiver
from dynamo.request_plane.memory.client import MemoryStream
from dynamo.request_plane.memory.wire import Exchange
from dynamo.request_plane.memory.worker import MemoryCall, MemoryServed

_receivers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Receiver]] = WeakKeyDictionary()


class MemoryPlane:
    """The receivers of one event loop, and the requests of one of its runtimes."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._receivers = _receivers.setdefault(loop, {})
        # Other processes, and other loops of this one, may see these addresses in discovery.
        self._prefix = f"{os.getpid()}.{id(loop)}/"
        self._exchanges: set[Exchange] = set()

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
        """Send a request to ``address``. Raises ``UnavailableError`` if no worker takes it."""
        receiver = self._receivers.get(address)
        if receiver is None or not receiver.accepting:
            raise UnavailableError(f"no worker takes requests at {address}: it has stopped")
        exchange = Exchange(self._exchanges)
        receiver.accept(MemoryCall(exchange, request_id, payload))
        return MemoryStream(exchange)

    async def close(self) -> None:
        """Fail the requests that clients of this plane have open."""
        for exchange in list(self._exchanges):
            exchange.inbox.end(ConnectionLostError("this runtime was shut down"))
            exchange.disconnect()
